import { type Bytes, decode, decodeUtf8, encode, toHex } from "@smpkit/codec"
import { boxKey, sha256 } from "@smpkit/crypto"
import { agentContent, agentEnvelope, formatLink, parseLink } from "@smpkit/agent"
import { hybridOf, ratchetParameters, securityCode } from "@smpkit/ratchet"
import { openClientMessage, parseClientEnvelope, type QueueInfo, queueInfoOf } from "@smpkit/smp"
import { loadVectors, ScriptedRandom, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import type { Session } from "../packages/agent/src/connection.ts"
import { invitationLink, joinKeys } from "../packages/agent/src/handshake.ts"
import type { ReceiveQueue } from "../packages/agent/src/queues.ts"
import { sealConfirmation } from "../packages/agent/src/seal.ts"
import { plainRatchet, rawPair, transcriptRatchet } from "./support/recorded-state.ts"
import { read, sendBodyOf, Side, type SideName, startJoiner, write } from "./support/transcript.ts"

const conversations = loadVectors("agent-transcript")
  .at("conversations")
  .items()
  .map((v) => [v.at("name").text(), v] as const)

/** The whole stack of both sides, from their secrets alone; `ref` is the reference agent, `js` another independent one. */
describe.each(conversations)("agent-transcript.json, %s", (_name, conversation) => {
  const initiatorName: SideName = conversation.at("initiator").text() === "js" ? "js" : "ref"
  const joinerName: SideName = initiatorName === "js" ? "ref" : "js"
  const messages = conversation.at("messages").items()
  const [first] = messages
  if (first === undefined) throw new Error("a conversation without messages")
  const link = parseLink(conversation.at("invitation").text())
  if (link.type !== "invitation") throw new Error("not an invitation")
  const [invited] = link.queues
  const postQuantum = conversation.at("pq").boolean()
  const answer = decode(ratchetParameters, first.at("agentEnvelope", "e2eParams").bytes())
  const secret = conversation.at(joinerName).find("kem")?.at("acceptedSecret").bytes()
  const encapsulated = answer.kem?.type === "A" && secret && { ciphertext: answer.kem.ciphertext, secret }

  function side(role: "initiator" | "joiner"): Side {
    const name = role === "initiator" ? initiatorName : joinerName
    const kemOfLink = link.type === "invitation" ? link.parameters.kem?.key : undefined
    const options = { role, postQuantum, kemOfLink, encapsulated: encapsulated || undefined }
    return new Side(name, conversation.at(name), options)
  }

  /** Both sides as they are before the first message. */
  function sides(): Readonly<Record<"initiator" | "joiner", Side>> {
    const both = { initiator: side("initiator"), joiner: side("joiner") }
    startJoiner(both.joiner, both.initiator, answer)
    return both
  }

  const addressOf = (to: SideName): QueueInfo => (to === initiatorName ? queueInfoOf(invited) : replyQueue())
  function replyQueue(): QueueInfo {
    const content = decode(agentContent, first?.at("content", "hex").bytes() ?? new Uint8Array(0))
    return content.type === "AgentConnInfoReply" ? content.queues[0] : expect.fail("no reply queue")
  }

  test("the link is what our initiator makes of the recorded keys", () => {
    const { initiator } = sides()
    if (initiator.x3dh === undefined) return expect.fail("no keys")
    const text = formatLink(invitationLink(receiveQueue(initiator, invited), initiator.x3dh))
    expect(text).toBe(conversation.at("invitation").text())
  })

  // The reference does not keep its own, and the random bytes of KEM keys are not recorded.
  if (joinerName === "js" && !postQuantum) {
    test("our joiner, given the link and the recorded random bytes, sends the recorded confirmation", () => {
      const { recorded, x3dh } = side("joiner")
      const keys = recorded.at("x3dh")
      const script = [
        keys.at("key1", "private"),
        keys.at("key2", "private"),
        recorded.at("sendQueue", "x25519", "private"),
        recorded.at("firstRatchetKey", "private"),
      ].map((v) => v.bytes())
      const join = joinKeys(link, "off", new ScriptedRandom(...script))
      expect(toHex(join.send.secret)).toBe(recorded.at("sendQueue", "secret").text())
      expect(join.parameters.key1).toEqual(x3dh?.key1.publicKey)
      const { body, hash } = sealConfirmation(join.ratchet, join.send, {
        agentVersion: join.agentVersion,
        content: decode(agentContent, first.at("content", "hex").bytes()),
        parameters: join.parameters,
        postQuantum: false,
        random: new ScriptedRandom(first.at("envelope", "nonce").bytes()),
      })
      expect(toHex(body)).toBe(first.at("sendBody").text())
      expect(toHex(hash)).toBe(first.at("content", "sha256").text())
    })
  }

  test("every message is sealed to the same bytes and opens to the recorded values, layer by layer", () => {
    const { initiator, joiner } = sides()
    const byName = (name: string): Side => (name === initiatorName ? initiator : joiner)
    const seen: Record<SideName, object[]> = { js: [], ref: [] }
    for (const message of messages) {
      const from = byName(message.at("from").text())
      const to = from === initiator ? joiner : initiator
      expect(message.at("queueSndId").text()).toBe(to.recorded.at("receiveQueue", "sndId").text())
      const sent = sendBodyOf(message)
      expect(toHex(write(from, message, addressOf(to.name)))).toBe(toHex(sent.body))
      seen[from.name].push(plain(from.receiving))

      expectEnvelope(message, sent.body)
      const { queueMessage, content, hash, integrity, time, notification } = read(to, message)
      const { ratchet } = to.receiving
      expect(time).toBe(message.find("time")?.number())
      if (notification !== undefined) expect(notification).toBe(message.at("flags").text() === "T")
      expect(queueMessage.header.type).toBe(message.at("envelope", "privHeader").text())
      expect(to.peer && toHex(to.peer.secret)).toBe(message.at("envelope", "secret").text())
      expect(ratchet.receiving && toHex(ratchet.receiving.headerKey)).toBe(
        message.at("ratchet", "headerKey").text(),
      )
      expect(ratchet.received - 1).toBe(message.at("ratchet", "Ns").number())
      if (content === undefined) return expect.fail(`${message.path} does not parse`)
      expect(toHex(encode(agentContent, content))).toBe(message.at("content", "hex").text())
      expect(toHex(hash)).toBe(message.at("content", "sha256").text())
      const isMessage = message.at("agentEnvelope", "tag").text() === "M"
      expect(integrity).toEqual(isMessage ? { type: "ok" } : undefined)
      if (content.type === "AgentMessage") {
        expect(content.sndMsgId).toBe(message.at("content", "sndMsgId").number())
        expect(toHex(content.prevMsgHash)).toBe(message.at("content", "prevMsgHash").text())
      }
      seen[to.name].push(plain(to.receiving))
    }
    expect([initiator.steps.left, joiner.steps.left, messages.length]).toEqual([0, 0, 10])
    expect([initiator.kem.left, joiner.kem.left]).toEqual([0, 0])
    const hybrid = { sending: postQuantum, receiving: postQuantum }
    for (const one of [initiator, joiner]) expect(hybridOf(one.receiving.ratchet)).toEqual(hybrid)
    for (const recorded of conversation.at("states").items()) {
      const atEnd = recorded.at("at").text() === "end"
      for (const name of ["js", "ref"] as const) {
        const state = recordedPlain(recorded.at(name))
        if (atEnd) expect(plain(byName(name).receiving)).toMatchObject(state)
        else expect(seen[name]).toContainEqual(expect.objectContaining(state))
      }
    }
    expect(toHex(sha256(initiator.receiving.ratchet.ad))).toBe(conversation.at("ratchetAdSha256").text())
    expect(securityCode(initiator.receiving.ratchet.ad)).toBe(securityCode(joiner.receiving.ratchet.ad))
  })

  test("receipts name messages of their recipient, with the hashes that it computed", () => {
    const hashes = new Map<string, string>()
    let receipts = 0
    for (const message of messages) {
      const from = message.at("from").text()
      const content = decode(agentContent, message.at("content", "hex").bytes())
      if (content.type !== "AgentMessage") continue
      hashes.set(`${from} ${content.sndMsgId}`, message.at("content", "sha256").text())
      if (content.message.type !== "A_RCVD") continue
      for (const { sndMsgId, msgHash } of content.message.receipts) {
        expect(toHex(msgHash)).toBe(hashes.get(`${from === "js" ? "ref" : "js"} ${sndMsgId}`))
        receipts++
      }
    }
    expect(receipts).toBe(2)
  })
})

/** The layers between queue box and ratchet, from the recorded secret alone. */
function expectEnvelope(message: Vector, body: Bytes): void {
  const recorded = message.at("envelope")
  const envelope = parseClientEnvelope(body)
  expect(body).toHaveLength(recorded.at("length").number())
  expect(envelope.version).toBe(recorded.at("clientVersion").number())
  expect(envelope.senderKey && toHex(envelope.senderKey.raw)).toBe(recorded.find("senderX25519")?.text())
  expect(toHex(envelope.nonce)).toBe(recorded.at("nonce").text())
  // Tag, padding to that length.
  expect(envelope.encBody.length - 16).toBe(recorded.at("padded").number())
  const { header, payload } = openClientMessage(boxKey(recorded.at("secret").bytes()), envelope)
  const clientMessage = [...new TextEncoder().encode(header.type), ...payload]
  expect(toHex(sha256(new Uint8Array(clientMessage)))).toBe(recorded.at("clientMessageSha256").text())
  const inner = decode(agentEnvelope, payload)
  expect(decodeUtf8(payload.slice(2, 3))).toBe(message.at("agentEnvelope", "tag").text())
  expect(inner.version).toBe(message.at("agentEnvelope", "version").number())
  if (inner.type === "AgentInvitation" || inner.type === "AgentRatchetKey") return expect.fail(inner.type)
  expect(toHex(sha256(inner.sealed))).toBe(message.at("agentEnvelope", "ratchetMessageSha256").text())
  const parameters = inner.type === "AgentConfirmation" ? inner.parameters : undefined
  expect(parameters && toHex(encode(ratchetParameters, parameters))).toBe(
    message.at("agentEnvelope").find("e2eParams")?.text(),
  )
}

function receiveQueue(
  side: Side,
  { server, senderId, mode, dhKey }: Omit<QueueInfo, "version">,
): ReceiveQueue {
  const recorded = side.recorded.at("receiveQueue")
  expect(toHex(senderId)).toBe(recorded.at("sndId").text())
  expect(toHex(dhKey.raw)).toBe(toHex(side.queueKey.publicKey.raw))
  return {
    server,
    recipientId: recorded.at("rcvId").bytes(),
    senderId,
    mode,
    recipientKey: rawPair(new Uint8Array(32).fill(1), "ed25519"),
    serverSecret: recorded.at("rcvSecret").bytes(),
    dhKey: side.queueKey,
    peer: undefined,
    securing: { type: "none" },
  }
}

function plain({ ratchet, nextMessageId: _, ...ids }: Session): object {
  return { ...ids, ratchet: plainRatchet(ratchet) }
}

/** The reference's own last sent id is not recorded. */
function recordedPlain(v: Vector): object {
  const lastSentId = v.find("lastSentId")?.number()
  return {
    ratchet: plainRatchet(transcriptRatchet(v.at("ratchet"))),
    lastReceivedId: v.at("lastExternalId").number(),
    lastReceivedHash: v.at("lastReceivedHash").bytes(),
    lastSentHash: v.at("lastSentHash").bytes(),
    ...(lastSentId === undefined ? {} : { lastSentId }),
  }
}
