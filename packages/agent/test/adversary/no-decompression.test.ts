import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"

const packages = fileURLToPath(new URL("../../../", import.meta.url))

/** Everything that bytes of a peer pass through on their way to an application. */
const onTheWay = ["codec", "crypto", "ratchet", "smp", "transport", "client", "agent"]
const decompression = /zstd|zlib|inflate|gunzip|brotli|DecompressionStream|\blz4\b|snappy/i

// security.md Q10: what nothing decompresses cannot be a bomb. Whoever adds it to a layer above takes the package into this list, with its bounds and their test.
test.each(onTheWay)("Q10: nothing in %s decompresses", (name) => {
  const sources = readdirSync(`${packages}${name}/src`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => `${entry.parentPath}/${entry.name}`)
  expect(sources.length).toBeGreaterThan(5)
  for (const path of [...sources, `${packages}${name}/package.json`])
    expect([path, decompression.test(readFileSync(path, "utf8"))]).toEqual([path, false])
})

test("the same look finds what does: the server's page is compressed", () => {
  expect(readFileSync(`${packages}server/src/web/page.ts`, "utf8")).toMatch(decompression)
})
