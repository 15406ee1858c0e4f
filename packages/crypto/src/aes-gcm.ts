import type { Bytes } from "@smpkit/codec"
import { backend } from "#backend"
import type { ReadyAesGcm } from "./backend.ts"
import { CryptoError } from "./errors.ts"

export const aesTagSize = 16

function checkKey(key: Uint8Array): void {
  if (key.length !== 32) throw new RangeError("an AES-256 key has 32 bytes")
}

function checkIv(iv: Uint8Array): void {
  if (iv.length !== 16 && iv.length !== 12) throw new RangeError("an IV has 16 or 12 bytes")
}

/** AES-256-GCM with an IV of 16 bytes (12 in the channel and the store): ciphertext ++ tag (16). An IV never repeats under one key. */
export function aesGcmSeal(key: Uint8Array, iv: Uint8Array, aad: Uint8Array, message: Uint8Array): Bytes {
  checkKey(key)
  checkIv(iv)
  return backend.aesGcmSeal(key, iv, aad, message)
}

/** Opens ciphertext ++ tag. Throws `CryptoError DECRYPT`. */
export function aesGcmOpen(key: Uint8Array, iv: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Bytes {
  checkKey(key)
  checkIv(iv)
  return opened(sealed.length < aesTagSize ? undefined : backend.aesGcmOpen(key, iv, aad, sealed))
}

function opened(message: Bytes | undefined): Bytes {
  if (message === undefined) throw new CryptoError("DECRYPT", "a ciphertext that does not open")
  return message
}

/** A key of AES-256-GCM that is made ready once for many messages. It keeps a copy of the key, which goes when the collector takes it. */
export class AesGcmKey {
  readonly #ready: ReadyAesGcm

  /** `key` has 32 bytes. */
  constructor(key: Uint8Array) {
    checkKey(key)
    this.#ready = backend.aesGcm(key)
  }

  /** `aesGcmSeal` with ciphertext and tag apart, for whoever sends one after the other. */
  sealDetached(
    iv: Uint8Array,
    aad: Uint8Array,
    message: Uint8Array,
  ): { readonly ciphertext: Bytes; readonly tag: Bytes } {
    checkIv(iv)
    return this.#ready.sealDetached(iv, aad, message)
  }

  /** As `aesGcmOpen`. Throws `CryptoError DECRYPT`. */
  open(iv: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Bytes {
    checkIv(iv)
    return opened(sealed.length < aesTagSize ? undefined : this.#ready.open(iv, aad, sealed))
  }
}
