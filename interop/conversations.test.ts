import { concatBytes, encode, toHex, utf8 } from "@smpkit/codec"
import { dh, sha256 } from "@smpkit/crypto"
import { agentContent, type AgentContent } from "@smpkit/agent"
import { formatServerAddress } from "@smpkit/smp"
import { hex, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { follow, type Followed, openedBy } from "./support/follow.ts"
import { Recording } from "./support/recording.ts"
import { headOf, isConfirmation, lengthOf } from "./support/steps.ts"

/**
 * What each recording holds: messages opened, SENDs made again, states compared, events compared; and the steps that nobody can open,
 * because a confirmation is shortened, or (41 of the slow handshakes) because the joiner's ratchet key between its two states is not recorded.
 */
const recordings = [
  { name: "invitation-fast", opened: 6, made: 5, states: 7, events: 6, unknown: [], unread: [] },
  { name: "invitation-slow", opened: 7, made: 6, states: 6, events: 6, unknown: [], unread: [41] },
  {
    name: "invitation-v6-no-alpn",
    opened: 5,
    made: 6,
    states: 5,
    events: 4,
    unknown: [15, 28],
    unread: [17, 30, 41],
  },
  { name: "contact-address", opened: 7, made: 5, states: 7, events: 6, unknown: [], unread: [] },
  { name: "deletion", opened: 0, made: 2, states: 1, events: 0, unknown: [17, 30], unread: [19, 32] },
  { name: "quota", opened: 7, made: 7, states: 1, events: 5, unknown: [17, 30], unread: [19, 32] },
  {
    name: "resubscription",
    opened: 6,
    made: 6,
    states: 3,
    events: 6,
    unknown: [17, 30, 51, 64, 85, 98],
    unread: [19, 32, 53, 66, 87, 100],
  },
]

describe.each(recordings)("$name, agent side", ({ name, ...expected }) => {
  const recording = new Recording(name)
  const followed = follow(recording)

  test("every MSG is put together again from its SEND, as the server hashed it", () => {
    expect(followed.rebuilt).toHaveLength(
      recording.steps.filter((step) => step.has("msg")).length - expected.unknown.length,
    )
    for (const { step, ours, recorded } of followed.rebuilt) expect([step, ours]).toEqual([step, recorded])
  })

  test("what our functions seal with the recorded keys is what the recorded agent sent, byte for byte", () => {
    for (const { step, ours, recorded } of followed.madeAgain) expect([step, ours]).toEqual([step, recorded])
    expect([followed.madeAgain.length, followed.unknown]).toEqual([expected.made, expected.unknown])
  })

  test("every message opens, layer by layer, and its id and hash fit those before it", () => {
    for (const { step, integrity, queueMessage, content } of followed.opened) {
      expect(lengthOf(step)).toBe(16_151)
      if (queueMessage?.envelope.type !== "AgentMsgEnvelope") continue
      expect([step.path, integrity, content?.type]).toEqual([step.path, { type: "ok" }, "AgentMessage"])
      expect(queueMessage.envelope.version).toBe(7)
    }
    expect([followed.opened.length, followed.unread]).toEqual([expected.opened, expected.unread])
  })

  test("ratchet, ids and hashes after every message are those that the recorded agent stored", () => {
    for (const { step, ours, recorded } of followed.states)
      expect({ step, ...ours }).toEqual({ step, ...recorded })
    expect(followed.states).toHaveLength(expected.states)
  })

  test("what was opened is what the recorded agent told its application", () => {
    const compared = recording.events().filter((event) => comparesWith(event, recording, followed))
    expect(compared).toHaveLength(expected.events)
  })

  test("confirmations: keys of the head, secret and plaintext, also of those that are shortened", () => {
    const confirmations = recording.steps.filter(
      (step) =>
        step.find("tag")?.text() === "SEND" &&
        isConfirmation(step) &&
        !recording.isAddress(step.at("entityId").text()),
    )
    for (const step of confirmations) expectConfirmation(step, recording)
    expect(confirmations).toHaveLength(name === "resubscription" ? 6 : 2)
  })
})

/** Compares an event with what was opened; `false` for events that tell of nothing received, or of what nobody can open. */
function comparesWith(event: Vector, recording: Recording, { opened, sent }: Followed): boolean {
  const conn = event.find("conn")?.text()
  const where = event.path
  switch (event.find("ev")?.text()) {
    case "MSG": {
      const found = openedBy(opened, event)
      const { received, content } = found ?? {}
      if (
        received?.type !== "message" ||
        content?.type !== "AgentMessage" ||
        content.message.type !== "A_MSG"
      )
        return expect.fail(`${where} was not received`)
      expect(event.at("integrity").text()).toBe("MsgOk")
      expect([where, toHex(content.message.body), content.sndMsgId]).toEqual([
        where,
        toHex(event.at("body").utf8()),
        event.at("sndMsgId").number(),
      ])
      expect(content.message.body).toHaveLength(event.at("len").number())
      expect(received.notification).toBe(event.at("notification").boolean())
      expect(received.time * 1000).toBe(Date.parse(event.at("brokerTs").text()))
      expect(found?.integrity).toEqual({ type: "ok" })
      return true
    }
    case "RCVD": {
      const content = openedBy(opened, event)?.content
      if (content?.type !== "AgentMessage" || content.message.type !== "A_RCVD")
        return expect.fail(`${where} was not received`)
      expect(content.sndMsgId).toBe(event.at("sndMsgId").number())
      const named = event
        .at("receipts")
        .items()
        .map((one) => {
          expect(one.at("status").text()).toBe("MROk")
          return sent.get(`${conn ?? ""} ${one.at("msgId").number()}`)
        })
      const confirmed = content.message.receipts.map(({ sndMsgId, msgHash, info }) => {
        expect(info).toHaveLength(0)
        return { sndMsgId, hash: msgHash }
      })
      expect([where, confirmed]).toEqual([
        where,
        named.map((one) => one && { sndMsgId: one.sndMsgId, hash: one.hash }),
      ])
      return true
    }
    case "CONF":
    case "INFO": {
      const found = opened.find(
        (one) => one.conn === conn && one.queueMessage?.envelope.type === "AgentConfirmation",
      )
      if (found === undefined) return false
      const { content } = found
      if (content?.type !== "AgentConnInfo" && content?.type !== "AgentConnInfoReply")
        return expect.fail(`${where} was not received`)
      expect([where, toHex(content.info)]).toEqual([where, toHex(event.at("info").utf8())])
      expect(content.type).toBe(event.has("confId") ? "AgentConnInfoReply" : "AgentConnInfo")
      if (content.type === "AgentConnInfoReply") {
        expect(content.queues.map(({ server }) => formatServerAddress(server))).toEqual(
          event
            .at("servers")
            .items()
            .map((one) => one.text()),
        )
      }
      return true
    }
    default:
      return false
  }
}

/** A confirmation's head is never shortened away, and the hash of its plaintext is in its recipient's state. */
function expectConfirmation(step: Vector, recording: Recording): void {
  const senderId = step.at("entityId").text()
  const recipient = recording.receiveQueue(senderId)
  const { dhKey, secret } = recording.sendQueue(senderId)
  const spki = concatBytes(utf8(","), hex("302a300506032b656e032100"), dhKey.publicKey.raw)
  const head = concatBytes(utf8("SEND T "), hex("0004"), utf8("1"), spki)
  expect(toHex(headOf(step).slice(0, head.length))).toBe(toHex(head))
  expect(toHex(dh(recipient.dhKey.privateKey, dhKey.publicKey))).toBe(toHex(secret))
  expect(recipient.peer).toEqual({ key: dhKey.publicKey.raw, secret })

  const session = recording.nextSession(recording.connOf("receiver", senderId), step.at("i").number())
  // The initiator's confirmation of a slow handshake is followed by its HELLO, which names the hash and is made again above.
  if (session?.lastReceivedId === 2) return
  const content = contentOf(recording, senderId)
  expect(toHex(session?.lastReceivedHash ?? new Uint8Array(0))).toBe(
    toHex(sha256(encode(agentContent, content))),
  )
}

/** What the confirmation on a queue says, after what the applications were told to do. */
function contentOf(recording: Recording, senderId: string): AgentContent {
  const sender = recording.connOf("sender", senderId)
  const allowed = recording.steps.find(
    (step) => step.find("app")?.text().startsWith(`allow ${sender} `) === true,
  )
  if (allowed !== undefined) return { type: "AgentConnInfo", info: lastWord(allowed) }
  const accepted = recording.steps.find((step) => step.find("app")?.text().startsWith("accept ") === true)
  const joined =
    accepted ?? recording.steps.find((step) => step.find("app")?.text().startsWith("join ") === true)
  if (joined === undefined) return expect.fail("nobody has joined")
  const queue = recording.queueInfo(recording.senderIdOf(sender))
  return { type: "AgentConnInfoReply", queues: [queue], info: lastWord(joined) }
}

function lastWord(step: Vector): ReturnType<typeof utf8> {
  return utf8(step.at("app").text().split(" ").at(-1) ?? "")
}
