import { type Bytes, concatBytes, fromHex } from "@smpkit/codec"
import { backend } from "#backend"
import type { MlKem768 } from "./backend.ts"
import { CryptoError } from "./errors.ts"
import { isZero } from "./key-checks.ts"

/** Lengths in bytes. */
export const xWingSizes = {
  seed: 32,
  publicKey: 1216,
  randomness: 64,
  ciphertext: 1120,
  sharedSecret: 32,
} as const

/** X-Wing, the hybrid KEM of ML-KEM-768 and X25519 (draft-connolly-cfrg-xwing-kem). A private key is its seed of 32 bytes. */
export interface XWing {
  /** The public key (1,216 bytes) of a seed. */
  readonly publicKey: (seed: Uint8Array) => Bytes
  /**
   * A secret of 32 bytes and the ciphertext (1,120 bytes) that carries it, from 64 random bytes.
   * Throws `CryptoError KEY` for a public key with a coefficient of 3329 or more (FIPS 203, "ML-KEM Encapsulation") or an X25519 part of small order.
   */
  readonly encapsulate: (publicKey: Uint8Array, randomness: Uint8Array) => XWingEncapsulation
  /**
   * The secret that a ciphertext carries. A ciphertext for another key gives another secret.
   * Throws `CryptoError CIPHERTEXT` for a wrong length or an X25519 part of small order.
   */
  readonly decapsulate: (seed: Uint8Array, ciphertext: Uint8Array) => Bytes
}

export interface XWingEncapsulation {
  readonly ciphertext: Bytes
  readonly sharedSecret: Bytes
}

/** X-Wing over the platform's ML-KEM, which is loaded with the first call. */
export async function loadXWing(): Promise<XWing> {
  return xWingOver(await backend.loadMlKem768())
}

const mlKemPublicKeySize = 1184
const mlKemCiphertextSize = 1088
const label = fromHex("5c2e2f2f5e5c")

function xWingOver(mlKem: MlKem768): XWing {
  return {
    publicKey: (seed) => {
      const { publicKey, secretKey, scalar } = expand(mlKem, seed)
      secretKey.fill(0)
      scalar.fill(0)
      return publicKey
    },
    encapsulate: (publicKey, randomness) => {
      if (randomness.length !== xWingSizes.randomness) throw new RangeError("X-Wing takes 64 random bytes")
      const unusable = (): CryptoError<"KEY"> => new CryptoError("KEY", "not a usable X-Wing public key")
      if (publicKey.length !== xWingSizes.publicKey || !hasReducedCoefficients(publicKey)) throw unusable()
      const theirs = publicKey.subarray(mlKemPublicKeySize)
      const scalar = randomness.subarray(32)
      const share = backend.x25519.publicKey(scalar)
      const agreed = agree(scalar, theirs)
      if (agreed === undefined) throw unusable()
      const made = mlKem.encapsulate(publicKey.subarray(0, mlKemPublicKeySize), randomness.subarray(0, 32))
      return {
        ciphertext: concatBytes(made.ciphertext, share),
        sharedSecret: combine(made.sharedSecret, agreed, share, theirs),
      }
    },
    decapsulate: (seed, ciphertext) => {
      const unusable = (): CryptoError<"CIPHERTEXT"> =>
        new CryptoError("CIPHERTEXT", "not a usable X-Wing ciphertext")
      if (ciphertext.length !== xWingSizes.ciphertext) throw unusable()
      const { publicKey, secretKey, scalar } = expand(mlKem, seed)
      try {
        const share = ciphertext.subarray(mlKemCiphertextSize)
        const agreed = agree(scalar, share)
        if (agreed === undefined) throw unusable()
        const secret = mlKem.decapsulate(secretKey, ciphertext.subarray(0, mlKemCiphertextSize))
        return combine(secret, agreed, share, publicKey.subarray(mlKemPublicKeySize))
      } finally {
        secretKey.fill(0)
        scalar.fill(0)
      }
    },
  }
}

function expand(
  mlKem: MlKem768,
  seed: Uint8Array,
): { readonly publicKey: Bytes; readonly secretKey: Bytes; readonly scalar: Bytes } {
  if (seed.length !== xWingSizes.seed) throw new RangeError("an X-Wing seed has 32 bytes")
  const expanded = backend.shake256(seed, 96)
  const pair = mlKem.keyPair(expanded.subarray(0, 64))
  const scalar = expanded.slice(64)
  expanded.fill(0)
  const publicKey = concatBytes(pair.publicKey, backend.x25519.publicKey(scalar))
  return { publicKey, secretKey: pair.secretKey, scalar }
}

/** X25519 of keys that X-Wing takes as they are, in any spelling; `undefined` where the result would be all zero. */
function agree(scalar: Uint8Array, point: Uint8Array): Bytes | undefined {
  const secret = backend.x25519.derive(scalar, point)
  return secret === undefined || isZero(secret) ? undefined : secret
}

/** Wipes the two secrets that it combines. */
function combine(mlKemSecret: Bytes, agreed: Bytes, share: Uint8Array, publicKey: Uint8Array): Bytes {
  try {
    return backend.hash("sha3-256", mlKemSecret, agreed, share, publicKey, label)
  } finally {
    mlKemSecret.fill(0)
    agreed.fill(0)
  }
}

/** FIPS 203, "ML-KEM Encapsulation", the modulus check: 768 coefficients of 12 bits, two in three bytes, each below 3329. */
function hasReducedCoefficients(publicKey: Uint8Array): boolean {
  for (let i = 0; i < mlKemPublicKeySize - 32; i += 3) {
    const [a = 0, b = 0, c = 0] = publicKey.subarray(i, i + 3)
    if ((a | ((b & 0x0f) << 8)) >= 3329 || ((b >> 4) | (c << 4)) >= 3329) return false
  }
  return true
}
