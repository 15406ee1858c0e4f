import { type Bytes, type Codec, longBytes, mapped, type Reader, struct, type Writer } from "@smpkit/codec"
import type { Brand } from "@smpkit/crypto"
import { RatchetError } from "./errors.ts"

// double-ratchet.md, "E2E ratchet parameters" and "KEM step". This version of the package does not agree on KEM secrets: it
// reads, writes and stores what belongs to them, and behaves as a peer that has post-quantum agreement switched off.

export const kemSizes = { publicKey: 1158, privateKey: 1763, ciphertext: 1039, secret: 32 } as const

export type KemPublicKey = Brand<Bytes, "KemPublicKey">
export type KemCiphertext = Brand<Bytes, "KemCiphertext">

/** `str16` of exactly `size` bytes. */
function sized<T extends Bytes>(size: number, what: string): Codec<T> {
  return mapped(
    longBytes,
    (v, fail) => (v.length === size ? (v as unknown as T) : fail(`not ${what} of ${size} bytes`)),
    (v) => {
      if (v.length !== size) throw new RangeError(`${what} has ${size} bytes`)
      return v
    },
  )
}

export const kemPublicKey: Codec<KemPublicKey> = sized(kemSizes.publicKey, "a KEM public key")
export const kemCiphertext: Codec<KemCiphertext> = sized(kemSizes.ciphertext, "a KEM ciphertext")

/** A public key of its raw bytes; `undefined` for a wrong length. */
export function kemPublicKeyOf(raw: Bytes): KemPublicKey | undefined {
  return raw.length === kemSizes.publicKey ? (raw as KemPublicKey) : undefined
}

/** A key that the peer may encapsulate to. */
export interface KemProposal {
  readonly type: "P"
  readonly key: KemPublicKey
}

/** A ciphertext for the peer's key, and a new key of the sender. */
export interface KemAcceptance {
  readonly type: "A"
  readonly ciphertext: KemCiphertext
  readonly key: KemPublicKey
}

export type KemParameter = KemProposal | KemAcceptance

const proposalFields = struct<Omit<KemProposal, "type">>({ key: kemPublicKey })
const acceptanceFields = struct<Omit<KemAcceptance, "type">>({ ciphertext: kemCiphertext, key: kemPublicKey })

export const kemParameter: Codec<KemParameter> = {
  write: (w: Writer, v: KemParameter): void => {
    w.u8(v.type.charCodeAt(0))
    switch (v.type) {
      case "P":
        proposalFields.write(w, v)
        return
      case "A":
        acceptanceFields.write(w, v)
        return
      default:
        v satisfies never
    }
  },
  read: (r: Reader): KemParameter => {
    const tag = r.u8()
    if (tag === 0x50) return { type: "P", ...proposalFields.read(r) }
    return tag === 0x41 ? { type: "A", ...acceptanceFields.read(r) } : r.fail("neither P nor A")
  },
}

/** The parameter of a side that speaks first: it may propose only. */
export const kemProposal: Codec<KemProposal> = mapped(
  kemParameter,
  (v, fail) => (v.type === "P" ? v : fail("an accepted KEM key where only a proposal may stand")),
  (v) => v,
)

/** Own KEM keys of a ratchet, and what was agreed with the peer's last key. */
export interface KemKeys {
  readonly publicKey: KemPublicKey
  readonly privateKey: Bytes
  readonly accepted: KemAgreed | undefined
}

export interface KemAgreed {
  readonly peerKey: KemPublicKey
  readonly secret: Bytes
  readonly ciphertext: KemCiphertext
}

/** The post-quantum part of a state; all off in this version of the package. */
export interface PostQuantum {
  /** Headers have room for a KEM; never turned off again. */
  readonly supported: boolean
  readonly enabled: boolean
  /** Whether the chain in this direction includes a KEM secret. */
  readonly sending: boolean
  readonly receiving: boolean
  readonly keys: KemKeys | undefined
}

export const postQuantumOff: PostQuantum = {
  supported: false,
  enabled: false,
  sending: false,
  receiving: false,
  keys: undefined,
}

/** The field of a header: what the keys of a state say (double-ratchet.md, "Encryption and byte layout"). */
export function kemField({ keys }: PostQuantum): KemParameter | undefined {
  if (keys === undefined) return undefined
  return keys.accepted === undefined
    ? { type: "P", key: keys.publicKey }
    : { type: "A", ciphertext: keys.accepted.ciphertext, key: keys.publicKey }
}

/**
 * The rows of "KEM step" for post-quantum agreement switched off: a proposal is ignored, and an acceptance has no own
 * proposal to belong to. Throws `RatchetError KEM_STATE`.
 */
export function kemStep(state: PostQuantum, received: KemParameter | undefined): PostQuantum {
  assertNotAccepted(received)
  return { ...postQuantumOff, supported: state.supported }
}

/** Throws `RatchetError KEM_STATE` for an acceptance, as nothing was proposed. */
export function assertNotAccepted(received: KemParameter | undefined): void {
  if (received?.type === "A") throw new RatchetError("KEM_STATE", "an accepted KEM key that was not proposed")
}
