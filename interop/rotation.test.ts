import { type Bytes, toHex, utf8 } from "@smpkit/codec"
import { openAgentMessage, openQueueMessage } from "@smpkit/agent"
import { seededRandom } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { sealMessage } from "../packages/agent/src/seal.ts"
import { unfollowed } from "./support/follow.ts"
import { Recording } from "./support/recording.ts"
import { Replay } from "./support/replay.ts"
import { plainRatchet } from "./support/recorded-state.ts"
import { bodyOf, constantRandom } from "./support/steps.ts"

const recording = new Recording("rotation")
const bodies = new Map(
  recording.steps.flatMap((step, i): [number, Bytes][] => {
    const body = step.find("tag")?.text() === "SEND" ? bodyOf(step, recording.version(step)) : undefined
    return body === undefined ? [] : [[i, body]]
  }),
)

function senderIdOf(queue: string): string {
  const found = recording.queues().find((one) => one.at("queue").text() === queue)
  if (found === undefined) throw new Error(`no ${queue}`)
  return found.at("senderId").text()
}

function connOfSender(queue: string): string {
  return recording.connOf("sender", senderIdOf(queue))
}

/** The private keys of the queue that the recorded agent made, but for the one towards the server. */
function newQueueKeys(): readonly (Bytes | undefined)[] {
  const senderId = senderIdOf("q3")
  const { recipientKey, dhKey } = recording.receiveQueue(senderId)
  const raw = ({ privateKey }: typeof recipientKey | typeof dhKey): Bytes =>
    privateKey.use((key) => new Uint8Array(key))
  return [raw(recipientKey), undefined, raw(dhKey)]
}

describe("rotation.json: an agent loaded from recorded state does what the recorded one did", () => {
  test.each([
    // Her ratchet key of QUSE is in no state, so she makes one of her own, and cannot read the recorded answer to it.
    { name: "to QUSE", from: 38, to: 62, reader: true, commands: 5, events: 3 },
    { name: "on the new queue", from: 75, to: 101, reader: false, commands: 2, events: 2 },
  ])("alice moves her queue, $name", async ({ from, to, reader, commands, events }) => {
    const replayed = await Replay.run(
      recording,
      { ...unfollowed, bodies },
      {
        agent: "alice",
        from,
        to,
        queueKeys: newQueueKeys(),
        ...(reader ? { reader: { conn: connOfSender("q1"), at: 39 } } : {}),
      },
    )
    for (const { step, ours, recorded } of replayed.commands) expect([step, ours]).toEqual([step, recorded])
    expect(replayed.events).toEqual(replayed.expectedEvents)
    expect(replayed.extra).toEqual([])
    expect([replayed.commands.length, replayed.events.length]).toEqual([commands, events])
  })

  test("bob follows: QKEY and QTEST with keys of his own, in the recorded places", async () => {
    const plan = { agent: "bob", from: 39, to: 102, reader: { conn: connOfSender("q2"), at: 38 } }
    const replayed = await Replay.run(recording, { ...unfollowed, bodies }, plan)
    for (const { step, ours, recorded } of replayed.commands) expect([step, ours]).toEqual([step, recorded])
    expect(replayed.events).toEqual(replayed.expectedEvents)
    expect(replayed.extra).toEqual([])
    expect([replayed.commands.length, replayed.events.length]).toEqual([6, 6])
  })
})

describe("rotation.json: the messages of the move, layer by layer", () => {
  // QUSE and QTEST are sent and read with ratchet keys that are in no state.
  test.each([
    { send: 44, queue: "q2", type: "QADD", sender: 38, recipient: 39 },
    { send: 47, queue: "q1", type: "QKEY", recipient: 38 },
    {
      send: 79,
      queue: "q2",
      type: "A_MSG",
      sender: 75,
      recipient: 76,
      after: 89,
      text: "hello 0 from alice",
    },
    { send: 92, queue: "q3", type: "A_MSG", sender: 89, recipient: 88, after: 101, text: "hi 0 from bob" },
  ])("$type at step $send opens, and is sealed again to the same bytes", (one) => {
    const senderId = senderIdOf(one.queue)
    const body = bodies.get(one.send) ?? expect.fail("no body")
    const receiver = recording.connOf("receiver", senderId)
    const sessionAt = (conn: string, step: number) =>
      recording.partyAt(conn, step).session ?? expect.fail(`no session at ${step}`)
    const { envelope } = openQueueMessage(recording.receiveQueue(senderId), body)
    if (envelope.type !== "AgentMsgEnvelope") return expect.fail(envelope.type)
    const after = one.after === undefined ? undefined : sessionAt(receiver, one.after)
    // The ratchet key that the recorded agent made when it read this.
    const random = after
      ? constantRandom(after.ratchet.keyPair.privateKey.use((raw) => new Uint8Array(raw)))
      : seededRandom("a key of ours")
    const opened = openAgentMessage(sessionAt(receiver, one.recipient), envelope.sealed, { random, now: 0 })
    if (opened.type !== "message") return expect.fail(opened.type)
    expect([opened.message.type, opened.integrity]).toEqual([one.type, { type: "ok" }])
    if (opened.message.type === "A_MSG") expect(opened.message.body).toEqual(utf8(one.text ?? ""))
    if (after !== undefined) {
      expect(plainRatchet(opened.session.ratchet)).toEqual(plainRatchet(after.ratchet))
      expect(toHex(opened.session.lastReceivedHash)).toBe(toHex(after.lastReceivedHash))
    }
    if (one.sender === undefined) return
    const sender = sessionAt(recording.connOf("sender", senderId), one.sender)
    const sealed = sealMessage(sender, recording.sendQueue(senderId), {
      agentVersion: 7,
      message: opened.message,
      random: constantRandom(body.slice(3, 27)),
    })
    expect(toHex(sealed.body)).toBe(toHex(body))
  })
})
