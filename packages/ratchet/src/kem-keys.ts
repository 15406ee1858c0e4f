import { type Bytes, type Codec, fixed } from "@smpkit/codec"
import { type Kem, type KemSecret, type Random, sntrup761 } from "@smpkit/crypto"
import { RatchetError } from "./errors.ts"
import {
  type KemCiphertext,
  type KemParameter,
  type KemProposal,
  type KemPublicKey,
  kemSizes,
} from "./kem.ts"

export interface KemKeyPair {
  readonly publicKey: KemPublicKey
  /** 1763 bytes. */
  readonly privateKey: Bytes
}

/** The KEM keys of one side of a ratchet. */
export interface KemKeys extends KemKeyPair {
  /** What was encapsulated to the peer's key for the sending chain: in the headers of that chain from its first to its last. */
  readonly accepted: KemCiphertext | undefined
}

/** What makes KEM keys. */
export interface KemOptions {
  readonly random: Random
  /** sntrup761, unless a test replays what was recorded. */
  readonly kem?: Kem | undefined
}

/** The private key alone, which holds the public one. */
export const kemKeyPair: Codec<KemKeyPair> = {
  write: (w, v) => {
    privateBytes.write(w, v.privateKey)
  },
  read: (r) => pairOf(privateBytes.read(r)),
}
const privateBytes = fixed(kemSizes.privateKey)

function pairOf(privateKey: Bytes): KemKeyPair {
  return { publicKey: sntrup761.publicKeyOf(privateKey) as KemPublicKey, privateKey }
}

/** 7 ms, where an X448 key pair takes a fifth of one: made for a key agreement, and once for every new chain of the peer. */
export function generateKemKeys({ random, kem = sntrup761 }: KemOptions): KemKeyPair {
  return pairOf(kem.generateKeyPair(random).secretKey)
}

export interface Accepted {
  readonly ciphertext: KemCiphertext
  /** For the caller to wipe. */
  readonly secret: KemSecret
}

/** Encapsulates a new secret to the peer's key. */
export function acceptKem(key: KemPublicKey, { random, kem = sntrup761 }: KemOptions): Accepted {
  const { ciphertext, sharedSecret } = kem.encapsulate(key, random)
  return { ciphertext: ciphertext as KemCiphertext, secret: sharedSecret }
}

/**
 * The secret that the peer encapsulated to our key, for the caller to wipe; `undefined` where it sent none. A ciphertext for another key gives a
 * secret that fits nothing. Throws `RatchetError KEM_STATE` where nothing was proposed.
 */
export function receivedSecret(
  own: KemKeyPair | undefined,
  received: KemParameter | undefined,
  kem: Kem = sntrup761,
): KemSecret | undefined {
  if (received?.type !== "A") return undefined
  if (own === undefined) throw new RatchetError("KEM_STATE", "an accepted KEM key that was not proposed")
  return kem.decapsulate(own.privateKey, received.ciphertext)
}

/** What proposes a key. */
export function kemProposalOf(keys: KemKeyPair | undefined): KemProposal | undefined {
  return keys && { type: "P", key: keys.publicKey }
}

/** The KEM field that keys stand for (double-ratchet.md, "Encryption and byte layout"). */
export function kemParameterOf(keys: KemKeys | undefined): KemParameter | undefined {
  return keys?.accepted === undefined
    ? kemProposalOf(keys)
    : { type: "A", ciphertext: keys.accepted, key: keys.publicKey }
}
