import {
  agentContent,
  type AgentContent,
  agentEnvelope,
  type AgentMessage,
  paddedLengths,
  parseLink,
} from "@smpkit/agent"
import { type Bytes, decode, encode } from "@smpkit/codec"
import {
  boxKey,
  boxNonceSize,
  dh,
  generateKeyPair,
  type KeyPair,
  type PublicKey,
  type Random,
  sha256,
} from "@smpkit/crypto"
import {
  decrypt,
  encrypt,
  generateX3dhKeys,
  hasKemRoom,
  type Hybrid,
  hybridOf,
  initSendingRatchet,
  type RatchetParameters,
  ratchetReplyOf,
  type RatchetState,
  securityCode,
  x3dhJoiner,
} from "@smpkit/ratchet"
import {
  clientVersions,
  openClientMessage,
  parseClientEnvelope,
  type QueueInfo,
  sealClientMessage,
  type ServerAddress,
} from "@smpkit/smp"

const agentVersion = 7
const e2eVersion = 3

/** Puts a payload into the box of a queue, as whoever knows the queue's public key can. With `senderKey`, the box is of a new pair and names its public half. */
export function sealForQueue(
  own: KeyPair<"x25519">,
  queueKey: PublicKey<"x25519">,
  payload: Bytes,
  { random, announce }: { readonly random: Random; readonly announce: boolean },
): Bytes {
  const senderKey = announce ? own.publicKey : undefined
  const nonce = random.bytes(boxNonceSize)
  const envelope = { version: clientVersions.max, senderKey, nonce }
  return sealClientMessage(boxKey(dh(own.privateKey, queueKey)), envelope, { header: { type: "_" }, payload })
}

/** Eve with an invitation link: she answers it as the invited person would, with keys of her own. */
export class EveJoiner {
  readonly #random: Random
  readonly #queueKey: PublicKey<"x25519">
  readonly #boxPair: KeyPair<"x25519">
  readonly #replyPair: KeyPair<"x25519">
  readonly #replyQueue: QueueInfo
  readonly #parameters: RatchetParameters
  /** Id of the queue that the link names. */
  readonly senderId: Bytes
  #ratchet: RatchetState
  #peer: PublicKey<"x25519"> | undefined
  #lastId = 0
  #lastHash: Bytes = new Uint8Array(0)

  /**
   * `replyServer` is where the initiator shall answer; the queue there need not exist when Eve runs the server. With `postQuantum` she takes part in
   * post-quantum encryption, until a message says otherwise.
   */
  constructor(
    link: string,
    {
      replyServer,
      random,
      postQuantum = false,
    }: { readonly replyServer: ServerAddress; readonly random: Random; readonly postQuantum?: boolean },
  ) {
    const invitation = parseLink(link)
    if (invitation.type !== "invitation") throw new Error("not an invitation")
    const [queue] = invitation.queues
    const keys = generateX3dhKeys(random, { postQuantum })
    const { key1, key2, kem } = invitation.parameters
    const secrets = x3dhJoiner(keys, { key1, key2, kem }, { random })
    this.#random = random
    this.#queueKey = queue.dhKey
    this.senderId = queue.senderId
    this.#boxPair = generateKeyPair("x25519", random)
    this.#replyPair = generateKeyPair("x25519", random)
    this.#replyQueue = {
      version: clientVersions.max,
      server: replyServer,
      senderId: random.bytes(24),
      dhKey: this.#replyPair.publicKey,
      mode: "messaging",
    }
    this.#parameters = ratchetReplyOf(e2eVersion, keys, secrets)
    this.#ratchet = initSendingRatchet({
      version: e2eVersion,
      secrets,
      peerKey: invitation.parameters.key2,
      random,
    })
  }

  /** What she asks the initiator to send to. */
  get replyId(): Bytes {
    return this.#replyQueue.senderId
  }

  /** The code of the connection that she has. */
  get securityCode(): string {
    return securityCode(this.#ratchet.ad)
  }

  /** The confirmation, as SEND has it. */
  confirmation(info: Bytes): Bytes {
    const content: AgentContent = { type: "AgentConnInfoReply", queues: [this.#replyQueue], info }
    const sealed = this.#encrypt(content, "info")
    const payload = encode(agentEnvelope, {
      type: "AgentConfirmation",
      version: agentVersion,
      parameters: this.#parameters,
      sealed,
    })
    this.#lastId = 1
    return sealForQueue(this.#boxPair, this.#queueKey, payload, { random: this.#random, announce: true })
  }

  /** Whether her ratchet has a KEM secret in the keys of each direction. */
  get hybrid(): Hybrid {
    return hybridOf(this.#ratchet)
  }

  /** The next message of hers, as SEND has it. `postQuantum` switches it on or off from her next chain on. */
  message(message: AgentMessage, { postQuantum }: { readonly postQuantum?: boolean } = {}): Bytes {
    const content: AgentContent = {
      type: "AgentMessage",
      sndMsgId: ++this.#lastId,
      prevMsgHash: this.#lastHash,
      message,
    }
    const sealed = this.#encrypt(content, "message", postQuantum)
    const payload = encode(agentEnvelope, { type: "AgentMsgEnvelope", version: agentVersion, sealed })
    return sealForQueue(this.#boxPair, this.#queueKey, payload, { random: this.#random, announce: false })
  }

  /** Goes past `count` messages: their keys are used up, and nobody gets them. */
  skip(count: number): void {
    for (let i = 0; i < count; i++) this.#ratchet = encrypt(this.#ratchet, new Uint8Array(1), 32).state
    this.#lastId += count
  }

  /** Says in her headers that a chain is much longer than it is. */
  pretend(sent: number): void {
    this.#ratchet = { ...this.#ratchet, sent }
  }

  /** Reads what the initiator sends to her reply queue. */
  open(body: Bytes): AgentContent {
    const envelope = parseClientEnvelope(body)
    this.#peer ??= envelope.senderKey
    if (this.#peer === undefined) throw new Error("a message before any confirmation")
    const { payload } = openClientMessage(boxKey(dh(this.#replyPair.privateKey, this.#peer)), envelope)
    const inner = decode(agentEnvelope, payload)
    if (!("sealed" in inner)) throw new Error(inner.type)
    const { state, plaintext } = decrypt(this.#ratchet, inner.sealed, { random: this.#random, now: 0 })
    this.#ratchet = state
    return decode(agentContent, plaintext)
  }

  #encrypt(content: AgentContent, kind: "info" | "message", postQuantum?: boolean): Bytes {
    const plaintext = encode(agentContent, content)
    const length = paddedLengths(hasKemRoom(this.#ratchet, { postQuantum }), agentVersion)[kind]
    const { state, message } = encrypt(this.#ratchet, plaintext, length, { postQuantum })
    this.#ratchet = state
    this.#lastHash = sha256(plaintext)
    return message
  }
}
