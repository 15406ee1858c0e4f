import { type Bytes, encode } from "@smpkit/codec"
import { boxKey, boxNonceSize, type Random, sha256 } from "@smpkit/crypto"
import { encrypt, RatchetError, type RatchetParameters, type RatchetState } from "@smpkit/ratchet"
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
}

/** Numbers, encrypts and boxes an agent message. Throws `AgentError LARGE`. */
export function sealMessage(
  session: Session,
  queue: SendQueue,
  {
    agentVersion,
    message,
    random,
  }: { readonly agentVersion: number; readonly message: AgentMessage; readonly random: Random },
): SealedMessage {
  const sndMsgId = session.lastSentId + 1
  const content = { type: "AgentMessage", sndMsgId, prevMsgHash: session.lastSentHash, message } as const
  const { ratchet, sealed, hash } = encryptContent(
    session.ratchet,
    content,
    paddedLengths(false, agentVersion).message,
  )
  const payload = encode(agentEnvelope, { type: "AgentMsgEnvelope", version: agentVersions.max, sealed })
  const body = sealClientMessage(
    boxKey(queue.secret),
    { version: clientVersionOf(queue), senderKey: undefined, nonce: random.bytes(boxNonceSize) },
    { header: { type: "_" }, payload },
  )
  return { session: { ...session, ratchet, lastSentId: sndMsgId, lastSentHash: hash }, sndMsgId, hash, body }
}

interface ConfirmationContent {
  readonly agentVersion: number
  readonly content: AgentContent
  readonly parameters: RatchetParameters | undefined
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
  { agentVersion, content, parameters }: ConfirmationContent,
): { readonly ratchet: RatchetState; readonly hash: Bytes; readonly envelope: Bytes } {
  const encrypted = encryptContent(ratchet, content, paddedLengths(false, agentVersion).info)
  const envelope = encode(agentEnvelope, {
    type: "AgentConfirmation",
    version: agentVersion,
    parameters,
    sealed: encrypted.sealed,
  })
  if (envelope.length > maxPayloadLength(queue.dhKey.publicKey, roomyHeader(queue))) throw tooLarge()
  return { ratchet: encrypted.ratchet, hash: encrypted.hash, envelope }
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
  paddedLength: number,
): { readonly ratchet: RatchetState; readonly sealed: Bytes; readonly hash: Bytes } {
  const plaintext = encode(agentContent, content)
  try {
    const encrypted = encrypt(state, plaintext, paddedLength)
    return { ratchet: encrypted.state, sealed: encrypted.message, hash: sha256(plaintext) }
  } catch (error) {
    if (RatchetError.is(error, "LARGE")) throw tooLarge({ cause: error })
    throw error
  }
}

function tooLarge(options?: ErrorOptions): AgentError<"LARGE"> {
  return new AgentError(
    "LARGE",
    "The text is too long for one message: send it in parts of at most 15,795 bytes.",
    options,
  )
}

/** The longest body of an A_MSG (agent-protocol.md, "Padded lengths"). */
export const maxMessageLength: number = paddedLengths(false, agentVersions.max).message - 45
