import { type Bytes, type Codec, concatBytes, fixed } from "@smpkit/codec"
import { type Brand, hkdfSha512 } from "@smpkit/crypto"

// double-ratchet.md, "KDFs": where every secret of a ratchet comes from, and the only file that gives them their types.

export type RootKey = Brand<Bytes, "RootKey">
export type ChainKey = Brand<Bytes, "ChainKey">
export type HeaderKey = Brand<Bytes, "HeaderKey">
export type MessageKey = Brand<Bytes, "MessageKey">

export const ivSize = 16
const keySize = 32

/** Reads and writes 32 bytes of a kind of key: for states in a store, never for the wire. */
const keyCodec = fixed(keySize) as unknown
export const rootKey: Codec<RootKey> = keyCodec as Codec<RootKey>
export const chainKey: Codec<ChainKey> = keyCodec as Codec<ChainKey>
export const headerKey: Codec<HeaderKey> = keyCodec as Codec<HeaderKey>
export const messageKey: Codec<MessageKey> = keyCodec as Codec<MessageKey>

/** What the key agreement gives to both sides (double-ratchet.md, "Key agreement"). */
export interface InitialKeys {
  readonly headerKey: HeaderKey
  readonly nextHeaderKey: HeaderKey
  readonly rootKey: RootKey
}

export function deriveInitialKeys(secret: Bytes): InitialKeys {
  return spread(hkdfSha512(secret, new Uint8Array(64), "SimpleXX3DH", 96), (part) => ({
    headerKey: part(0, 32) as HeaderKey,
    nextHeaderKey: part(32, 64) as HeaderKey,
    rootKey: part(64, 96) as RootKey,
  }))
}

export interface RootStep {
  readonly rootKey: RootKey
  readonly chainKey: ChainKey
  readonly nextHeaderKey: HeaderKey
}

/** KDF_RK: a new root key and a new chain from a Diffie-Hellman secret (56 bytes) and, in a hybrid chain, a KEM secret (32). */
export function deriveRootStep(root: RootKey, secret: Bytes, kemSecret?: Bytes): RootStep {
  const input = joinSecrets(secret, kemSecret)
  const step = spread(hkdfSha512(input, root, "SimpleXRootRatchet", 96), (part) => ({
    rootKey: part(0, 32) as RootKey,
    chainKey: part(32, 64) as ChainKey,
    nextHeaderKey: part(64, 96) as HeaderKey,
  }))
  input.fill(0)
  return step
}

/** Secrets one behind the other, in memory of their own. */
export function joinSecrets(...secrets: readonly (Bytes | undefined)[]): Bytes {
  return concatBytes(...secrets.filter((secret) => secret !== undefined))
}

export interface ChainStep {
  readonly chainKey: ChainKey
  readonly messageKey: MessageKey
  readonly messageIv: Bytes
  readonly headerIv: Bytes
}

const emptySalt = new Uint8Array(0)

/** KDF_CK: the key of one message, and the chain key behind it. */
export function deriveChainStep(chain: ChainKey): ChainStep {
  return spread(hkdfSha512(chain, emptySalt, "SimpleXChainRatchet", 96), (part) => ({
    chainKey: part(0, 32) as ChainKey,
    messageKey: part(32, 64) as MessageKey,
    messageIv: part(64, 80),
    headerIv: part(80, 96),
  }))
}

/** Cuts derived bytes into keys that own their memory, and wipes what they were cut from. */
function spread<T>(derived: Bytes, cut: (part: (from: number, to: number) => Bytes) => T): T {
  const keys = cut((from, to) => derived.slice(from, to))
  derived.fill(0)
  return keys
}
