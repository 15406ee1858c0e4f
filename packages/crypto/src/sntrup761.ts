import type { Bytes } from "@smpkit/codec"
import type { Brand } from "./diffie-hellman.ts"
import { CryptoError } from "./errors.ts"
import { sha512 } from "./hash.ts"
import type { Random } from "./random.ts"
import {
  decodeRounded,
  decodeRq,
  decodeSmall,
  encodeRounded,
  encodeRq,
  encodeSmall,
  roundedSize,
  rqSize,
  smallSize,
} from "./sntrup761-encoding.ts"
import { reciprocalMod3 } from "./sntrup761-reciprocal3.ts"
import { at, mod3, modQ, multiply, p, type Polynomial, reciprocalOfTriple, wipe } from "./sntrup761-ring.ts"
import { randomShort, randomSmall, weight } from "./sntrup761-sampling.ts"

/** A secret that a key encapsulation gave to both sides: 32 bytes. */
export type KemSecret = Brand<Bytes, "KemSecret">

export interface KemKeyPair {
  readonly publicKey: Bytes
  readonly secretKey: Bytes
}

export interface Encapsulation {
  readonly ciphertext: Bytes
  readonly sharedSecret: KemSecret
}

/** A key encapsulation mechanism; sizes in bytes. */
export interface Kem {
  readonly publicKeySize: number
  readonly secretKeySize: number
  readonly ciphertextSize: number
  readonly sharedSecretSize: number
  readonly generateKeyPair: (random: Random) => KemKeyPair
  /** Throws `CryptoError KEY` for a public key of another length. */
  readonly encapsulate: (publicKey: Uint8Array, random: Random) => Encapsulation
  /**
   * A ciphertext that was not made for this key gives a secret that nobody else has, and no error. Throws `CryptoError` KEY or CIPHERTEXT
   * for another length.
   */
  readonly decapsulate: (secretKey: Uint8Array, ciphertext: Uint8Array) => KemSecret
  /** The public key that belongs to a secret one. Throws `CryptoError KEY` for another length. */
  readonly publicKeyOf: (secretKey: Uint8Array) => Bytes
}

const hashSize = 32
/** Places in the secret key: f, 1/g, the public key, rho (what a failure's secret is made of) and a hash of the public key. */
const reciprocalAt = smallSize
const publicKeyAt = 2 * smallSize
const rhoAt = publicKeyAt + rqSize
const cacheAt = rhoAt + smallSize

/** Streamlined NTRU Prime 761 of the third NIST round (`sntrup761.md`; draft-josefsson-ntruprime-streamlined-00): 1158, 1763, 1039 and 32 bytes. */
export const sntrup761: Kem = {
  publicKeySize: rqSize,
  secretKeySize: cacheAt + hashSize,
  ciphertextSize: roundedSize + hashSize,
  sharedSecretSize: hashSize,
  generateKeyPair,
  encapsulate,
  decapsulate,
  publicKeyOf,
}

/** Takes 3044 random bytes for each attempt at g (nearly always one), 3044 for f, 191 for rho. */
function generateKeyPair(random: Random): KemKeyPair {
  const { g, reciprocal } = randomInvertible(random)
  const f = randomShort(random)
  const perTripleF = reciprocalOfTriple(f)
  const publicKey = encodeRq(multiply(perTripleF, g).map(modQ))
  const rho = random.bytes(smallSize)
  const secretKey = new Uint8Array(sntrup761.secretKeySize)
  const parts = [encodeSmall(f), encodeSmall(reciprocal)]
  for (const [i, part] of parts.entries()) secretKey.set(part, i * smallSize)
  secretKey.set(publicKey, publicKeyAt)
  secretKey.set(rho, rhoAt)
  secretKey.set(hash(4, publicKey), cacheAt)
  wipe(g, reciprocal, f, perTripleF, rho, ...parts)
  return { publicKey, secretKey }
}

function randomInvertible(random: Random): { readonly g: Polynomial; readonly reciprocal: Polynomial } {
  for (;;) {
    const g = randomSmall(random)
    const reciprocal = reciprocalMod3(g)
    if (reciprocal !== undefined) return { g, reciprocal }
  }
}

