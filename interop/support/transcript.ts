import { type Bytes, decode, toHex } from "@smpkit/codec"
import { boxKey, PublicKey } from "@smpkit/crypto"
import {
  type AgentContent,
  agentContent,
  decryptContent,
  type Integrity,
  openAgentMessage,
  openQueueMessage,
  type QueueMessage,
} from "@smpkit/agent"
import {
  initReceivingRatchet,
  initSendingRatchet,
  type KemCiphertext,
  type KemPublicKey,
  type RatchetParameters,
  ratchetParameters,
  type RatchetState,
  x3dhInitiator,
  type X3dhKeys,
  type X3dhSecrets,
} from "@smpkit/ratchet"
import { openMessageBody, type QueueInfo } from "@smpkit/smp"
import { ScriptedRandom, type Vector } from "@smpkit/testkit"
import type { Session } from "../../packages/agent/src/connection.ts"
import { readConfirmation } from "../../packages/agent/src/handshake.ts"
import type { QueuePeer, SendQueue } from "../../packages/agent/src/queues.ts"
import { sealConfirmation, sealMessage } from "../../packages/agent/src/seal.ts"
import { transcriptKem } from "../../packages/ratchet/test/recorded-state.ts"
import { ScriptedKem } from "../../packages/ratchet/test/scripted-kem.ts"
import { kemPairOf, rawPair } from "./recorded-state.ts"

export type SideName = "js" | "ref"

const none: Bytes = new Uint8Array(0)

/** What a side is told of its conversation. */
export interface SideOptions {
  readonly role: "initiator" | "joiner"
  readonly postQuantum: boolean
  /** The KEM key of the link. Its secret half is not recorded; the secret that the joiner encapsulated to it is. */
  readonly kemOfLink?: KemPublicKey | undefined
  readonly encapsulated?: { readonly ciphertext: Bytes; readonly secret: Bytes } | undefined
}

/** One side of a conversation of `agent-transcript.json`, with our functions in the place of its agent. */
export class Side {
  readonly name: SideName
  readonly recorded: Vector
  readonly postQuantum: boolean
  readonly encapsulated: SideOptions["encapsulated"]
  readonly queueKey: ReturnType<typeof rawPair<"x25519">>
  readonly steps: ScriptedRandom
  readonly kem: ScriptedKem
  /** The KEM keys of the first step. */
  readonly firstKem: Bytes | undefined
  readonly x3dh: X3dhKeys | undefined
  session: Session | undefined
  peer: QueuePeer | undefined

  constructor(name: SideName, recorded: Vector, { role, postQuantum, kemOfLink, encapsulated }: SideOptions) {
    this.name = name
    this.recorded = recorded
    this.postQuantum = postQuantum
    this.encapsulated = encapsulated
    this.queueKey = rawPair(recorded.at("receiveQueue", "x25519", "private").bytes(), "x25519")
    const steps = recorded.at("steps").items()
    this.steps = new ScriptedRandom(...steps.map((step) => step.at("DHRs", "private").bytes()))
    const kems = steps.flatMap((step) => transcriptKem(step) ?? [])
    this.firstKem = kems[0]?.secretKey
    // The joiner's first step is the beginning of its ratchet.
    this.kem = new ScriptedKem(
      role === "joiner" ? kems.slice(1) : kems,
      new Map(encapsulated && [[toHex(encapsulated.ciphertext), encapsulated.secret]]),
    )
    const keys = recorded.find("x3dh")
    const kem = kemOfLink && { publicKey: kemOfLink, privateKey: new Uint8Array(1763) }
    this.x3dh = keys && {
      key1: rawPair(keys.at("key1", "private").bytes(), "x448"),
      key2: rawPair(keys.at("key2", "private").bytes(), "x448"),
      ...(role === "initiator" && kem && { kem }),
    }
  }

