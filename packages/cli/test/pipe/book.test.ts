import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { checkPipeName, PipeBook } from "../../src/pipe/book.ts"

let dir = ""
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "smpkit-"))
})
afterAll(() => rm(dir, { recursive: true }))

const entry = { connectionId: "canary-connection", direction: "receive", unfinished: false } as const

describe("the names of pipes", () => {
  test("come back after a restart, change, and forget the link", async () => {
    const book = await PipeBook.open(dir, "passphrase")
    expect(book.get("canary-name")).toBeUndefined()
    await book.put("canary-name", { ...entry, link: "canary-link" })
    await book.change("canary-name", { unfinished: true })
    const again = await PipeBook.open(dir, "passphrase")
    expect(again.get("canary-name")).toEqual({ ...entry, link: "canary-link", unfinished: true })
    await again.forgetLink("canary-name")
    await again.change("canary-name", { unfinished: false, lastEnd: "01" })
    expect((await PipeBook.open(dir, "passphrase")).get("canary-name")).toEqual({ ...entry, lastEnd: "01" })
  })

  test("are sealed and private to their owner", async () => {
    const book = await PipeBook.open(dir, "passphrase")
    await book.put("canary-name", { ...entry, link: "canary-link" })
    const path = join(dir, "pipes.sealed")
    expect((await readFile(path)).toString("latin1")).not.toContain("canary")
    expect((await stat(path)).mode & 0o077).toBe(0)
  })

  test.each([
    ["another passphrase", (): Promise<void> => Promise.resolve(), "other"],
    [
      "a changed byte",
      (path: string): Promise<void> =>
        change(path, (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)])),
      "passphrase",
    ],
    [
      "a cut file",
      (path: string): Promise<void> => change(path, (bytes) => bytes.subarray(0, 30)),
      "passphrase",
    ],
  ])("%s does not open it", async (_, spoil, passphrase) => {
    const own = await mkdtemp(join(dir, "spoilt-"))
    await (await PipeBook.open(own, "passphrase")).put("name", entry)
    await spoil(join(own, "pipes.sealed"))
    await expect(PipeBook.open(own, passphrase)).rejects.toThrow(/damaged or of another passphrase/)
  })

  test.each(["photos", "Größe-2", "a.b_c", "0"])("%s is a name", (name) => {
    expect(checkPipeName(name)).toBe(name)
  })

  test.each(["", "-x", ".hidden", "a b", "a/b", "simplex:/x", "x".repeat(65), "__proto__ ", "a\u202eb"])(
    "%j is none",
    (name) => {
      expect(() => checkPipeName(name)).toThrow(/name/)
    },
  )
})

async function change(path: string, f: (bytes: Buffer) => Uint8Array): Promise<void> {
  await writeFile(path, f(await readFile(path)))
}
