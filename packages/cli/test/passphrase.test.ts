import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { readPassphrase } from "../src/passphrase.ts"

let dir = ""
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "smpkit-"))
})
afterAll(() => rm(dir, { recursive: true }))

const nobody = (): Promise<undefined> => Promise.resolve(undefined)

async function file(name: string, text: string, mode = 0o600): Promise<string> {
  const path = join(dir, name)
  await writeFile(path, text)
  await chmod(path, mode)
  return path
}

describe("the passphrase (design §6, Q12)", () => {
  test("comes from the file, then the environment, then the person", async () => {
    const passphraseFile = await file("p", "from file\n")
    const environment = { SMPKIT_PASSPHRASE: "from environment" }
    const ask = (): Promise<string> => Promise.resolve("typed")
    expect(await readPassphrase({ dir, passphraseFile }, { environment, ask })).toBe("from file")
    expect(await readPassphrase({ dir }, { environment, ask })).toBe("from environment")
    expect(await readPassphrase({ dir }, { environment: {}, ask })).toBe("typed")
  })

  test("a new folder is asked for twice, a used one once", async () => {
    const asked: boolean[] = []
    const ask = ({ isNew }: { readonly isNew: boolean }): Promise<string> => {
      asked.push(isNew)
      return Promise.resolve("x")
    }
    await file("used", "x")
    await readPassphrase({ dir }, { environment: {}, ask })
    await readPassphrase({ dir: join(dir, "new") }, { environment: {}, ask })
    expect(asked).toEqual([false, true])
  })

  test("keeps everything but the end of the line", async () => {
    const passphraseFile = await file("spaces", "  correct horse \r\n")
    expect(await readPassphrase({ dir, passphraseFile }, { environment: {}, ask: nobody })).toBe(
      "  correct horse ",
    )
  })

  test("an empty one needs the flag", async () => {
    expect(await readPassphrase({ dir, emptyPassphrase: true }, { environment: {}, ask: nobody })).toBe("")
    for (const options of [{ dir, passphraseFile: await file("empty", "\n") }, { dir }])
      await expect(
        readPassphrase(options, { environment: { SMPKIT_PASSPHRASE: "" }, ask: nobody }),
      ).rejects.toMatchObject({
        code: "USAGE",
        message: expect.stringContaining("--empty-passphrase") as string,
      })
  })

  test.each([
    ["readable by the group", 0o640],
    ["readable by all", 0o604],
    ["writable by all", 0o602],
  ])("a file that is %s is refused", async (_, mode) => {
    const passphraseFile = await file(`open-${mode}`, "secret\n", mode)
    await expect(
      readPassphrase({ dir, passphraseFile }, { environment: {}, ask: nobody }),
    ).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("chmod 600") as string,
    })
  })

  test("nobody to ask, no such file, two lines, both flags", async () => {
    const use = (options: object): Promise<string> =>
      readPassphrase({ dir, ...options }, { environment: {}, ask: nobody })
    await expect(use({})).rejects.toMatchObject({ code: "USAGE" })
    await expect(use({ passphraseFile: join(dir, "none") })).rejects.toMatchObject({ code: "USAGE" })
    await expect(use({ passphraseFile: await file("two", "a\nb\n") })).rejects.toMatchObject({
      code: "USAGE",
    })
    await expect(use({ passphraseFile: join(dir, "p"), emptyPassphrase: true })).rejects.toMatchObject({
      code: "USAGE",
    })
  })
})
