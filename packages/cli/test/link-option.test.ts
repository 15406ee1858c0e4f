import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { looksLikeLink, readLink } from "../src/link-option.ts"

let dir = ""
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "smpkit-link-"))
  await writeFile(join(dir, "link"), "simplex:/invitation#from-a-file\n")
})
afterAll(() => rm(dir, { recursive: true }))

// Other users of a machine see the arguments of a process.
describe("a link (security.md Q12)", () => {
  test("comes from the argument, then a file, then the environment", async () => {
    const environment = { SMPKIT_LINK: "from the environment" }
    const linkFile = join(dir, "link")
    expect(await readLink("argument", { linkFile }, environment)).toBe("argument")
    expect(await readLink(undefined, { linkFile }, environment)).toBe("simplex:/invitation#from-a-file")
    expect(await readLink(undefined, {}, environment)).toBe("from the environment")
    expect(await readLink(undefined, {}, {})).toBeUndefined()
  })

  test.each([
    ["not there", "nothing", "is not there"],
    ["no file", ".", "cannot be read"],
  ])("in a file that is %s: the error names the file", async (_, name, reason) => {
    await expect(readLink(undefined, { linkFile: join(dir, name) }, {})).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(reason) as string,
    })
  })

  test.each([
    ["simplex:/invitation#/?v=2", true],
    ["https://chat.example/i#a", true],
    ["backups", false],
  ])("%s: %s", (text, expected) => {
    expect(looksLikeLink(text)).toBe(expected)
  })
})
