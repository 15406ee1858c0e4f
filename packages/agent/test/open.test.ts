import { encode, utf8 } from "@smpkit/codec"
import { generateKeyPair } from "@smpkit/crypto"
import {
  encrypt,
  generateX3dhKeys,
  initReceivingRatchet,
  initSendingRatchet,
  type RatchetState,
  ratchetParametersOf,
  ratchetState,
  x3dhInitiator,
  x3dhJoiner,
} from "@smpkit/ratchet"
import { seededRandom } from "@smpkit/testkit"
import { describe, expect, it } from "vitest"
import { AgentError } from "../src/errors.ts"
import { agentContent, type AgentContent } from "../src/messages.ts"
import { openAgentMessage, openQueueMessage, type ReceivingSession } from "../src/open.ts"

const random = seededRandom("open")
const options = { random, now: 0 }
const hash = new Uint8Array(32).fill(1)

/** Both ends of a fresh ratchet: the joiner sends. */
function ratchets(): { sender: RatchetState; receiver: RatchetState } {
  const [own, theirs] = [generateX3dhKeys(random), generateX3dhKeys(random)]
  const peer = { key1: theirs.key1.publicKey, key2: theirs.key2.publicKey, kem: undefined }
  return {
    sender: initSendingRatchet({ version: 3, secrets: x3dhJoiner(own, peer), peerKey: peer.key2, random }),
    receiver: initReceivingRatchet({
      version: 3,
      secrets: x3dhInitiator(theirs, ratchetParametersOf(3, own)),
      keyPair: theirs.key2,
    }),
  }
}

const text = (sndMsgId: number): AgentContent => ({
  type: "AgentMessage",
  sndMsgId,
  prevMsgHash: hash,
  message: { type: "A_MSG", body: utf8("hi") },
})

describe("opening a message, as a function of state and bytes", () => {
  it("answers message, integrity and the next session, and leaves the given one as it was", () => {
    const { sender, receiver } = ratchets()
    const session: ReceivingSession = { ratchet: receiver, lastReceivedId: 1, lastReceivedHash: hash }
    const before = encode(ratchetState, receiver)
    const { message } = encrypt(sender, encode(agentContent, text(2)), 200)
    const opened = openAgentMessage(session, message, options)
    if (opened.type !== "message") throw new Error(opened.type)
    expect(opened).toMatchObject({ sndMsgId: 2, integrity: { type: "ok" }, message: { body: utf8("hi") } })
    expect(opened.session).toMatchObject({ lastReceivedId: 2, lastReceivedHash: opened.hash })
    expect(session.lastReceivedId).toBe(1)
    expect(encode(ratchetState, receiver)).toEqual(before)
    expect(openAgentMessage(opened.session, message, options)).toMatchObject({
      type: "failed",
      error: { code: "DUPLICATE" },
    })
  })

  it.each([
    ["A_MESSAGE", utf8("Z")],
    ["A_MESSAGE", Uint8Array.from([...encode(agentContent, text(2)).subarray(0, 42), 0x5a])],
    ["A_PROHIBITED", encode(agentContent, { type: "AgentConnInfo", info: utf8("{}") })],
  ])("%s moves the ratchet on, and not ids and hash", (code, plaintext) => {
    const { sender, receiver } = ratchets()
    const session: ReceivingSession = { ratchet: receiver, lastReceivedId: 1, lastReceivedHash: hash }
    const first = encrypt(sender, plaintext, 200)
    const refused = openAgentMessage(session, first.message, options)
    if (refused.type !== "refused") throw new Error(refused.type)
    expect(refused).toMatchObject({ code, session: { lastReceivedId: 1, lastReceivedHash: hash } })
    const second = encrypt(first.state, encode(agentContent, text(3)), 200)
    expect(openAgentMessage(refused.session, second.message, options)).toMatchObject({
      type: "message",
      integrity: { type: "skipped", from: 2, to: 2 },
    })
  })

  it("tells how many missing messages can never be read, when the keys of too many had to be kept", () => {
    const { sender, receiver } = ratchets()
    let session: ReceivingSession = { ratchet: receiver, lastReceivedId: 1, lastReceivedHash: hash }
    let state = sender
    const evicted: number[] = []
    for (let id = 2; evicted.length < 5; id++) {
      const sealed = encrypt(state, encode(agentContent, text(id)), 100)
      state = sealed.state
      if (id % 500 !== 0) continue
      const opened = openAgentMessage(session, sealed.message, options)
      if (opened.type !== "message") throw new Error(opened.type)
      session = opened.session
      evicted.push(opened.evicted)
    }
    expect(evicted).toEqual([0, 0, 0, 0, 498 + 4 * 499 - 2048])
  })

  it("never throws for bytes that a peer can send", () => {
    const session: ReceivingSession = {
      ratchet: ratchets().receiver,
      lastReceivedId: 1,
      lastReceivedHash: hash,
    }
    const queue = {
      dhKey: generateKeyPair("x25519", random),
      peer: { key: random.bytes(32), secret: random.bytes(32) },
    }
    for (const length of [0, 1, 2, 16, 27, 100, 1000, 16_000]) {
      const bytes = random.bytes(length)
      expect(openAgentMessage(session, bytes, options).type).toBe("failed")
      const attempts = [
        bytes,
        Uint8Array.from([0, 4, 0x30, ...bytes]),
        Uint8Array.from([0, 4, 0x31, 44, ...bytes]),
      ]
      for (const body of attempts) {
        expect(() => openQueueMessage(queue, body)).toThrow(AgentError)
      }
    }
  })
})
