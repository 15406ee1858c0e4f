import { execFileSync } from "node:child_process"
import { cp, mkdtemp, rename, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { drain, load, newQueue } from "./support/load.ts"
import { startProcess } from "./support/server-process.ts"

const rounds = process.env["SLOW"] === "1" ? 30 : 3
let dir = ""
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "smpkit-crash-"))
})
afterEach(() => rm(dir, { recursive: true }))

test("every SEND that was answered OK is there after kill -9 under load, once and in order", async () => {
  let sent = 0
  for (let round = 0; round < rounds; round++) {
    const server = await startProcess(dir)
    const queues = await Promise.all(Array.from({ length: 4 }, () => newQueue(server.address)))
    const kept = queues.map((): string[] => [])
    const loading = Promise.all(queues.map((queue, i) => load(server.address, queue, kept[i] ?? [])))
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 200))
    await server.kill()
    await loading
    const again = await startProcess(dir)
    for (const [i, queue] of queues.entries()) {
      const found = await drain(again.address, queue)
      const known = new Set(kept[i])
      expect(found.filter((body) => known.has(body))).toEqual(kept[i])
      // At most the one that was under way is there without an answer.
      expect(found.length).toBeLessThanOrEqual((kept[i]?.length ?? 0) + 1)
      sent += found.length
    }
    await again.kill("SIGTERM")
  }
  expect(sent).toBeGreaterThan(0)
}, 120_000)

test("SIGTERM ends a server with exit code 0 and nothing lost", async () => {
  const server = await startProcess(dir)
  const queue = await newQueue(server.address)
  const kept: string[] = []
  const loading = load(server.address, queue, kept)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(await server.kill("SIGTERM")).toBe(0)
  await loading
  const again = await startProcess(dir)
  const found = await drain(again.address, queue)
  expect(found.slice(0, kept.length)).toEqual(kept)
  await again.kill()
})

test("a second process on a directory ends with exit code 1 and names the first; kill -9 frees the directory", async () => {
  const first = await startProcess(dir)
  await expect(startProcess(dir)).rejects.toThrow(
    `exit 1: ${dir} is in use by process ${String(first.child.pid)}`,
  )
  await first.kill()
  const second = await startProcess(dir)
  // The port that was found at the first start is kept.
  expect(second.address.port).toBe(first.address.port)
  const copy = join(dir, "copy")
  await cp(join(dir, "server.ini"), join(copy, "server.ini"))
  for (const name of ["server.crt", "server.key"]) await cp(join(dir, name), join(copy, name))
  await expect(startProcess(copy)).rejects.toThrow(/exit 1: cannot listen .* choose another with --port/)
  await second.kill()
})

const shimSource = fileURLToPath(new URL("support/power-cut.c", import.meta.url))

/** Builds what stands between a server process and its disk; `undefined` where there is no C compiler. */
function buildShim(target: string): string | undefined {
  try {
    execFileSync("cc", ["-shared", "-fPIC", "-o", target, shimSource, "-ldl", "-lpthread"], {
      stdio: "ignore",
    })
    return target
  } catch {
    return undefined
  }
}

/** Loads a server, cuts its power, and counts: answered OK, and of these found again on what the disk has kept. */
async function cutPower(shim: string, args: readonly string[]): Promise<{ kept: number; found: number }> {
  const server = await startProcess(dir, { args, env: { LD_PRELOAD: shim } })
  const queues = await Promise.all(Array.from({ length: 4 }, () => newQueue(server.address)))
  const kept = queues.map((): string[] => [])
  const loading = Promise.all(queues.map((queue, i) => load(server.address, queue, kept[i] ?? [])))
  await new Promise((resolve) => setTimeout(resolve, 400 + Math.random() * 200))
  await server.kill()
  await loading
  const store = join(dir, "store")
  await rename(join(store, "data.mdb.durable"), join(store, "data.mdb"))
  await rm(join(store, "lock.mdb"))
  const again = await startProcess(dir)
  let found = 0
  for (const [i, queue] of queues.entries()) {
    const bodies = new Set(await drain(again.address, queue))
    found += kept[i]?.filter((body) => bodies.has(body)).length ?? 0
  }
  await again.kill()
  return { kept: kept.flat().length, found }
}

describe.runIf(process.platform === "linux")("a disk that loses everything which was not flushed", () => {
  const shim = buildShim(join(tmpdir(), `smpkit-power-cut-${process.pid}.so`))

  test.skipIf(shim === undefined)(
    "has every message that was answered OK",
    async () => {
      for (let round = 0; round < rounds; round++) {
        const { kept, found } = await cutPower(shim ?? "", [])
        expect(kept).toBeGreaterThan(0)
        expect(found).toBe(kept)
        await rm(dir, { recursive: true })
        dir = await mkdtemp(join(tmpdir(), "smpkit-crash-"))
      }
    },
    120_000,
  )

  test.skipIf(shim === undefined)(
    "the planted mistake, answering when a transaction has run, loses some",
    async () => {
      let lost = 0
      for (let round = 0; round < 5 && lost === 0; round++) {
        const { kept, found } = await cutPower(shim ?? "", ["early"])
        lost += kept - found
        await rm(dir, { recursive: true })
        dir = await mkdtemp(join(tmpdir(), "smpkit-crash-"))
      }
      expect(lost).toBeGreaterThan(0)
    },
    120_000,
  )
})
