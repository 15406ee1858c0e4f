import { mkdir, open, rm } from "node:fs/promises"
import { createRequire } from "node:module"
import { join } from "node:path"
import { median } from "../figures.mjs"

const size = 16_384
// The version that the server uses.
const lmdb = createRequire(new URL("../../packages/server/package.json", import.meta.url))("lmdb")

/** One write and one flush after the other, to a file that is long enough already. The median in milliseconds. */
export async function rawFsync(dir, writes) {
  const path = join(dir, "fsync")
  const file = await open(path, "w+")
  try {
    const bytes = Buffer.alloc(size, 0x5a)
    for (let i = 0; i < writes; i++) await file.write(bytes, 0, size, i * size)
    await file.sync()
    const times = []
    for (let i = 0; i < writes; i++) {
      const before = performance.now()
      await file.write(bytes, 0, size, i * size)
      await file.datasync()
      times.push(performance.now() - before)
    }
    return median(times)
  } finally {
    await file.close()
    await rm(path)
  }
}

/** Values of 16 KB into LMDB and out again, so many to a transaction and a flush each: a message's way through a store without a server. */
export async function rawLmdb(dir, messages, atOnce) {
  const path = join(dir, "lmdb")
  await mkdir(path)
  const database = lmdb.open({ path, encoding: "binary", keyEncoding: "binary" })
  try {
    const bytes = Buffer.alloc(size, 0x5a)
    const key = (n) => Buffer.from(String(n).padStart(16, "0"))
    const commit = async (f) => {
      await database.transaction(f)
      await database.flushed
    }
    const before = process.cpuUsage()
    const began = performance.now()
    for (let n = 0; n < messages; n += atOnce) {
      const keys = Array.from({ length: Math.min(atOnce, messages - n) }, (_, i) => key(n + i))
      await commit(() => keys.forEach((k) => void database.put(k, bytes)))
      await commit(() => keys.forEach((k) => void database.remove(k)))
    }
    const elapsedMs = performance.now() - began
    const { user, system } = process.cpuUsage(before)
    return {
      messagesPerSecond: (messages * 1000) / elapsedMs,
      cpuMsPerMessage: (user + system) / 1000 / messages,
    }
  } finally {
    await database.close()
    await rm(path, { recursive: true })
  }
}
