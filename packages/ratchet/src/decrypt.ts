import { type Bytes, concatBytes } from "@smpkit/codec"
import { aesGcmOpen, CryptoError, equalBytes, type Kem, type Random, unpad } from "@smpkit/crypto"
import { type ChainKey, deriveChainStep, type HeaderKey } from "./chains.ts"
import { RatchetError } from "./errors.ts"
import {
  maxMessageNumber,
  openHeader,
  parseMessage,
  type RatchetHeader,
  type UnverifiedMessage,
} from "./header.ts"
import type { Hybrid } from "./post-quantum.ts"
import { beginReceiving, beginSending } from "./ratchet-step.ts"
import {
  addSkipped,
  countSkipped,
  expireSkipped,
  findSkipped,
  headerKeysOf,
  removeSkipped,
  type SkippedKey,
  type SkippedRun,
  skipTo,
} from "./skipped-keys.ts"
import { hybridOf, type RatchetState, type ReceivingChain } from "./state.ts"

/** How the skipped keys of a state changed, in numbers of keys. */
export interface SkippedChanges {
  readonly added: number
  readonly used: number
  /** Erased because there were too many: their messages are lost. */
  readonly evicted: number
  /** Erased because of their age. */
  readonly expired: number
}

export interface Decrypted {
  readonly state: RatchetState
  readonly plaintext: Bytes
  /** Whether the key of this message includes a KEM secret. */
  readonly hybrid: boolean
  /** Whether either direction is hybrid from now on, as `hybridOf(state)`. */
  readonly directions: Hybrid
  /** The directions of which this message changed that: post-quantum agreement began, or ended. */
  readonly changed: readonly (keyof Hybrid)[]
  readonly skipped: SkippedChanges
}

export interface DecryptOptions {
  readonly random: Random
  /** Milliseconds since 1970: the age of skipped keys. */
  readonly now: number
  /** sntrup761, unless a test replays what was recorded. */
  readonly kem?: Kem | undefined
}

/**
 * Decrypts one message (double-ratchet.md, "Decryption"; security.md Q5: a message that fails changes nothing).
 * Throws `RatchetError` MESSAGE, HEADER, EARLIER, DUPLICATE, SKIPPED, DECRYPT, KEM_STATE or COUNTER.
 */
export function decrypt(
  state: RatchetState,
  message: Uint8Array,
  { random, now, kem }: DecryptOptions,
): Decrypted {
  const parts = parseMessage(message)
  const skipped = expireSkipped(state.skipped, now)
  const expired = countSkipped(state.skipped) - countSkipped(skipped)
  const fresh: RatchetState = { ...state, skipped }
  const { header, headerKey, chain } = findHeader(fresh, parts)

  const stored = headerKey === undefined ? undefined : findSkipped(skipped, headerKey, header.number)
  if (stored !== undefined) {
    const plaintext = openBody(state.ad, parts, stored.key)
    return {
      state: { ...fresh, skipped: removeSkipped(skipped, stored) },
      plaintext,
      hybrid: stored.run.hybrid,
      directions: hybridOf(state),
      changed: [],
      skipped: { added: 0, used: 1, evicted: 0, expired },
    }
  }
  switch (chain) {
    case "old":
      throw new RatchetError("HEADER", "a message of an old chain whose key is gone")
    case "current":
    case "next":
      break
    default:
      return chain satisfies never
  }
  if (header.number > maxMessageNumber) throw new RatchetError("COUNTER", "a message number out of range")

  const upgraded = upgradeVersion(fresh, header)
  const isNew = chain === "next"
  const finished =
    isNew && upgraded.receiving !== undefined ? passOver(upgraded, header.previousSent, now).run : undefined
  const begun = isNew ? beginReceiving(upgraded, header, kem) : upgraded
  const { receiving, chainKey, run } = passOver(begun, header.number, now)
  const step = deriveChainStep(chainKey)
  let plaintext: Bytes
  try {
    plaintext = openBody(state.ad, parts, { messageKey: step.messageKey, iv: step.messageIv })
  } finally {
    step.messageKey.fill(0)
  }
  const before = finished === undefined ? skipped : addSkipped(skipped, finished)
  const kept = addSkipped(before, run)
  const added = (finished?.keys.length ?? 0) + run.keys.length
  const received: RatchetState = {
    ...begun,
    receiving: { ...receiving, chainKey: step.chainKey },
    received: header.number + 1,
    skipped: kept,
  }
  // New keys are made when the message has proved to be one.
  const next = isNew ? beginSending(received, header, { random, kem }) : received
  const directions = hybridOf(next)
  return {
    state: next,
    plaintext,
    hybrid: run.hybrid,
    directions,
    changed: (["sending", "receiving"] as const).filter((d) => directions[d] !== state.postQuantum[d]),
    skipped: { added, used: 0, evicted: countSkipped(skipped) + added - countSkipped(kept), expired },
  }
}

interface FoundHeader {
  readonly header: RatchetHeader
  readonly chain: "current" | "next" | "old"
  /** Under which skipped keys of this message would be stored; `undefined` for a chain that begins. */
  readonly headerKey: HeaderKey | undefined
}

/** Tries the header keys: current, next, then those of stored keys (Q5). Throws `RatchetError` HEADER or MESSAGE. */
function findHeader(state: RatchetState, { header: sealed }: UnverifiedMessage): FoundHeader {
  const { ad, receiving } = state
  if (receiving !== undefined) {
    const header = openHeader(receiving.headerKey, ad, sealed)
    if (header !== undefined) return { header, chain: "current", headerKey: receiving.headerKey }
  }
  const next = openHeader(state.nextReceivingHeaderKey, ad, sealed)
  if (next !== undefined) return { header: next, chain: "next", headerKey: undefined }
  for (const headerKey of headerKeysOf(state.skipped)) {
    if (receiving !== undefined && equalBytes(headerKey, receiving.headerKey)) continue
    const header = openHeader(headerKey, ad, sealed)
    if (header !== undefined) return { header, chain: "old", headerKey }
  }
  throw new RatchetError("HEADER", "a header that no key opens")
}

/** double-ratchet.md, "Version upgrade". */
function upgradeVersion(state: RatchetState, { maxVersion }: RatchetHeader): RatchetState {
  const version = Math.max(state.version, Math.min(maxVersion, state.maxVersion))
  return version === state.version ? state : { ...state, version }
}

/** The keys of the receiving chain before `number`, and the chain key that gives the key of `number` itself. */
function passOver(
  { receiving, received, postQuantum }: RatchetState,
  number: number,
  now: number,
): { readonly receiving: ReceivingChain; readonly chainKey: ChainKey; readonly run: SkippedRun } {
  if (receiving === undefined) throw new TypeError("no receiving chain")
  const { chainKey, keys } = skipTo(receiving.chainKey, received, number)
  const { headerKey } = receiving
  return { receiving, chainKey, run: { headerKey, createdAt: now, hybrid: postQuantum.receiving, keys } }
}

/** Opens a body; one code for a wrong tag and wrong padding. */
function openBody(
  ad: Bytes,
  { headerBytes, body }: UnverifiedMessage,
  { messageKey, iv }: Pick<SkippedKey, "messageKey" | "iv">,
): Bytes {
  try {
    return unpad(aesGcmOpen(messageKey, iv, concatBytes(ad, headerBytes), body))
  } catch (error) {
    if (error instanceof CryptoError) throw new RatchetError("DECRYPT", "a message that does not open")
    throw error
  }
}
