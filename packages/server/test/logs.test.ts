import { toBase64Url, toHex } from "@smpkit/codec"
import { encodePublicKey, generateKeyPair, systemRandom } from "@smpkit/crypto"
import { expect, test } from "vitest"
import { loggable } from "../src/log.ts"
import { createLogger, ServerError, startServer } from "../src/index.ts"
import { MemoryStore } from "../src/store/memory.ts"
import type { QueueKey } from "../src/store/store.ts"
import type { QueueStep } from "../src/queue.ts"
import { connectClient } from "./support/server-process.ts"

/** A store that begins to fail, with an error that quotes what a log must not. */
class FailingStore extends MemoryStore {
  failing = false
  override apply<R>(key: QueueKey, step: QueueStep<R>): Promise<R | undefined> {
    return this.failing
      ? Promise.reject(new ServerError("STORE", `cannot read ${toHex(key.id)}`))
      : super.apply(key, step)
  }
}

// security.md Q24: a whole scenario at the lowest level; then every canary is looked for, raw, in hex and in base64url.
test("no level logs ids, keys, bodies, passwords or addresses", async () => {
  let output = ""
  const logger = createLogger({ write: (line) => (output += line) }, "trace")
  const store = new FailingStore()
  const canaries: (readonly [string, Uint8Array])[] = []
  const note = (name: string, bytes: Uint8Array): void => {
    canaries.push([name, bytes])
  }
  {
    await using server = await startServer({
      store,
      bind: "127.0.0.1",
      host: "canary.example.com",
      port: 0,
      logger,
    })
    const address = { ...server.address, hosts: ["127.0.0.1"] as const }
    const client = await connectClient(address)
    note("session", client.session.sessionId)
    const key = client.newKey("ed25519")
    note("recipient key", key.publicKey.raw)
    const dhKey = generateKeyPair("x25519", systemRandom)
    note("dh key", encodePublicKey(dhKey.publicKey).slice(-32))
    const ids = await client.request(
      {
        type: "NEW",
        authKey: key.publicKey,
        dhKey: dhKey.publicKey,
        basicAuth: "canary-password",
        subscribe: true,
        queueMode: "messaging",
      },
      { key },
    )
    if (ids.type !== "IDS") throw new Error(ids.type)
    note("recipient id", ids.recipientId)
    note("sender id", ids.senderId)
    const body = systemRandom.bytes(40)
    note("body", body)
    await client.request({ type: "SEND", notification: false, body }, { entityId: ids.senderId })
    await client.next()
    await client.request({ type: "SUB" }, { entityId: ids.recipientId, key: client.newKey("ed25519") })
    store.failing = true
    expect(await client.request({ type: "SUB" }, { entityId: ids.recipientId, key })).toEqual({
      type: "ERR",
      error: { type: "STORE", text: "not available" },
    })
    store.failing = false
    await expect(connectClient({ ...address, keyHash: systemRandom.bytes(32) })).rejects.toThrow()
    await client.session.close()
  }
  expect(output).toContain("a command failed")
  expect(output).toContain("a client has connected")
  for (const [name, bytes] of canaries) {
    for (const text of [
      Buffer.from(bytes).toString("latin1"),
      toHex(bytes),
      toBase64Url(bytes, { padded: false }),
      Buffer.from(bytes).toString("base64").replace(/=+$/, ""),
    ])
      expect(output.includes(text), name).toBe(false)
  }
  for (const text of ["canary-password", "canary.example.com", "127.0.0.1", "::ffff"])
    expect(output).not.toContain(text)
})

test("an error's message stays out of the log, its kind and place do not", () => {
  const logged = JSON.stringify(loggable(new ServerError("STORE", "secret words")))
  expect(logged).toContain("ServerError")
  expect(logged).toContain("STORE")
  expect(logged).toContain("logs.test.ts")
  expect(logged).not.toContain("secret words")
  expect(loggable("a text")).toEqual({ error: "unknown" })
})
