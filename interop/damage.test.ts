import { type Bytes, concatBytes, encode, utf8 } from "@smpkit/codec"
import { boxKey, CryptoError, sealPaddedBox } from "@smpkit/crypto"
import { agentContent, AgentError, agentEnvelope, openAgentMessage, openQueueMessage } from "@smpkit/agent"
import { encrypt } from "@smpkit/ratchet"
import { openMessageBody, parseClientEnvelope } from "@smpkit/smp"
import { seededRandom } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import type { Session } from "../packages/agent/src/connection.ts"
import { readConfirmation } from "../packages/agent/src/handshake.ts"
import { deliveryOf } from "./support/delivery.ts"
import { follow } from "./support/follow.ts"
import { Recording } from "./support/recording.ts"

// One recorded message, damaged in each of its layers; everything outside of the damage is sealed anew, so that just that layer can notice.

const recording = new Recording("invitation-fast")
const { bodies } = follow(recording)
const [alice, bob] = ["FPUclOJHfht785Rl", "bVfNe7IMSB0N5Fyt"] as const
/** "hello 0 from alice", its sender before it was sent, and its recipient before it came. */
const sendStep = 42
const deliveryStep = 44
const sender = recording.partyAt(alice, 38)
const recipient = recording.partyAt(bob, 39)
const options = { random: seededRandom("damage"), now: 0 }

const { receive, session } = recipient
if (receive?.peer === undefined || session === undefined || sender.session === undefined)
  throw new Error("no state")
const sending = sender.session
const queue = { dhKey: receive.dhKey, peer: receive.peer }
const secret = boxKey(receive.peer.secret)
const body = bodies.get(sendStep) ?? new Uint8Array(0)
const envelope = parseClientEnvelope(body)
const intact = openQueueMessage(queue, body)
const sealed = "sealed" in intact.envelope ? intact.envelope.sealed : new Uint8Array(0)

function flipped(bytes: Bytes, at: number): Bytes {
  const copy = bytes.slice()
  const index = at < 0 ? copy.length + at : at
  copy[index] = (copy[index] ?? 0) ^ 1
  return copy
}

/** The code of what `f` throws. */
function codeOf(f: () => unknown): string {
  try {
    f()
  } catch (error) {
    if (error instanceof AgentError || error instanceof CryptoError) return String(error.code)
    throw error
  }
  return "nothing"
}

describe("a damaged server layer", () => {
  const step = recording.steps[deliveryStep]
  if (step === undefined) throw new Error("no such step")
  const delivery = deliveryOf(recording, bodies, step)
  const key = boxKey(receive.serverSecret)
  test.each([
    ["nothing", () => openMessageBody(key, delivery.msgId, delivery.body), "nothing"],
    ["a byte of the tag", () => openMessageBody(key, delivery.msgId, flipped(delivery.body, 0)), "DECRYPT"],
    ["the last byte", () => openMessageBody(key, delivery.msgId, flipped(delivery.body, -1)), "DECRYPT"],
    ["the message id", () => openMessageBody(key, flipped(delivery.msgId, 0), delivery.body), "DECRYPT"],
    ["the key", () => openMessageBody(secret, delivery.msgId, delivery.body), "DECRYPT"],
  ])("%s", (_what, open, code) => {
    expect(codeOf(open)).toBe(code)
  })
})

describe("a damaged queue layer", () => {
  const withPayload = (content: Bytes): Bytes =>
    concatBytes(body.slice(0, 27), sealPaddedBox(secret, envelope.nonce, content, 16_000))
  const payload = encode(agentEnvelope, intact.envelope)
  test.each([
    ["nothing", withPayload(concatBytes(utf8("_"), payload)), "nothing"],
    ["client version", flipped(body, 0), "A_VERSION"],
    ["mark of the key", flipped(body, 2), "A_MESSAGE"],
    ["nonce", flipped(body, 3), "A_CRYPTO"],
    ["tag", flipped(body, 27), "A_CRYPTO"],
    ["ciphertext", flipped(body, -1), "A_CRYPTO"],
    ["private header", withPayload(concatBytes(utf8("?"), payload)), "A_MESSAGE"],
    ["tag of the agent envelope", withPayload(concatBytes(utf8("_"), flipped(payload, 2))), "A_MESSAGE"],
    ["end", body.slice(0, 20), "A_MESSAGE"],
  ])("%s", (_what, damaged, code) => {
    expect(codeOf(() => openQueueMessage(queue, damaged))).toBe(code)
  })

  test("without the secret, and with another one", () => {
    expect(codeOf(() => openQueueMessage({ ...queue, peer: undefined }, body))).toBe("A_PROHIBITED")
    const other = { ...receive.peer, secret: flipped(receive.peer?.secret ?? body, 0) }
    expect(
      codeOf(() => openQueueMessage({ dhKey: receive.dhKey, peer: { key: other.secret, ...other } }, body)),
    ).toBe("A_CRYPTO")
  })
})

