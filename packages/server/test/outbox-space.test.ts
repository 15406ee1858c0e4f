import type { Bytes } from "@smpkit/codec"
import { generateKeyPair } from "@smpkit/crypto"
import { type Command, parseBrokerMessage } from "@smpkit/smp"
import { seededRandom, settle } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import type { ServerCore } from "../src/core.ts"
import { OutboxSpace } from "../src/outbox-space.ts"
import { storedKey } from "../src/stored-key.ts"
import { LooseSession, serve, testCore } from "./support/below-transport.ts"
import { anyRecord } from "./support/records.ts"
import { TestClient } from "./support/test-client.ts"

const kib = 1_024
const random = seededRandom("outbox space")
const key = generateKeyPair("ed25519", random)

describe("what may wait on all connections", () => {
  test("one connection has its own bound, and all have one together", () => {
    const space = new OutboxSpace({ outboxBytes: 100 * kib, outboxTotalBytes: 150 * kib })
    const [a, b, c] = [space.part(), space.part(), space.part()]
    a.add(99 * kib)
    expect(a.hasRoom()).toBe(true)
    a.add(kib)
    expect(a.hasRoom()).toBe(false)
    b.add(50 * kib)
    expect([b.hasRoom(), space.total]).toEqual([false, 150 * kib])
    // Who has little waiting is not kept from it by those who do not read.
    c.add(31 * kib)
    expect(c.hasRoom()).toBe(true)
    c.add(kib)
    expect(c.hasRoom()).toBe(false)
    a.add(-100 * kib)
    expect([a, b, c].map((part) => part.hasRoom())).toEqual([true, true, true])
  })
})

interface World {
  readonly core: ServerCore
  readonly session: LooseSession
  readonly ask: (command: (msgId: Bytes) => Command) => void
  readonly resume: () => void
}

/** One connection that reads nothing, and so many queues of its own with long messages. */
async function world(
  queues: number,
  limits: { outboxBytes: number; outboxTotalBytes: number },
): Promise<World> {
  const core = testCore({ random, limits })
  const ids: { readonly recipientId: Bytes; readonly msgId: Bytes }[] = []
  for (let i = 0; i < queues; i++) {
    const record = anyRecord(random, { recipientKey: storedKey(key.publicKey) })
    const msgId = random.bytes(24)
    const body = new Uint8Array(16_000)
    const message = { type: "message", msgId, time: 0, notification: false, body } as const
    await core.store.create(record)
    for (let n = 0; n < 2; n++)
      await core.store.apply(
        { party: "recipient", id: record.recipientId },
        { run: () => ({ changes: [{ type: "append", message }], outcome: undefined }) },
      )
    ids.push({ recipientId: record.recipientId, msgId })
  }
  const session = new LooseSession(18, random.bytes(32))
  let resume = (): void => undefined
  session.stalled = new Promise((resolve) => {
    resume = resolve
  })
  serve(core, session)
  const client = new TestClient(session, random)
  return {
    core,
    session,
    ask: (command) => {
      session.putItems(
        ...ids.map(({ recipientId, msgId }) =>
          client.transmission(command(msgId), { entityId: recipientId, key }),
        ),
      )
    },
    resume: () => {
      session.stalled = undefined
      resume()
    },
  }
}

describe("a block full of commands that each bring a message, to a peer that does not read", () => {
  const queues = 90
  const message = 16 * kib + 400
  test.each<[string, (msgId: Bytes) => Command]>([
    ["GET", () => ({ type: "GET" })],
    ["SUB", () => ({ type: "SUB" })],
  ])("%s: no more than the bound and one message waits, and all come in the end", async (_tag, command) => {
    const limits = { outboxBytes: 96 * kib, outboxTotalBytes: 1024 * kib }
    const { core, session, ask, resume } = await world(queues, limits)
    ask(command)
    let most = 0
    for (let i = 0; i < 60; i++) {
      await settle(1)
      most = Math.max(most, core.outboxSpace.total)
    }
    expect(most).toBeGreaterThan(64 * kib)
    expect(most).toBeLessThanOrEqual(limits.outboxBytes + message)
    resume()
    await settle(600)
    const messages = session.take().filter((t) => parseBrokerMessage(18, t.command).type === "MSG")
    expect(messages).toHaveLength(queues)
    expect(core.outboxSpace.total).toBe(0)
  })

  test("ACK: the next messages wait in the store", async () => {
    const limits = { outboxBytes: 96 * kib, outboxTotalBytes: 1024 * kib }
    const { core, session, ask, resume } = await world(queues, limits)
    resume()
    ask(() => ({ type: "SUB" }))
    await settle(600)
    session.take()
    let again = (): void => undefined
    session.stalled = new Promise((resolve) => (again = resolve))
    ask((msgId) => ({ type: "ACK", msgId }))
    await settle(60)
    expect(core.outboxSpace.total).toBeLessThanOrEqual(limits.outboxBytes + message)
    session.stalled = undefined
    again()
    await settle(600)
    expect(session.take().filter((t) => parseBrokerMessage(18, t.command).type === "MSG")).toHaveLength(
      queues,
    )
  })

  test("a connection that closes gives back what waited", async () => {
    const { core, session, ask, resume } = await world(queues, {
      outboxBytes: 96 * kib,
      outboxTotalBytes: 64 * kib,
    })
    ask(() => ({ type: "GET" }))
    await settle(30)
    expect(core.outboxSpace.total).toBeGreaterThan(0)
    await session.close()
    resume()
    await settle(200)
    expect(core.outboxSpace.total).toBe(0)
  })
})
