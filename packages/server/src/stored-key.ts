import type { Bytes } from "@smpkit/codec"
import { type AuthAlg, type Brand, encodePublicKey, type PublicKey } from "@smpkit/crypto"

/**
 * A key that authorizes commands, as DER: checked when it entered, decoded again at each verification, so that a key from the store and the
 * dummy key of an unknown queue cost the same (security.md Q22).
 */
export type StoredKey = Brand<Bytes, "StoredKey">

export function storedKey(key: PublicKey<AuthAlg>): StoredKey {
  return encodePublicKey(key) as StoredKey
}

// The last byte of the object identifier 1.3.101.x (encoding.md, "Keys, secrets, signatures").
const algByte: Readonly<Record<number, AuthAlg>> = { 0x6e: "x25519", 0x70: "ed25519", 0x71: "ed448" }

/** The algorithm of a stored key, without decoding it. */
export function storedKeyAlg(key: StoredKey): AuthAlg | undefined {
  return algByte[key[8] ?? 0]
}