describe("a damaged ratchet message", () => {
  const result = (bytes: Bytes, of: Session = session): string => {
    const opened = openAgentMessage(of, bytes, options)
    return opened.type === "failed" ? opened.error.code : opened.type
  }
  test.each([
    ["nothing", sealed, "message"],
    // It says how the header is read, here with PN and Ns one byte too early, and is authenticated with the body.
    ["version in clear", flipped(sealed, 3), "DUPLICATE"],
    ["header iv", flipped(sealed, 4), "HEADER"],
    ["header tag", flipped(sealed, 20), "HEADER"],
    ["header", flipped(sealed, 60), "HEADER"],
    ["body tag", flipped(sealed, 126), "DECRYPT"],
    ["body", flipped(sealed, -1), "DECRYPT"],
    ["length of the header", flipped(sealed, 0), "MESSAGE"],
  ])("%s", (_what, damaged, code) => {
    expect(result(damaged)).toBe(code)
  })

  test("the same one again, and one for somebody else", () => {
    const opened = openAgentMessage(session, sealed, options)
    if (opened.type === "failed") throw opened.error
    expect(result(sealed, opened.session)).toBe("DUPLICATE")
    expect(result(sealed, sending)).toBe("HEADER")
  })
})

describe("a damaged agent message", () => {
  const message = { type: "A_MSG", body: utf8("hello 0 from alice") } as const
  const recorded = { type: "AgentMessage", sndMsgId: 2, prevMsgHash: sending.lastSentHash, message } as const
  const open = (plaintext: Bytes): ReturnType<typeof openAgentMessage<Session>> =>
    openAgentMessage(session, encrypt(sending.ratchet, plaintext, 15_840).message, options)
  const plain = (): Bytes => encode(agentContent, recorded)

  test.each([
    ["unknown kind", flipped(plain(), 0)],
    ["unknown message", concatBytes(plain().slice(0, 42), utf8("?"))],
    ["something behind HELLO", concatBytes(plain().slice(0, 42), utf8("H?"))],
    ["no end of the header", plain().slice(0, 20)],
    ["nothing at all", new Uint8Array(0)],
  ])("%s", (_what, plaintext) => {
    expect(open(plaintext)).toMatchObject({ type: "refused", code: "A_MESSAGE" })
  })

  test("connection info where a message belongs", () => {
    const info = encode(agentContent, { type: "AgentConnInfo", info: utf8("x") })
    expect(open(info)).toMatchObject({ type: "refused", code: "A_PROHIBITED" })
  })

  test.each([
    ["nothing", {}, { type: "ok" }],
    ["id of the message after", { sndMsgId: 3 }, { type: "skipped", from: 2, to: 2 }],
    ["id of a later message", { sndMsgId: 4 }, { type: "skipped", from: 2, to: 3 }],
    ["id of the confirmation", { sndMsgId: 1 }, { type: "duplicate" }],
    ["id before the first", { sndMsgId: 0 }, { type: "badId", previous: 1 }],
    ["hash of the message before", { prevMsgHash: flipped(sending.lastSentHash, 31) }, { type: "badHash" }],
    ["no hash", { prevMsgHash: new Uint8Array(0) }, { type: "badHash" }],
  ])("%s", (_what, changes, integrity) => {
    const opened = open(encode(agentContent, { ...recorded, ...changes }))
    expect(opened).toMatchObject({ type: "message", integrity, message })
  })
})

describe("a damaged confirmation", () => {
  const invited = recording.partyAt(alice, 9)
  const { receive: own, x3dh } = invited
  if (own === undefined || x3dh === undefined) throw new Error("no invitation")
  const opened = openQueueMessage(own, bodies.get(17) ?? body)
  const confirmation = opened.envelope
  if (confirmation.type !== "AgentConfirmation" || confirmation.parameters === undefined)
    throw new Error("no confirmation")
  const { parameters } = confirmation
  test.each([
    ["nothing", {}, "nothing"],
    ["agent version", { version: 8 }, "A_VERSION"],
    ["no keys", { parameters: undefined }, "A_PROHIBITED"],
    [
      "keys in the other order",
      { parameters: { ...parameters, key1: parameters.key2, key2: parameters.key1 } },
      "A_CRYPTO",
    ],
    ["end-to-end version", { parameters: { ...parameters, version: 4 } }, "A_VERSION"],
    ["ratchet message", { sealed: flipped(confirmation.sealed, -1) }, "A_CRYPTO"],
  ])("%s", (_what, changes, code) => {
    const random = { bytes: (length: number) => new Uint8Array(length).fill(3) }
    const read = (): unknown =>
      readConfirmation(
        { x3dh, postQuantum: "off" },
        opened,
        { ...confirmation, ...changes },
        { random, now: 0 },
      )
    expect(codeOf(read)).toBe(code)
  })

  test("for a queue of somebody else", () => {
    expect(codeOf(() => openQueueMessage(queue, bodies.get(17) ?? body))).toBe("A_CRYPTO")
  })
})