  /** Random bytes as the recorded side had them: ratchet keys from its steps; an id of the application is our own. */
  random(): { readonly bytes: (length: number) => Bytes } {
    return { bytes: (length) => (length === 12 ? new Uint8Array(12) : this.steps.bytes(length)) }
  }

  get receiving(): Session {
    if (this.session === undefined) throw new Error(`${this.recorded.path} has no session yet`)
    return this.session
  }
}

/** What a message held for its recipient. */
export interface Read {
  readonly queueMessage: QueueMessage
  readonly content: AgentContent | undefined
  readonly hash: Bytes
  readonly integrity: Integrity | undefined
  readonly time: number | undefined
  readonly notification: boolean | undefined
}

/** The SEND body of a message. What the reference sent was recorded as its recipient got it, under the server's layer. */
export function sendBodyOf(message: Vector): {
  readonly body: Bytes
  readonly time: number | undefined
  readonly notification: boolean | undefined
} {
  const sent = message.find("sendBody")
  if (sent !== undefined) return { body: sent.bytes(), time: undefined, notification: undefined }
  const key = boxKey(message.at("rcvSecret").bytes())
  const opened = openMessageBody(key, message.at("msgId").bytes(), message.at("msgBody").bytes())
  if (opened.type !== "message") throw new Error(`${message.path} is a quota marker`)
  return opened
}

/** Opens a message with the recipient's keys, whose session moves on. */
export function read(
  side: Side,
  message: Vector,
  sent: ReturnType<typeof sendBodyOf> = sendBodyOf(message),
): Read {
  const { body, time, notification } = sent
  const queueMessage = openQueueMessage({ dhKey: side.queueKey, peer: side.peer }, body)
  const { envelope, newPeer } = queueMessage
  // The agent's functions hand on to the ratchet what makes KEM keys.
  const options = { random: side.random(), now: 0, kem: side.kem }
  const outside = { queueMessage, time, notification }
  if (envelope.type === "AgentConfirmation" && envelope.parameters !== undefined) {
    const { x3dh } = side
    if (x3dh === undefined) throw new Error(`${side.recorded.path} made no link`)
    side.peer = newPeer
    if (x3dh.kem !== undefined) {
      const ratchet = initiatorRatchet(side, x3dh, envelope.parameters)
      const result = decryptContent(ratchet, envelope.sealed, options)
      if (result.type === "failed") throw result.error
      side.session = { ...sessionOf(result.ratchet), lastReceivedId: 1, lastReceivedHash: result.hash }
      return { ...outside, content: result.content, hash: result.hash, integrity: undefined }
    }
    const setting = side.postQuantum ? "on" : "off"
    const { session, replyQueue, info } = readConfirmation(
      { x3dh, postQuantum: setting },
      queueMessage,
      envelope,
      options,
    )
    side.session = session
    const content = { type: "AgentConnInfoReply", queues: [replyQueue], info } as const
    return { ...outside, content, hash: session.lastReceivedHash, integrity: undefined }
  }
  if (envelope.type === "AgentConfirmation") {
    const result = decryptContent(side.receiving.ratchet, envelope.sealed, options)
    if (result.type === "failed") throw result.error
    const { ratchet, content, hash } = result
    side.session = { ...side.receiving, ratchet, lastReceivedId: 1, lastReceivedHash: hash }
    side.peer = newPeer
    return { ...outside, content, hash, integrity: undefined }
  }
  if (envelope.type !== "AgentMsgEnvelope") throw new Error(`${message.path}: ${envelope.type}`)
  const before = side.receiving
  const result = openAgentMessage(before, envelope.sealed, options)
  if (result.type === "failed") throw result.error
  side.session = result.session
  if (result.type === "refused") throw new Error(`${message.path} is refused: ${result.code}`)
  const { sndMsgId, hash, integrity, message: inner } = result
  const content = {
    type: "AgentMessage",
    sndMsgId,
    prevMsgHash: before.lastReceivedHash,
    message: inner,
  } as const
  return { ...outside, content, hash, integrity }
}

