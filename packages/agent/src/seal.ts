import { type Bytes, encode } from "@smpkit/codec"
import { boxKey, boxNonceSize, type Random, sha256 } from "@smpkit/crypto"
import { encrypt, hasKemRoom, RatchetError, type RatchetParameters, type RatchetState } from "@smpkit/ratchet"
import { clientVersions, maxPayloadLength, type PrivateHeader, sealClientMessage } from "@smpkit/smp"
import type { Session } from "./connection.ts"
import { agentEnvelope, paddedLengths } from "./envelopes.ts"
import { AgentError } from "./errors.ts"
import { agentContent, type AgentContent, type AgentMessage } from "./messages.ts"
import type { SendQueue } from "./queues.ts"
import { agentVersions } from "./version.ts"

// agent-protocol.md, "Layers of one SMP message body".

/** A message in all its layers, and the session that must be stored together with it before it leaves. */
export interface SealedMessage {
  readonly session: Session
  readonly sndMsgId: number
  /** SHA-256 of the plaintext. */
  readonly hash: Bytes
  /** The body of SEND. */
  readonly body: Bytes
  /** Whether a KEM secret is in its key. */
  readonly hybrid: boolean
}

/** Numbers, encrypts and boxes an agent message. Throws `AgentError LARGE`. */
export function sealMessage(
  session: Session,
  queue: SendQueue,
  {
    agentVersion,
    message,
    random,
    postQuantum,
  }: {
    readonly agentVersion: number
    readonly message: AgentMessage
    readonly random: Random
    /** Post-quantum encryption on or off from now on; as it was, unless given. */
    readonly postQuantum?: boolean | undefined
  },
): SealedMessage {
  const sndMsgId = session.lastSentId + 1
  const content = { type: "AgentMessage", sndMsgId, prevMsgHash: session.lastSentHash, message } as const
  const { ratchet, sealed, hash, hybrid } = encryptContent(session.ratchet, content, {
    agentVersion,
    postQuantum,
    kind: "message",
  })
  const payload = encode(agentEnvelope, { type: "AgentMsgEnvelope", version: agentVersions.max, sealed })
  const body = boxEnvelope(queue, payload, random)
  const next = { ...session, ratchet, lastSentId: sndMsgId, lastSentHash: hash }
  return { session: next, sndMsgId, hash, body, hybrid }
}

/** Seals an envelope with the secret that both sides of a queue have: the body of SEND. */
export function boxEnvelope(queue: SendQueue, payload: Bytes, random: Random): Bytes {
  return sealClientMessage(
    boxKey(queue.secret),
    { version: clientVersionOf(queue), senderKey: undefined, nonce: random.bytes(boxNonceSize) },
    { header: { type: "_" }, payload },
  )
}

interface ConfirmationContent {
  readonly agentVersion: number
  readonly content: AgentContent
  readonly parameters: RatchetParameters | undefined
  /** Whether the connection takes part in post-quantum encryption. */
  readonly postQuantum: boolean
}

/** A confirmation in all its layers. Throws `AgentError LARGE`. */
export function sealConfirmation(
  ratchet: RatchetState,
  queue: SendQueue,
  { random, ...content }: ConfirmationContent & { readonly random: Random },
): { readonly ratchet: RatchetState; readonly hash: Bytes; readonly body: Bytes } {
  const { envelope, ...encrypted } = encryptConfirmation(ratchet, queue, content)
  return { ...encrypted, body: boxConfirmation(queue, envelope, random) }
}

/**
 * A confirmation's envelope (agent-protocol.md, "Fast handshake", steps 5 and 8): the first item of its sender, without a header of its own.
 * `boxConfirmation` seals it for its queue. Throws `AgentError LARGE`.
 */
export function encryptConfirmation(
  ratchet: RatchetState,
  queue: SendQueue,
  { agentVersion, content, parameters, postQuantum }: ConfirmationContent,
): { readonly ratchet: RatchetState; readonly hash: Bytes; readonly envelope: Bytes } {
  const encrypted = encryptContent(ratchet, content, { agentVersion, postQuantum, kind: "info" })
  const envelope = encode(agentEnvelope, {
    type: "AgentConfirmation",
    version: agentVersion,
    parameters,
    sealed: encrypted.sealed,
  })
  if (envelope.length > maxPayloadLength(queue.dhKey.publicKey, roomyHeader(queue))) throw infoTooLarge()
  return { ratchet: encrypted.ratchet, hash: encrypted.hash, envelope }
}

