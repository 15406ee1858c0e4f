import type { Bytes } from "@smpkit/codec"
import { backend } from "#backend"
import { CryptoError } from "./errors.ts"

export const aesTagSize = 16

function checkSizes(key: Uint8Array, iv: Uint8Array): void {
  if (key.length !== 32) throw new RangeError("an AES-256 key has 32 bytes")
  if (iv.length !== 16 && iv.length !== 12) throw new RangeError("an IV has 16 or 12 bytes")
}

/** AES-256-GCM with an IV of 16 bytes (12 in the channel and the store): ciphertext ++ tag (16). An IV never repeats under one key. */
export function aesGcmSeal(key: Uint8Array, iv: Uint8Array, aad: Uint8Array, message: Uint8Array): Bytes {
  checkSizes(key, iv)
  return backend.aesGcmSeal(key, iv, aad, message)
}

/** The same with ciphertext and tag apart, for whoever sends one after the other. */
export function aesGcmSealDetached(
  key: Uint8Array,
  iv: Uint8Array,
  aad: Uint8Array,
  message: Uint8Array,
): { readonly ciphertext: Bytes; readonly tag: Bytes } {
  checkSizes(key, iv)
  return backend.aesGcmSealDetached(key, iv, aad, message)
}

/** Opens ciphertext ++ tag. Throws `CryptoError DECRYPT`. */
export function aesGcmOpen(key: Uint8Array, iv: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Bytes {
  checkSizes(key, iv)
  const message = sealed.length < aesTagSize ? undefined : backend.aesGcmOpen(key, iv, aad, sealed)
  if (message === undefined) throw new CryptoError("DECRYPT", "a ciphertext that does not open")
  return message
}
