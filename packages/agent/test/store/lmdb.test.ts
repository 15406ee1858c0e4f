import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { toBase64Url, toHex, utf8 } from "@smpkit/codec"
import { systemRandom } from "@smpkit/crypto"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { durably, lmdbRawStore } from "../../src/store/lmdb.ts"
import { openStore, put, textOf } from "./helpers.ts"

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "smpkit-store-"))
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

const bytes = (text: string): Uint8Array<ArrayBuffer> => utf8(text)

describe("the LMDB store", () => {
  test("keeps what was committed, in the order of the keys' bytes", async () => {
    const raw = await lmdbRawStore(join(directory, "made"))
    await raw.commit([
      { type: "put", key: bytes("b"), value: bytes("2") },
      { type: "put", key: bytes("a\xff"), value: bytes("") },
      { type: "put", key: bytes("a"), value: systemRandom.bytes(70_000) },
    ])
    await raw.commit([
      { type: "delete", key: bytes("missing") },
      { type: "put", key: bytes("b"), value: bytes("3") },
    ])
    await raw[Symbol.asyncDispose]()
    await using again = await lmdbRawStore(join(directory, "made"))
    expect([...again.scan(bytes("a"))].map(({ value }) => value.length)).toEqual([70_000, 0])
    expect([...again.scan(bytes(""))].map(({ key }) => key)).toEqual([bytes("a"), bytes("a\xff"), bytes("b")])
    expect(again.get(bytes("b"))).toEqual(bytes("3"))
    expect(again.get(bytes("c"))).toBeUndefined()
    await again.commit([{ type: "delete", key: bytes("b") }])
    expect(again.get(bytes("b"))).toBeUndefined()
    expect(statSync(join(directory, "made")).mode & 0o077).toBe(0)
  })

  test("changes nothing when the expectation does not hold", async () => {
    await using raw = await lmdbRawStore(directory)
    const change = { type: "put", key: bytes("k"), value: bytes("1") } as const
    await expect(raw.commit([change], { key: bytes("r"), value: bytes("x") })).rejects.toMatchObject({
      code: "STORE_CONFLICT",
    })
    expect(raw.get(bytes("k"))).toBeUndefined()
    await raw.commit([change], { key: bytes("k"), value: undefined })
    await expect(raw.commit([change], { key: bytes("k"), value: undefined })).rejects.toMatchObject({
      code: "STORE_CONFLICT",
    })
    await raw.commit([{ ...change, value: bytes("2") }], { key: bytes("k"), value: bytes("1") })
    expect(raw.get(bytes("k"))).toEqual(bytes("2"))
  })

  test("waits for the flush, not for the commit", async () => {
    let flush = (): void => undefined
    const flushed = new Promise<void>((resolve) => {
      flush = resolve
    })
    let done = false
    const transaction = async <T>(f: () => T): Promise<T> => {
      await Promise.resolve()
      return f()
    }
    const commit = durably({ transaction, flushed }, () => "result").then((result) => {
      done = true
      return result
    })
    await new Promise(setImmediate)
    expect(done).toBe(false)
    flush()
    expect(await commit).toBe("result")
  })

  test.each([
    ["a text", Buffer.from("not a database, but long enough to be read as one ".repeat(400))],
    ["zeros", Buffer.alloc(8192)],
    ["a few bytes", Buffer.from("abc")],
  ])("refuses a file that is no database: %s", async (_, content) => {
    writeFileSync(join(directory, "data.mdb"), content)
    await expect(lmdbRawStore(directory)).rejects.toMatchObject({ code: "STORE_TAMPERED" })
    // The lock was freed.
    rmSync(join(directory, "data.mdb"))
    await (await lmdbRawStore(directory))[Symbol.asyncDispose]()
  })

  test("refuses a file whose second page was overwritten", async () => {
    const raw = await lmdbRawStore(directory)
    await raw.commit([{ type: "put", key: bytes("k"), value: bytes("v") }])
    await raw[Symbol.asyncDispose]()
    const path = join(directory, "data.mdb")
    writeFileSync(path, readFileSync(path).fill(0, 4096, 8192))
    await expect(lmdbRawStore(directory)).rejects.toMatchObject({ code: "STORE_TAMPERED" })
  })

  test("says so after it was closed", async () => {
    const raw = await lmdbRawStore(directory)
    await raw[Symbol.asyncDispose]()
    await raw[Symbol.asyncDispose]()
    expect(() => raw.get(bytes("k"))).toThrow("closed")
    await expect(raw.commit([])).rejects.toMatchObject({ code: "STORE_CLOSED" })
  })
})

describe("the lock", () => {
  test("lets one store in, names its process, and lets the next one in after it", async () => {
    const raw = await lmdbRawStore(directory)
    symlinkSync(directory, `${directory}-link`)
    try {
      for (const path of [directory, `${directory}-link`]) {
        await expect(lmdbRawStore(path)).rejects.toMatchObject({
          code: "STORE_IN_USE",
          message: expect.stringContaining(`process ${process.pid};`) as string,
        })
      }
    } finally {
      rmSync(`${directory}-link`)
    }
    await raw[Symbol.asyncDispose]()
    await using next = await lmdbRawStore(directory)
    expect(next.get(bytes("k"))).toBeUndefined()
  })
})

