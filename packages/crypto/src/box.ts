import type { Bytes } from "@smpkit/codec"
import { backend } from "#backend"
import { type Brand } from "./diffie-hellman.ts"
import { CryptoError } from "./errors.ts"
import { pad, unpad } from "./padding.ts"

/**
 * The key of a box, derived once from a secret of 32 bytes with HSalsa20 (smp-client-crypto.md, "The box").
 * A Diffie-Hellman secret gives NaCl's crypto_box; a symmetric key gives what the specification calls "secret box".
 */
export type BoxKey = Brand<Bytes, "BoxKey">

const zero16 = new Uint8Array(16)
export const boxNonceSize = 24
export const boxTagSize = 16

/** HSalsa20(secret, 0¹⁶): cache it where many boxes share a secret. */
export function boxKey(secret: Uint8Array): BoxKey {
  if (secret.length !== 32) throw new RangeError("a box secret has 32 bytes")
  return backend.hsalsa20(secret, zero16) as BoxKey
}

/** tag (16) ++ ciphertext. `nonce` has 24 bytes and never repeats under one key. */
export function sealBox(key: BoxKey, nonce: Uint8Array, message: Uint8Array): Bytes {
  if (nonce.length !== boxNonceSize) throw new RangeError("a box nonce has 24 bytes")
  return backend.secretbox(key, nonce, message)
}

/** `sealBox` without a copy: `box` has 16 bytes of no meaning, where the tag goes, and then the message. */
export function sealBoxInPlace(key: BoxKey, nonce: Uint8Array, box: Bytes): void {
  if (nonce.length !== boxNonceSize) throw new RangeError("a box nonce has 24 bytes")
  if (box.length < boxTagSize) throw new RangeError("a box without room for its tag")
  backend.secretboxInPlace(key, nonce, box)
}

/** Opens what `sealBox` made. Throws `CryptoError DECRYPT`. */
export function openBox(key: BoxKey, nonce: Uint8Array, sealed: Uint8Array): Bytes {
  const message =
    sealed.length < boxTagSize || nonce.length !== boxNonceSize
      ? undefined
      : backend.openSecretbox(key, nonce, sealed)
  if (message === undefined) throw new CryptoError("DECRYPT", "a box that does not open")
  return message
}

/** `sealBox` over a padded message: `paddedLength` + 16 bytes. Throws `RangeError` when the message does not fit. */
export function sealPaddedBox(
  key: BoxKey,
  nonce: Uint8Array,
  message: Uint8Array,
  paddedLength: number,
): Bytes {
  return sealBox(key, nonce, pad(message, paddedLength))
}

/** Opens what `sealPaddedBox` made. Throws `CryptoError DECRYPT` for both a wrong tag and wrong padding. */
export function openPaddedBox(key: BoxKey, nonce: Uint8Array, sealed: Uint8Array): Bytes {
  try {
    return unpad(openBox(key, nonce, sealed))
  } catch (error) {
    if (CryptoError.is(error, "PADDING")) throw new CryptoError("DECRYPT", "a box that does not open")
    throw error
  }
}

/** 24 bytes of an id: cut, or filled with zeros on the right. */
export function boxNonce(id: Uint8Array): Bytes {
  const nonce = new Uint8Array(boxNonceSize)
  nonce.set(id.subarray(0, boxNonceSize))
  return nonce
}