/** Whether a confirmation's content will fit, told without encrypting it. Throws `AgentError LARGE`. */
export function assertInfoFits(
  ratchet: RatchetState,
  { agentVersion, content, postQuantum }: Omit<ConfirmationContent, "parameters">,
): void {
  const room = paddedLengths(hasKemRoom(ratchet, { postQuantum }), agentVersion).info
  // Padding begins with two bytes of length.
  if (encode(agentContent, content).length + 2 > room) throw infoTooLarge()
}

/**
 * Seals a confirmation for its queue: the body of SEND. Where the sender may not set its key itself, the confirmation carries it for the recipient to
 * set, so that key must have been chosen.
 */
export function boxConfirmation(queue: SendQueue, envelope: Bytes, random: Random): Bytes {
  return sealClientMessage(
    boxKey(queue.secret),
    {
      version: clientVersionOf(queue),
      senderKey: queue.dhKey.publicKey,
      nonce: random.bytes(boxNonceSize),
    },
    { header: privateHeaderOf(queue), payload: envelope },
  )
}

function privateHeaderOf(queue: SendQueue): PrivateHeader {
  if (sendsOwnKey(queue)) return { type: "_" }
  if (queue.authKey === undefined) throw new TypeError("a confirmation that carries a key that is not chosen")
  return { type: "K", senderKey: queue.authKey.publicKey }
}

/** A header as long as the one that the confirmation will have: the keys of both kinds have one length. */
function roomyHeader(queue: SendQueue): PrivateHeader {
  return sendsOwnKey(queue) ? { type: "_" } : { type: "K", senderKey: queue.dhKey.publicKey }
}

/** Whether our key is set with SKEY on this queue (agent-protocol.md, "Connection procedures": its mode decides). */
export function sendsOwnKey({ info }: SendQueue): boolean {
  return info.mode === "messaging"
}

function clientVersionOf({ info }: SendQueue): number {
  return Math.min(info.version, clientVersions.max)
}

function encryptContent(
  state: RatchetState,
  content: AgentContent,
  {
    agentVersion,
    postQuantum,
    kind,
  }: {
    readonly agentVersion: number
    readonly postQuantum: boolean | undefined
    readonly kind: "info" | "message"
  },
): {
  readonly ratchet: RatchetState
  readonly sealed: Bytes
  readonly hash: Bytes
  readonly hybrid: boolean
} {
  const plaintext = encode(agentContent, content)
  const room = paddedLengths(hasKemRoom(state, { postQuantum }), agentVersion)[kind]
  try {
    const { state: ratchet, message: sealed, hybrid } = encrypt(state, plaintext, room, { postQuantum })
    return { ratchet, sealed, hash: sha256(plaintext), hybrid }
  } catch (error) {
    if (!RatchetError.is(error, "LARGE")) throw error
    throw kind === "info"
      ? infoTooLarge({ cause: error })
      : tooLarge(room - messageOverhead, { cause: error })
  }
}

/** For a message longer than `max` bytes. */
export function tooLarge(max: number, options?: ErrorOptions): AgentError<"LARGE"> {
  return new AgentError(
    "LARGE",
    `The text is too long for one message: send it in parts of at most ${max} bytes.`,
    options,
  )
}

function infoTooLarge(options?: ErrorOptions): AgentError<"LARGE"> {
  return new AgentError(
    "LARGE",
    "The info is too long for the message that connects: send it when you are connected.",
    options,
  )
}

/** What stands before and behind the body of an A_MSG: its length, tags, number and hash. */
const messageOverhead = 45

/**
 * The longest body of an A_MSG in bytes (agent-protocol.md, "Padded lengths"): 13,573 from the first message on that was sent with post-quantum encryption
 * on, 15,795 without.
 */
export function maxMessageLength(postQuantum: boolean): number {
  return paddedLengths(postQuantum, agentVersions.max).message - messageOverhead
}