/** A writer in a process of its own. */
class Writer {
  readonly process: ChildProcess
  readonly lines: string[] = []
  readonly exit: Promise<unknown>

  constructor() {
    const script = fileURLToPath(new URL("writer-child.mjs", import.meta.url))
    this.process = spawn(process.execPath, [script, directory], { stdio: ["ignore", "pipe", "inherit"] })
    this.exit = once(this.process, "close")
    if (this.process.stdout === null) throw new Error("no output")
    createInterface(this.process.stdout).on("line", (line) => this.lines.push(line))
  }

  async until(lines: number): Promise<void> {
    while (this.lines.length < lines && this.process.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe("kill -9", () => {
  test("frees the lock; every resolved update is there, every update whole, and the root fits", async () => {
    let acknowledged = -1
    for (const moment of [1, 2, 7, 23, 60]) {
      const writer = new Writer()
      await writer.until(1 + moment)
      expect(writer.lines[0]).toBe("open")
      if (moment === 7) {
        await expect(lmdbRawStore(directory)).rejects.toMatchObject({
          code: "STORE_IN_USE",
          message: expect.stringContaining(`process ${writer.process.pid ?? "?"};`) as string,
        })
        const second = new Writer()
        await second.exit
        expect(second.lines[0]).toMatch(/^STORE_IN_USE: /)
      }
      writer.process.kill("SIGKILL")
      await writer.exit
      acknowledged = Math.max(acknowledged, ...writer.lines.slice(1).map(Number))
      const store = await openStore(await lmdbRawStore(directory))
      const numbers = [...store.list("numbers")]
      expect(numbers.length).toBeGreaterThan(acknowledged)
      expect(textOf(store, "pair", "a")).toBe(String(numbers.length - 1))
      expect(textOf(store, "pair", "b")).toBe(String(numbers.length - 1))
      await store.close()
    }
    expect(acknowledged).toBeGreaterThan(20)
  }, 60_000)
})

test("nothing of keys, tables or values can be read in the files", async () => {
  const canaries = [
    "CANARYtableCANARY",
    "CANARYkeyCANARY",
    "CANARYvalueCANARY",
    "CANARYphraseCANARY",
  ] as const
  const [table, key, value, passphrase] = canaries
  const store = await openStore(await lmdbRawStore(directory), { passphrase })
  await put(store, table, `${key}/1`, value)
  await put(store, table, `${key}/2`, value.repeat(1000))
  await store.update((tx) => {
    tx.delete(table, `${key}/2`)
  })
  await store.compact()
  const scan = (): void => {
    const files = readdirSync(directory)
    expect(files.length).toBeGreaterThan(1)
    for (const file of files) {
      const content = readFileSync(join(directory, file))
      for (const canary of canaries) {
        const raw = utf8(canary)
        // A reader of UTF-16 or of printable encodings would find it as well.
        for (const form of [
          canary,
          toHex(raw),
          toBase64Url(raw).slice(0, -2),
          Buffer.from(canary, "utf16le"),
        ]) {
          expect(content.includes(form)).toBe(false)
        }
      }
    }
  }
  scan()
  await store.close()
  scan()
})

test("after compact neither the old records nor the old wrapped key are in the files, and the store goes on", async () => {
  const raw = await lmdbRawStore(directory)
  const store = await openStore(raw)
  for (let i = 0; i < 50; i++) await put(store, "t", String(i), "x".repeat(2000))
  const old = [...raw.scan(new Uint8Array())].map(({ value }) => Buffer.from(value).subarray(0, 100))
  await store.update((tx) => {
    for (let i = 1; i < 50; i++) tx.delete("t", String(i))
  })
  const file = join(directory, "data.mdb")
  const sizeBefore = statSync(file).size
  expect(old.filter((value) => readFileSync(file).includes(value)).length).toBeGreaterThan(10)
  await store.compact()
  const content = readFileSync(file)
  expect(old.filter((value) => content.includes(value)).length).toBe(0)
  expect(content.length).toBeLessThan(sizeBefore)
  expect(readdirSync(directory).sort()).toEqual(["data.mdb", "lock.mdb", "owner"])
  await put(store, "t", "after", "compact")
  await store.compact()
  await store.close()
  await using again = await openStore(await lmdbRawStore(directory))
  expect([...again.list("t")].map(({ key }) => key)).toEqual(["0", "after"])
})

test("what an interrupted compact left behind is removed", async () => {
  const store = await openStore(await lmdbRawStore(directory))
  await put(store, "t", "k", "v")
  await store.close()
  mkdirSync(join(directory, "rewritten"))
  writeFileSync(join(directory, "rewritten", "data.mdb"), "half")
  await using again = await openStore(await lmdbRawStore(directory))
  expect(textOf(again, "t", "k")).toBe("v")
  expect(readdirSync(directory)).not.toContain("rewritten")
})
