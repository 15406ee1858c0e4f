import { cp, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Bytes, toHex } from "@smpkit/codec"
import {
  type AuthAlg,
  boxKey,
  type BoxKey,
  dh,
  generateKeyPair,
  type KeyPair,
  systemRandom,
} from "@smpkit/crypto"
import { openMessageBody, type ServerAddress } from "@smpkit/smp"
import { TransportError } from "@smpkit/transport"
import { afterEach, beforeEach, expect, test } from "vitest"
import { connectClient, startProcess } from "./support/server-process.ts"

const rounds = process.env["SLOW"] === "1" ? 30 : 3
let dir = ""
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "smpkit-crash-"))
})
afterEach(() => rm(dir, { recursive: true }))

interface TestQueue {
  readonly recipientId: Bytes
  readonly senderId: Bytes
  readonly key: KeyPair<AuthAlg>
  readonly boxKey: BoxKey
}

async function newQueue(address: ServerAddress): Promise<TestQueue> {
  const client = await connectClient(address)
  const key = client.newKey("ed25519")
  const dhKey = generateKeyPair("x25519", systemRandom)
  const ids = await client.request(
    {
      type: "NEW",
      authKey: key.publicKey,
      dhKey: dhKey.publicKey,
      basicAuth: undefined,
      subscribe: false,
      queueMode: "messaging",
    },
    { key },
  )
  if (ids.type !== "IDS") throw new Error(ids.type)
  await client.session.close()
  return { ...ids, key, boxKey: boxKey(dh(dhKey.privateKey, ids.serverDhKey)) }
}

/** Sends to a queue until the server is gone; the bodies that were answered OK. */
async function load(address: ServerAddress, { senderId }: TestQueue, kept: string[]): Promise<void> {
  try {
    const client = await connectClient(address)
    for (;;) {
      const body = systemRandom.bytes(32)
      const answer = await client.request({ type: "SEND", notification: false, body }, { entityId: senderId })
      if (answer.type === "OK") kept.push(toHex(body))
      else if (answer.type === "ERR" && answer.error.type === "QUOTA") return
      else throw new Error(answer.type)
    }
  } catch (error) {
    if (error instanceof TransportError || (error instanceof Error && error.message.includes("closed")))
      return
    throw error
  }
}

/** Everything in a queue, acknowledged as it comes. */
async function drain(address: ServerAddress, queue: TestQueue): Promise<string[]> {
  const client = await connectClient(address)
  const { recipientId: entityId, key } = queue
  const bodies: string[] = []
  let answer = await client.request({ type: "GET" }, { entityId, key })
  while (answer.type === "MSG") {
    const opened = openMessageBody(queue.boxKey, answer.msgId, answer.body)
    if (opened.type === "message") bodies.push(toHex(opened.body))
    expect(await client.request({ type: "ACK", msgId: answer.msgId }, { entityId, key })).toEqual({
      type: "OK",
    })
    answer = await client.request({ type: "GET" }, { entityId, key })
  }
  expect(answer).toEqual({ type: "OK" })
  await client.session.close()
  return bodies
}

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
