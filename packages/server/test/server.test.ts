import { systemRandom, generateKeyPair, dh, boxKey } from "@smpkit/crypto"
import { openMessageBody } from "@smpkit/smp"
import { clientHandshake } from "@smpkit/transport"
import { connectTls } from "@smpkit/transport/tls"
import { utf8 } from "@smpkit/codec"
import { expect, test } from "vitest"
import { seededRandom, FakeClock, settle } from "@smpkit/testkit"
import { defaultConfiguration, startServer } from "../src/index.ts"
import { createLogger } from "../src/log.ts"
import { dayOf } from "../src/queue.ts"
import { MemoryStore } from "../src/store/memory.ts"
import { anyRecord } from "./support/records.ts"
import { TestClient } from "./support/test-client.ts"

test("two clients pass a message through a server over TLS", async () => {
  await using server = await startServer({ store: "memory", bind: "127.0.0.1", port: 0, host: "127.0.0.1" })
  const connect = async (): Promise<TestClient> => {
    const stream = await connectTls(server.address)
    const session = await clientHandshake(stream, { keyHash: server.address.keyHash, random: systemRandom })
    return new TestClient(session, systemRandom)
  }
  const recipient = await connect()
  const sender = await connect()
  expect((await recipient.request({ type: "PING" })).type).toBe("PONG")
  const key = recipient.newKey("ed25519")
  const dhKey = generateKeyPair("x25519", systemRandom)
  const ids = await recipient.request(
    {
      type: "NEW",
      authKey: key.publicKey,
      dhKey: dhKey.publicKey,
      basicAuth: undefined,
      subscribe: true,
      queueMode: "messaging",
    },
    { key },
  )
  if (ids.type !== "IDS") throw new Error(ids.type)
  const senderKey = sender.newKey("x25519")
  expect(
    await sender.request(
      { type: "SKEY", senderKey: senderKey.publicKey },
      { entityId: ids.senderId, key: senderKey },
    ),
  ).toEqual({ type: "OK" })
  expect(
    await sender.request(
      { type: "SEND", notification: false, body: utf8("hello") },
      { entityId: ids.senderId, key: senderKey },
    ),
  ).toEqual({ type: "OK" })
  const { message } = await recipient.next()
  if (message.type !== "MSG") throw new Error(message.type)
  const opened = openMessageBody(boxKey(dh(dhKey.privateKey, ids.serverDhKey)), message.msgId, message.body)
  expect(opened).toMatchObject({ type: "message", notification: false, body: utf8("hello") })
  expect(
    await recipient.request({ type: "ACK", msgId: message.msgId }, { entityId: ids.recipientId, key }),
  ).toEqual({ type: "OK" })
})

test("one address has so many connections, loopback as many as it likes", async () => {
  const base = defaultConfiguration("127.0.0.1")
  const configuration = { ...base, limits: { ...base.limits, connectionsPerPrefix: 1 } }
  const options = { store: "memory", bind: "127.0.0.1", port: 0, configuration } as const
  await using server = await startServer({ ...options, prefixOf: () => "one peer" })
  const first = await connectTls(server.address)
  await expect(connectTls(server.address)).rejects.toMatchObject({ code: "NETWORK" })
  await first.close()
  await using open = await startServer(options)
  const both = await Promise.all([connectTls(open.address), connectTls(open.address)])
  for (const stream of both) await stream.close()
})

test("the round removes what was given up and says only how much", async () => {
  const clock = new FakeClock()
  const store = new MemoryStore()
  const record = anyRecord(seededRandom("round"), { usedDay: dayOf(clock.now()) - 22 })
  await store.create(record)
  await store.create({
    ...record,
    recipientId: new Uint8Array(24),
    senderId: new Uint8Array(24).fill(1),
    mode: "contact",
  })
  let log = ""
  const logger = createLogger({ write: (line: string) => void (log += line) }, "trace")
  await using server = await startServer({
    store,
    clock,
    logger,
    bind: "127.0.0.1",
    port: 0,
    host: "127.0.0.1",
  })
  expect(server.port).toBeGreaterThan(0)
  await clock.advance(2 * 3_600_000)
  await settle(8)
  expect(await store.find([{ party: "recipient", id: record.recipientId }])).toEqual([undefined])
  expect(await store.recipientIds(undefined, 10)).toHaveLength(1)
  expect(log).toContain("never secured")
  expect(log).not.toContain(Buffer.from(record.recipientId).toString("hex"))
})
