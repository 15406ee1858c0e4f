import type { Bytes } from "@smpkit/codec"
import { backend } from "#backend"
import type { Random } from "./random.ts"
import { assertUsable } from "./key-checks.ts"
import { CryptoError } from "./errors.ts"

export type DhAlg = "x25519" | "x448"
export type SignAlg = "ed25519" | "ed448"
export type Alg = DhAlg | SignAlg

/** Lengths in bytes of raw public keys, private keys (scalar or seed) and signatures. */
export const keySizes = {
  x25519: { publicKey: 32, privateKey: 32 },
  x448: { publicKey: 56, privateKey: 56 },
  ed25519: { publicKey: 32, privateKey: 32, signature: 64 },
  ed448: { publicKey: 57, privateKey: 57, signature: 114 },
} as const

/** A public key that passed the checks of `security.md` Q11. Only the functions of this package make one. */
export class PublicKey<A extends Alg = Alg> {
  /** Keeps an object that merely looks like a key from being one. */
  declare private readonly checked: true
  readonly alg: A
  readonly raw: Bytes
  /** Throws `CryptoError KEY` for a wrong length, a non-canonical encoding or a point of small order. */
  constructor(alg: A, raw: Uint8Array) {
    if (raw.length !== keySizes[alg].publicKey)
      throw new CryptoError("KEY", `an ${alg} public key has ${keySizes[alg].publicKey} bytes`)
    this.alg = alg
    this.raw = new Uint8Array(raw)
    assertUsable(alg, this.raw)
  }
}

/** A private key: lent for a call, never printed, cloned or serialised by accident. */
export class PrivateKey<A extends Alg = Alg> implements Disposable {
  readonly alg: A
  readonly #raw: Bytes
  /** Throws `CryptoError KEY` for a wrong length. */
  constructor(alg: A, raw: Uint8Array) {
    if (raw.length !== keySizes[alg].privateKey)
      throw new CryptoError("KEY", `an ${alg} private key has ${keySizes[alg].privateKey} bytes`)
    this.alg = alg
    this.#raw = new Uint8Array(raw)
  }
  /** The raw scalar or seed, valid only during the call. */
  use<T>(f: (raw: Bytes) => T): T {
    return f(this.#raw)
  }
  toJSON(): string {
    return `[${this.alg} private key]`
  }
  [Symbol.dispose](): void {
    this.#raw.fill(0)
  }
}

export interface KeyPair<A extends Alg = Alg> {
  readonly publicKey: PublicKey<A>
  readonly privateKey: PrivateKey<A>
}

/** A new key pair from 32, 56 or 57 random bytes. */
export function generateKeyPair<A extends Alg>(alg: A, random: Random): KeyPair<A> {
  const raw = random.bytes(keySizes[alg].privateKey)
  const privateKey = new PrivateKey(alg, raw)
  raw.fill(0)
  return keyPairOf(privateKey)
}

/** The pair of a private key. */
export function keyPairOf<A extends Alg>(privateKey: PrivateKey<A>): KeyPair<A> {
  const alg: Alg = privateKey.alg
  const raw = privateKey.use((secret) => backend[alg].publicKey(secret))
  return { publicKey: new PublicKey(privateKey.alg, raw), privateKey }
}
