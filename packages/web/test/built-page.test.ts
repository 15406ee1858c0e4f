import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { brotliCompressSync, gzipSync } from "node:zlib"
import { build } from "vite"
import { describe, expect, it } from "vitest"
import { temporaryFolder } from "./support/site.ts"

const configFile = fileURLToPath(new URL("../vite.config.ts", import.meta.url))

/** The files of a build, by their paths. */
async function built(outDir: string): Promise<ReadonlyMap<string, Buffer>> {
  await build({ configFile, logLevel: "error", build: { outDir } })
  const paths = readdirSync(outDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
  return new Map(paths.sort().map((path) => [path.slice(outDir.length + 1), readFileSync(path)]))
}

describe("the built page", { timeout: 120_000 }, () => {
  it("is the same bytes twice, small, and asks nothing of a policy that forbids markup, inline code and other hosts", async () => {
    await using folder = await temporaryFolder()
    const files = await built(`${folder.path}/one`)
    const again = await built(`${folder.path}/two`)
    expect([...again.keys()]).toEqual([...files.keys()])
    for (const [path, bytes] of files) expect(again.get(path)?.equals(bytes), path).toBe(true)

    // security.md Q27: whoever has a page can compare it with what was published.
    const listed = [...files.keys()].filter((path) => path !== "SHA256SUMS")
    expect(files.get("SHA256SUMS")?.toString()).toBe(
      listed
        .map((path) => {
          const hash = createHash("sha256")
            .update(files.get(path) ?? "")
            .digest("hex")
          return `${hash}  ${path}\n`
        })
        .join(""),
    )

    // What a browser loads, all of it: also the decoder, which is loaded when somebody scans.
    const loaded = [...files]
      .filter(([path]) => path !== "licenses.md" && path !== "SHA256SUMS")
      .map(([, bytes]) => bytes)
    const sum = (compress: (bytes: Buffer) => Buffer): number =>
      loaded.reduce((bytes, file) => bytes + compress(file).length, 0)
    expect(sum((bytes) => brotliCompressSync(bytes))).toBeLessThan(250_000)
    expect(sum((bytes) => gzipSync(bytes))).toBeLessThan(250_000)

    const html = files.get("index.html")?.toString() ?? ""
    expect(html).not.toMatch(/<script(?![^>]* src="\.\/assets\/)|<style|\son\w+=|\sstyle=/)
    for (const [, address = ""] of html.matchAll(/(?:src|href)="([^"]*)"/g)) expect(address).toMatch(/^\.\//)
    for (const [path, bytes] of files) {
      if (!/\.(js|css)$/.test(path)) continue
      const text = bytes.toString()
      expect(text, path).not.toMatch(
        /\.(innerHTML|outerHTML)\s*=|insertAdjacentHTML|document\.write|new Function/,
      )
      expect(text, path).not.toMatch(/url\(["']?https?:|@import/)
    }
    expect(files.get("licenses.md")?.toString()).toContain("MIT")
  })
})
