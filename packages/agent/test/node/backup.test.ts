import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { utf8 } from "@smpkit/codec"
import { systemRandom } from "@smpkit/crypto"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { exportAgent, importAgent, openAgent } from "../../src/node/index.ts"
import { SealedStore } from "../../src/store/index.ts"
import { lmdbRawStore } from "../../src/store/lmdb.ts"

const child = fileURLToPath(new URL("import-child.mjs", import.meta.url))
const passphrase = "correct horse"
const server = "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@127.0.0.1:1"

let place: string
const path = (name: string): string => join(place, name)
beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), "smpkit-backup-"))
  const agent = await openAgent({ dir: path("agent"), passphrase, servers: [server] })
  await agent.close()
})
afterEach(() => {
  rmSync(place, { recursive: true, force: true })
})

async function serversOf(dir: string): Promise<readonly string[]> {
  await using agent = await openAgent({ dir, passphrase })
  return (await agent.getServers()).servers
}

async function exported(): Promise<string> {
  const file = path("copy")
  await exportAgent({ dir: path("agent"), file, passphrase, files: ["pipes.sealed", "not there"] })
  return file
}

describe("the folder of an agent", () => {
  test("goes into a file that is private, and comes back with what lies beside its store", async () => {
    writeFileSync(path("agent/pipes.sealed"), "sealed by itself")
    const file = await exported()
    expect(statSync(file).mode & 0o077).toBe(0)
    expect(readFileSync(file).includes("sealed by itself")).toBe(false)
    await importAgent({ dir: path("new"), file, passphrase })
    expect(readFileSync(path("new/pipes.sealed"), "utf8")).toBe("sealed by itself")
    for (const name of ["", "pipes.sealed"]) expect(statSync(path(`new/${name}`)).mode & 0o077).toBe(0)
    const raw = await lmdbRawStore(path("new"))
    const store = await SealedStore.open(raw, { passphrase, random: systemRandom })
    expect(store.wasRestored).toBe(true)
    await store.close()
    expect(await serversOf(path("new"))).toEqual([server])
    expect(readdirSync(place).sort()).toEqual(["agent", "copy", "new"])
  })

  test("is exported while the agent runs, by the agent", async () => {
    const agent = await openAgent({ dir: path("agent"), passphrase })
    const { writeExport } = await import("../../src/node/index.ts")
    await writeExport(path("copy"), agent.exportStore({ files: [{ name: "note", content: utf8("beside") }] }))
    const again = writeExport(path("copy"), agent.exportStore())
    await expect(again).rejects.toMatchObject({ code: "NOT_EMPTY" })
    await agent.close()
    await importAgent({ dir: path("new"), file: path("copy"), passphrase })
    expect(readFileSync(path("new/note"), "utf8")).toBe("beside")
    expect(await serversOf(path("new"))).toEqual([server])
  })

  test("takes the place of no file that comes while it is written, nor of another export to the same name", async () => {
    const { writeExport } = await import("../../src/node/index.ts")
    let begin: () => void = () => undefined
    const both = new Promise<void>((resolve) => {
      begin = resolve
    })
    let begun = 0
    const pieces = async function* (content: string): AsyncGenerator<Uint8Array> {
      yield utf8(content)
      if (++begun === 2) begin()
      await both
      // The second ends long after the first.
      if (content === "two") await setTimeout(50)
      yield utf8(content)
    }
    const [one, two] = await Promise.allSettled([
      writeExport(path("copy"), pieces("one")),
      writeExport(path("copy"), pieces("two")),
    ])
    expect(one.status).toBe("fulfilled")
    expect(two).toMatchObject({ status: "rejected", reason: { code: "NOT_EMPTY" } })
    expect(readFileSync(path("copy"), "utf8")).toBe("oneone")
    expect(statSync(path("copy")).mode & 0o077).toBe(0)
    expect(readdirSync(place).sort()).toEqual(["agent", "copy"])
  })

  test("is not imported where a folder of somebody else has the name that an import needs, which stays as it is", async () => {
    const file = await exported()
    mkdirSync(path("new.importing"))
    writeFileSync(path("new.importing/photo"), "dear")
    const importing = importAgent({ dir: path("new"), file, passphrase })
    await expect(importing).rejects.toMatchObject({
      code: "NOT_EMPTY",
      message: expect.stringContaining("new.importing") as unknown,
    })
    expect(readFileSync(path("new.importing/photo"), "utf8")).toBe("dear")
    expect(readdirSync(path("new.importing"))).toEqual(["photo"])
    expect(existsSync(path("new"))).toBe(false)
  })

  test("may be imported into an empty folder, and over what an import that was cut off left", async () => {
    const file = await exported()
    mkdirSync(path("new"))
    mkdirSync(path("new.importing/agent"), { recursive: true })
    writeFileSync(path("new.importing/agent/data.mdb"), "half")
    writeFileSync(path("new.importing/owner"), "1\n")
    await importAgent({ dir: path("new"), file, passphrase })
    expect(await serversOf(path("new"))).toEqual([server])
    expect(existsSync(path("new.importing"))).toBe(false)
  })

  test("comes of one import, whoever else imports to the same place meanwhile", async () => {
    const file = await exported()
    const importing: Promise<string>[] = []
    for (let i = 0; i < 40; i++) {
      const end = importAgent({ dir: path("new"), file, passphrase }).then(
        () => "done",
        (error: unknown) => String((error as { readonly code?: unknown }).code ?? error),
      )
      importing.push(end)
      await setTimeout(i % 10)
    }
    const ends = await Promise.all(importing)
    expect(ends.filter((end) => end === "done")).toHaveLength(1)
    expect(ends.filter((end) => !["done", "STORE_IN_USE", "NOT_EMPTY"].includes(end))).toEqual([])
    expect(await serversOf(path("new"))).toEqual([server])
    expect(readdirSync(place).sort()).toEqual(["agent", "copy", "new"])
  }, 30_000)

  test("names no file elsewhere", async () => {
    const agent = await openAgent({ dir: path("agent"), passphrase })
    const { writeExport } = await import("../../src/node/index.ts")
    const files = [{ name: "../outside", content: utf8("x") }]
    await writeExport(path("copy"), agent.exportStore({ files }))
    await agent.close()
    const importing = importAgent({ dir: path("new"), file: path("copy"), passphrase })
    await expect(importing).rejects.toMatchObject({ code: "EXPORT_DAMAGED" })
    expect(readdirSync(place).sort()).toEqual(["agent", "copy"])
  })

  test("is not there, or whole, when an import is killed at any time", async () => {
    const file = await exported()
    let whole = 0
    for (const afterMs of [0, 150, 300, 450, 600, 5000]) {
      const importing = spawn(process.execPath, [child, path("new"), file, passphrase])
      await once(importing.stdout, "data")
      const ended = once(importing, "exit")
      await Promise.race([setTimeout(afterMs), ended])
      importing.kill("SIGKILL")
      await ended
      if (!existsSync(path("new"))) continue
      whole++
      expect(await serversOf(path("new"))).toEqual([server])
      rmSync(path("new"), { recursive: true })
    }
    expect(whole).toBeGreaterThan(0)
  }, 30_000)
})