/** Seals a recorded content again with the sender's keys and the recorded nonce; its session moves on. */
export function write(side: Side, message: Vector, address: QueueInfo): Bytes {
  const content = decode(agentContent, message.at("content", "hex").bytes())
  const envelope = message.at("agentEnvelope")
  const agentVersion = envelope.at("version").number()
  const random = new ScriptedRandom(message.at("envelope", "nonce").bytes())
  const queue = sendQueueOf(side, message, address)
  const session = side.receiving
  if (content.type === "AgentMessage") {
    const sealed = sealMessage(session, queue, { agentVersion, message: content.message, random })
    side.session = sealed.session
    return sealed.body
  }
  const parameters = envelope.find("e2eParams")?.bytes()
  const sealed = sealConfirmation(session.ratchet, queue, {
    agentVersion,
    content,
    parameters: parameters && decode(ratchetParameters, parameters),
    postQuantum: side.postQuantum,
    random,
  })
  side.session = { ...session, ratchet: sealed.ratchet, lastSentId: 1, lastSentHash: sealed.hash }
  return sealed.body
}

/** The sender's queue: our own key pair of the queue layer is recorded for `js` only, of `ref` its public half and the secret. */
function sendQueueOf(side: Side, message: Vector, info: QueueInfo): SendQueue {
  const recorded = side.recorded.at("sendQueue")
  const own = recorded.at("x25519").find("private")?.bytes()
  const stranger = rawPair(new Uint8Array(32).fill(9), "x25519")
  const publicKey = message.at("envelope").find("senderX25519")?.bytes()
  const dhKey =
    own === undefined
      ? { ...stranger, publicKey: new PublicKey("x25519", publicKey ?? stranger.publicKey.raw) }
      : rawPair(own, "x25519")
  return { info, authKey: stranger, dhKey, secret: recorded.at("secret").bytes(), secured: true }
}

/** The joiner before its confirmation: its ratchet follows from the initiator's keys, as the reference does not keep its own. */
export function startJoiner(joiner: Side, initiator: Side, parameters: RatchetParameters): void {
  const { x3dh } = initiator
  if (x3dh === undefined) throw new Error(`${initiator.recorded.path} made no link`)
  const secrets = joinerSecrets(joiner, x3dhInitiator(x3dh, parameters, initiator.kem))
  const { version } = parameters
  joiner.session = sessionOf(
    initSendingRatchet({ version, secrets, peerKey: x3dh.key2.publicKey, random: joiner.steps }),
  )
}

/** The joiner's half of what both agreed on: the KEM keys that it answered with, or proposed. */
function joinerSecrets(joiner: Side, agreed: X3dhSecrets): X3dhSecrets {
  const { encapsulated, firstKem } = joiner
  const own = joiner.recorded.find("kem")?.at("secret").bytes() ?? firstKem
  if (own === undefined) return agreed
  const accepted = encapsulated?.ciphertext as KemCiphertext | undefined
  return {
    ...agreed,
    kem: { ...kemPairOf(own), accepted },
    kemSecret: encapsulated && (encapsulated.secret.slice() as X3dhSecrets["kemSecret"]),
  }
}

/** The initiator's ratchet where the link had a KEM key, made as `readConfirmation` does, but with the recorded secret for that key. */
function initiatorRatchet(side: Side, x3dh: X3dhKeys, parameters: RatchetParameters): RatchetState {
  const secrets = x3dhInitiator(x3dh, parameters, side.kem)
  const { version } = parameters
  return initReceivingRatchet({ version, secrets, keyPair: x3dh.key2, postQuantum: side.postQuantum })
}

/** Before the first message. */
function sessionOf(ratchet: RatchetState): Session {
  return {
    ratchet,
    lastReceivedId: 0,
    lastReceivedHash: none,
    lastSentId: 0,
    lastSentHash: none,
    nextMessageId: 1,
  }
}
