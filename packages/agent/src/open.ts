import { type Bytes, decode, WireError } from "@smpkit/codec"
import { boxKey, CryptoError, dh, type KeyPair, type Random, sha256 } from "@smpkit/crypto"
import { decrypt, RatchetError, type RatchetState } from "@smpkit/ratchet"
import {
  type ClientMessage,
  clientVersions,
  openClientMessage,
  parseClientEnvelope,
  type PrivateHeader,
} from "@smpkit/smp"
import type { Session } from "./connection.ts"
import { agentEnvelope, type AgentEnvelope } from "./envelopes.ts"
import { AgentError } from "./errors.ts"
import { type Integrity, integrityOf } from "./integrity.ts"
import { agentContent, type AgentContent, type AgentMessage } from "./messages.ts"
import type { QueuePeer } from "./queues.ts"

// The way of a received message from the queue's box to the application, as pure functions: state and bytes in, state and message out.
// `openQueueMessage` takes off the box of the queue, `openAgentMessage` decrypts with the ratchet, parses and compares ids and hashes.
// Both need no agent: a test calls them with keys and ratchet of a recording.

/** A message without the box of its queue. */
export interface QueueMessage {
  /** The secret that the sender's key in the public header makes; `undefined` when there is none, and the queue's own was used. */
  readonly newPeer: QueuePeer | undefined
  readonly header: PrivateHeader
  readonly envelope: AgentEnvelope
}

/**
 * Opens the body of a SEND (smp-client-crypto.md, "Envelope = SEND body"). Whether header, key and envelope may come together on this queue is
 * for the caller to judge (agent-protocol.md, "Acceptance"). Throws `AgentError` A_MESSAGE (does not parse), A_VERSION, A_CRYPTO (does not open) or A_PROHIBITED (no keys).
 */
export function openQueueMessage(
  queue: { readonly dhKey: KeyPair<"x25519">; readonly peer: QueuePeer | undefined },
  body: Uint8Array,
): QueueMessage {
  const envelope = parsed("an envelope that does not parse", () => parseClientEnvelope(body))
  if (envelope.version < clientVersions.min || envelope.version > clientVersions.max) {
    throw new AgentError(
      "A_VERSION",
      `A message of client version ${envelope.version}, which this release does not speak.`,
    )
  }
  const { senderKey } = envelope
  const newPeer =
    senderKey === undefined
      ? undefined
      : { key: senderKey.raw, secret: dh(queue.dhKey.privateKey, senderKey) }
  const secret = (newPeer ?? queue.peer)?.secret
  if (secret === undefined)
    throw new AgentError("A_PROHIBITED", "A message before any confirmation: there is no key for it.")
  let message: ClientMessage
  try {
    message = parsed("a message that does not parse", () => openClientMessage(boxKey(secret), envelope))
  } catch (error) {
    if (error instanceof CryptoError)
      throw new AgentError("A_CRYPTO", "A message that the queue's key does not open.", { cause: error })
    throw error
  }
  const { header, payload } = message
  return {
    newPeer,
    header,
    envelope: parsed("an agent envelope that does not parse", () => decode(agentEnvelope, payload)),
  }
}

/** What a session needs for receiving; `Session` has more. */
export type ReceivingSession = Pick<Session, "ratchet" | "lastReceivedId" | "lastReceivedHash">

/** What became of the sealed part of an `M` envelope, with the session to store in place of the given one. */
export type OpenedMessage<S extends ReceivingSession> =
  | {
      readonly type: "message"
      readonly session: S
      readonly sndMsgId: number
      /** SHA-256 of the plaintext. */
      readonly hash: Bytes
      readonly integrity: Integrity
      readonly message: AgentMessage
      readonly hybrid: boolean
      /** Messages that can never be read any more, as their keys gave way to newer ones (security.md Q5). */
      readonly evicted: number
    }
  /** It decrypts and is no agent message: the ratchet moves on, ids and hash do not. */
  | { readonly type: "refused"; readonly session: S; readonly code: "A_MESSAGE" | "A_PROHIBITED" }
  /** It does not decrypt: nothing changes. */
  | { readonly type: "failed"; readonly error: RatchetError }

/** Decrypts, parses and checks one agent message (agent-protocol.md, "Agent messages" and "Order of effects"). Never throws for what a peer can send. */
export function openAgentMessage<S extends ReceivingSession>(
  session: S,
  sealed: Uint8Array,
  options: { readonly random: Random; readonly now: number },
): OpenedMessage<S> {
  const decrypted = decryptContent(session.ratchet, sealed, options)
  if (decrypted.type === "failed") return decrypted
  const moved: S = { ...session, ratchet: decrypted.ratchet }
  const { content, hash } = decrypted
  if (content === undefined) return { type: "refused", session: moved, code: "A_MESSAGE" }
  if (content.type !== "AgentMessage") return { type: "refused", session: moved, code: "A_PROHIBITED" }
  const { sndMsgId, message } = content
  return {
    type: "message",
    session: { ...moved, lastReceivedId: sndMsgId, lastReceivedHash: hash },
    sndMsgId,
    hash,
    integrity: integrityOf({ id: session.lastReceivedId, hash: session.lastReceivedHash }, content),
    message,
    hybrid: decrypted.hybrid,
    evicted: decrypted.evicted,
  }
}

/** Content of a ratchet message; `undefined` where it does not parse. */
export type DecryptedContent =
  | {
      readonly type: "content"
      readonly ratchet: RatchetState
      readonly content: AgentContent | undefined
      readonly hash: Bytes
      readonly hybrid: boolean
      readonly evicted: number
    }
  | { readonly type: "failed"; readonly error: RatchetError }

/** Decrypts and parses, for confirmations and messages alike. */
export function decryptContent(
  state: RatchetState,
  sealed: Uint8Array,
  options: { readonly random: Random; readonly now: number },
): DecryptedContent {
  try {
    const { state: ratchet, plaintext, hybrid, skipped } = decrypt(state, sealed, options)
    const { evicted } = skipped
    return {
      type: "content",
      ratchet,
      content: contentOf(plaintext),
      hash: sha256(plaintext),
      hybrid,
      evicted,
    }
  } catch (error) {
    if (isRatchetError(error)) return { type: "failed", error }
    throw error
  }
}

function isRatchetError(error: unknown): error is RatchetError {
  return error instanceof RatchetError
}

function contentOf(plaintext: Bytes): AgentContent | undefined {
  try {
    return decode(agentContent, plaintext)
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
}

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof WireError)
      throw new AgentError("A_MESSAGE", `The other side sent ${what}.`, { cause: error })
    throw error
  }
}

/** What identifies a processed envelope for as long as its queue lives (security.md Q3). */
export function envelopeHash(sealed: Uint8Array): Bytes {
  return sha256(sealed).slice(0, 16)
}
