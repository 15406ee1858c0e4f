import { generateKeyPair } from "@smpkit/crypto"
import { ServerPool } from "@smpkit/client"
import { type QueueInfo, queueInfoOf } from "@smpkit/smp"
import { describe, expect, it } from "vitest"
import { type DuplexConnection, isDuplex } from "../../src/connection.ts"
import { Context } from "../../src/context.ts"
import { Conversation } from "../../src/conversation.ts"
import { addressOf, makeQueueKeys } from "../../src/handshake.ts"
import type { OpenedMessage } from "../../src/open.ts"
import type { Session } from "../../src/connection.ts"
import { getRecord, listRecords, tables } from "../../src/records.ts"
import type { QueueMessage } from "../../src/rotation/queue-messages.ts"
import { takeQueueMessage } from "../../src/rotation/take-message.ts"
import { connectorTo } from "./fake-server.ts"
import { connect, openStore, seededRandom, twoPeople } from "./world.ts"

interface Room {
  readonly context: Context
  readonly conversation: Conversation
  readonly c: DuplexConnection
  readonly session: Session
}

/** Bob's connection as his store has it, without the agent around it. */
async function room(): Promise<Room> {
  const { alice, bob, one, two, clock } = await twoPeople("refusals")
  const ids = await connect(alice, bob)
  await alice.close()
  await bob.close()
  const random = seededRandom("room")
  const store = await openStore(bob.raw, random)
  const pool = new ServerPool({ connector: connectorTo(one, two), clock, random })
  const context = new Context({ store, pool, clock, random, options: {} })
  const [{ value: c } = { value: undefined }] = [...listRecords(store, tables.connection)]
  const session = getRecord(store, tables.session, ids.bob)
  if (c === undefined || !isDuplex(c) || session === undefined) throw new Error("no connection")
  return { context, conversation: new Conversation(context, c), c, session }
}

function take({ context, conversation, c, session }: Room, message: QueueMessage): readonly string[] {
  const opened: OpenedMessage<Session> & { readonly type: "message" } = {
    type: "message",
    session,
    sndMsgId: session.lastReceivedId + 1,
    hash: new Uint8Array(32),
    integrity: { type: "ok" },
    message,
    hybrid: false,
    evicted: 0,
  }
  const { changes } = takeQueueMessage(context, conversation, c, opened, message)
  return (changes.notices ?? []).map((n) => (n.type === "error" ? n.code : n.type))
}

function newQueue({ context }: Room): Omit<QueueInfo, "version"> {
  const { server, dhKey } = makeQueueKeys(
    { hosts: ["five.example"], port: "", keyHash: new Uint8Array(32).fill(5) },
    context.random,
  )
  return { server, senderId: new Uint8Array(24).fill(6), dhKey: dhKey.publicKey, mode: "messaging" }
}

const versions = { min: 4, max: 4 }

describe("what the other side may not ask for when queues move", () => {
  it("QADD without the queue that it replaces, or with another one, or with the one in use as the new one", async () => {
    const r = await room()
    const { info } = r.c.send
    const used = { server: info.server, senderId: info.senderId }
    const uri = { versions, ...newQueue(r) }
    expect(take(r, { type: "QADD", queues: [[uri, undefined]] })).toEqual(["A_QUEUE"])
    expect(take(r, { type: "QADD", queues: [[uri, { ...used, senderId: new Uint8Array(24) }]] })).toEqual([
      "A_QUEUE",
    ])
    expect(take(r, { type: "QADD", queues: [[{ ...uri, ...used }, used]] })).toEqual(["A_QUEUE"])
    expect(take(r, { type: "QADD", queues: [[{ ...uri, versions: { min: 90, max: 91 } }, used]] })).toEqual([
      "A_VERSION",
    ])
    expect(r.conversation.moves.send.move).toBe(undefined)
    expect(take(r, { type: "QADD", queues: [[uri, used]] })).toEqual(["queueSwitched"])
    expect(r.conversation.moves.send.move).toMatchObject({ state: "asked" })
  })

  it("one QADD after another takes the turn of the one before, and no turn comes early", async () => {
    const r = await room()
    const { info } = r.c.send
    const used = { server: info.server, senderId: info.senderId }
    const due = (): number | undefined => {
      const { move } = r.conversation.moves.send
      return move?.state === "asked" ? move.due : undefined
    }
    const now = r.context.clock.now()
    const dues: (number | undefined)[] = []
    for (let i = 0; i < 3; i++) {
      take(r, { type: "QADD", queues: [[{ versions, ...newQueue(r) }, used]] })
      dues.push(due())
    }
    expect(dues).toEqual([now, now + 3600_000, now + 3600_000])
  })

  it("QKEY and QUSE that answer nothing, and for another queue than the offered one", async () => {
    const r = await room()
    const key = generateKeyPair("x25519", r.context.random).publicKey
    const info = { version: 4, ...newQueue(r) }
    expect(take(r, { type: "QKEY", queues: [[info, key]] })).toEqual(["A_QUEUE"])
    expect(take(r, { type: "QUSE", queues: [[info, true]] })).toEqual(["A_QUEUE"])
    expect(take(r, { type: "QTEST", queues: [info] })).toEqual([])
    const queue = { ...r.c.receive, senderId: new Uint8Array(24).fill(9), peer: undefined }
    r.conversation.moves.setReceive({ state: "offered", since: 0, queue })
    expect(take(r, { type: "QKEY", queues: [[info, key]] })).toEqual(["A_QUEUE"])
    const offered = { ...queueInfoOf(addressOf(queue)), dhKey: key }
    expect(r.conversation.moves.receive?.state).toBe("offered")
    expect(take(r, { type: "QKEY", queues: [[offered, key]] })).toEqual(["queueSwitched"])
    expect(r.conversation.moves.receive?.state).toBe("securing")
    expect(take(r, { type: "QKEY", queues: [[offered, key]] })).toEqual(["A_QUEUE"])
  })
})
