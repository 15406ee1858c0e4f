import { once } from "node:events"
import { readFile, stat } from "node:fs/promises"
import { describe, expect, test } from "vitest"
import { Workshop } from "./processes.ts"

describe("npm start", () => {
  test("an invitation, messages both ways and receipts; again on the same folder; Ctrl-C ends it", async () => {
    await using workshop = await Workshop.open()
    const first = await workshop.run(["demo", "--once"])
    expect(first).toMatchObject({ code: 0, stderr: "" })
    const text = first.stdout.toString()
    for (const step of [
      /made .*passphrase/,
      /listening on smp:\/\//,
      /simplex:\/invitation/,
      /allows the connection/,
      /security code/,
    ])
      expect(text).toMatch(step)
    expect(text.match(/receives: .*integrity: ok/g)).toHaveLength(2)
    expect(text.match(/has the receipt .* unchanged/g)).toHaveLength(2)
    expect((await stat(workshop.path("smpkit-data/passphrase"))).mode & 0o777).toBe(0o600)
    expect(await readFile(workshop.path("smpkit-data/passphrase"), "utf8")).toMatch(/^[\w-]{32}\n$/)

    const child = workshop.start(["demo"])
    let second = ""
    await new Promise<void>((resolve) => {
      child.stdout.on("data", (chunk: Buffer) => {
        second += chunk.toString()
        if (second.includes("smpkit --help")) resolve()
      })
    })
    expect(second).toMatch(/using the passphrase/)
    const page = await fetch(/The chat page is at (http:\/\/\S+)/.exec(second)?.[1] ?? "")
    expect(await page.text()).toContain("<title>")
    expect(second).toMatch(
      /npx smpkit chat --dir smpkit-data\/alice --passphrase-file smpkit-data\/passphrase/,
    )
    expect(/smp:\/\/\S+/.exec(second)?.[0]).toBe(/smp:\/\/\S+/.exec(text)?.[0])
    child.kill("SIGINT")
    expect((await once(child, "exit"))[0]).toBe(0)
  }, 120_000)
})