/** Takes 3044 random bytes. */
function encapsulate(publicKey: Uint8Array, random: Random): Encapsulation {
  if (publicKey.length !== rqSize) throw new CryptoError("KEY", `a KEM public key has ${rqSize} bytes`)
  const r = randomShort(random)
  const encoded = encodeSmall(r)
  const ciphertext = encrypt(decodeRq(publicKey), hash(4, publicKey), r, encoded)
  const sharedSecret = sessionSecret(1, encoded, ciphertext)
  wipe(r, encoded)
  return { ciphertext, sharedSecret }
}

function publicKeyOf(secretKey: Uint8Array): Bytes {
  assertSecretKey(secretKey)
  return new Uint8Array(secretKey.subarray(publicKeyAt, rhoAt))
}

function assertSecretKey(secretKey: Uint8Array): void {
  const { secretKeySize } = sntrup761
  if (secretKey.length !== secretKeySize) {
    throw new CryptoError("KEY", `a KEM secret key has ${secretKeySize} bytes`)
  }
}

function decapsulate(secretKey: Uint8Array, ciphertext: Uint8Array): KemSecret {
  const { ciphertextSize } = sntrup761
  assertSecretKey(secretKey)
  if (ciphertext.length !== ciphertextSize) {
    throw new CryptoError("CIPHERTEXT", `a KEM ciphertext has ${ciphertextSize} bytes`)
  }
  const f = decodeSmall(secretKey.subarray(0, smallSize))
  const reciprocal = decodeSmall(secretKey.subarray(reciprocalAt, publicKeyAt))
  const h = decodeRq(secretKey.subarray(publicKeyAt, rhoAt))
  const e = multiply(decodeRounded(ciphertext.subarray(0, roundedSize)), f).map((x) => mod3(modQ(3 * x)))
  const r = multiply(e, reciprocal).map(mod3)
  replaceUnlessShort(r)
  // Which secret it is, nobody learns: both ways do the same work.
  const encoded = encodeSmall(r)
  const again = encrypt(h, secretKey.subarray(cacheAt), r, encoded)
  const differs = difference(ciphertext, again)
  const source = new Uint8Array(secretKey.subarray(rhoAt, cacheAt))
  for (let i = 0; i < smallSize; i++) {
    const rho = source[i] as number
    source[i] = rho ^ ((differs - 1) & (rho ^ (encoded[i] as number)))
  }
  const sharedSecret = sessionSecret(1 - differs, source, ciphertext)
  wipe(f, reciprocal, e, r, encoded, again, source)
  return sharedSecret
}

/** The ciphertext of r: rounded coefficients of h*r, then the confirmation. */
function encrypt(h: Polynomial, cache: Uint8Array, r: Polynomial, encoded: Bytes): Bytes {
  const product = multiply(h, r)
  const rounded = product.map((x) => {
    const c = modQ(x)
    return c - mod3(c)
  })
  const ciphertext = new Uint8Array(sntrup761.ciphertextSize)
  const inner = hash(3, encoded)
  ciphertext.set(encodeRounded(rounded))
  ciphertext.set(hash(2, inner, cache), roundedSize)
  wipe(product, rounded, inner)
  return ciphertext
}

/** `kind` is 1 for a success and 0 for a failure. */
function sessionSecret(kind: number, source: Uint8Array, ciphertext: Uint8Array): KemSecret {
  const inner = hash(3, source)
  const secret = hash(kind, inner, ciphertext)
  wipe(inner)
  return secret as KemSecret
}

/** Puts 286 ones and then zeros in place of coefficients in -1..1 of another weight. */
function replaceUnlessShort(r: Polynomial): void {
  let sum = 0
  for (let i = 0; i < p; i++) sum += at(r, i) & 1
  const other = isNotZero(sum - weight)
  for (let i = 0; i < p; i++) r[i] = at(r, i) + other * ((i < weight ? 1 : 0) - at(r, i))
}

/** 1 where bytes of one length differ, 0 where they are equal; as a number, so that it chooses without a branch. */
function difference(a: Uint8Array, b: Uint8Array): number {
  let bits = 0
  for (let i = 0; i < b.length; i++) bits |= (a[i] as number) ^ (b[i] as number)
  return isNotZero(bits)
}

/** 1 or 0, without a branch. */
function isNotZero(x: number): number {
  return (x | -x) >>> 31
}

/** H_b of `sntrup761.md`, "Hashes". */
function hash(kind: number, ...parts: readonly Uint8Array[]): Bytes {
  const digest = sha512(Uint8Array.of(kind), ...parts)
  const short = digest.slice(0, hashSize)
  digest.fill(0)
  return short
}
