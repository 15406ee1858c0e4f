import { mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { seededRandom } from "@smpkit/testkit"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { ServerError } from "../src/errors.ts"
import { get, send } from "../src/queue.ts"
import { openDiskStore } from "../src/store/disk.ts"
import { MemoryStore } from "../src/store/memory.ts"
import { anyMessage, anyRecord } from "./support/records.ts"
import { storeSuite } from "./support/store-suite.ts"

let dir = ""
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "smpkit-store-"))
})
afterAll(() => rm(dir, { recursive: true }))
let count = 0
const newPath = (): string => join(dir, `store${count++}`)

storeSuite("memory", () => Promise.resolve(new MemoryStore()))
storeSuite("disk", () => Promise.resolve(openDiskStore(newPath())))

describe("disk", () => {
  const random = seededRandom("disk")
  const rules = { quota: 128, expireBefore: undefined }

  async function filled(path: string): Promise<ReturnType<typeof anyRecord>> {
    const store = openDiskStore(path)
    const record = anyRecord(random)
    await store.create(record)
    const key = { party: "sender", id: record.senderId } as const
    for (let i = 0; i < 20; i++) await store.apply(key, send(anyMessage(random), undefined, rules))
    await store.close()
    return record
  }

  test("has kept everything when it is opened again", async () => {
    const path = newPath()
    const store = openDiskStore(path)
    const record = anyRecord(random, { mode: "contact", epoch: 3 })
    await store.create(record)
    const message = anyMessage(random)
    await store.apply({ party: "sender", id: record.senderId }, send(message, undefined, rules))
    await store.close()
    await using again = openDiskStore(path)
    expect(await again.find([{ party: "recipient", id: record.recipientId }])).toEqual([record])
    expect(await again.apply({ party: "recipient", id: record.recipientId }, get(0))).toMatchObject({
      message,
    })
  })

  test.each([
    ["is something else", (path: string) => writeFile(path, "no database at all".repeat(1000))],
    [
      "has lost its head",
      async (path: string) => {
        const file = await open(path, "r+")
        await file.write(new Uint8Array(8192), 0, 8192, 0)
        await file.close()
      },
    ],
    ["is cut within its head", (path: string) => truncate(path, 100)],
  ])("a file that %s is an error that says what to do", async (_what, damage) => {
    const path = newPath()
    await filled(path)
    await damage(join(path, "data.mdb"))
    expect(() => openDiskStore(path)).toThrow(
      expect.objectContaining({
        code: "STORE",
        message: expect.stringContaining("restore a backup") as string,
      }),
    )
  })

  test("a file that lost its end fails what needs the end, and nothing else", async () => {
    const path = newPath()
    const record = await filled(path)
    await truncate(join(path, "data.mdb"), 16_384)
    const work = async (): Promise<unknown> => {
      await using store = openDiskStore(path)
      return await store.apply({ party: "recipient", id: record.recipientId }, get(0))
    }
    await expect(work()).rejects.toBeInstanceOf(ServerError)
  })
})
