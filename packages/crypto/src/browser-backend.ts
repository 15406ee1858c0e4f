import { gcm } from "@noble/ciphers/aes.js"
import { hsalsa, xsalsa20poly1305 } from "@noble/ciphers/salsa.js"
import { ed25519 as nobleEd25519, x25519 as nobleX25519 } from "@noble/curves/ed25519.js"
import { ed448 as nobleEd448, x448 as nobleX448 } from "@noble/curves/ed448.js"
import { argon2id } from "@noble/hashes/argon2.js"
import { hkdf } from "@noble/hashes/hkdf.js"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js"
import { sha3_256, sha3_384, shake256 } from "@noble/hashes/sha3.js"
import type { CryptoBackend, DiffieHellman, HashName, MlKem768, Signer } from "./backend.ts"

type Bytes = Uint8Array<ArrayBuffer>

// noble's results may be views of larger memory, or of memory of any kind by their type; what leaves this file owns its memory.
const own = (bytes: Uint8Array): Bytes =>
  bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
    ? new Uint8Array(bytes.buffer)
    : new Uint8Array(bytes)

/** `undefined` where noble throws: it reports what it refuses by errors without a code. */
function unlessRefused<T>(f: () => T): T | undefined {
  try {
    return f()
  } catch {
    return undefined
  }
}

const diffieHellman = (curve: typeof nobleX25519): DiffieHellman => ({
  publicKey: (privateKey) => own(curve.getPublicKey(privateKey)),
  // noble refuses points of small order.
  derive: (privateKey, publicKey) => unlessRefused(() => own(curve.getSharedSecret(privateKey, publicKey))),
})

const ed25519: Signer = {
  publicKey: (seed) => own(nobleEd25519.getPublicKey(seed)),
  sign: (seed, _publicKey, message) => own(nobleEd25519.sign(message, seed)),
  verify: (publicKey, message, signature) =>
    unlessRefused(() => verifyEd25519(publicKey, message, signature)) ?? false,
}

/**
 * RFC 8032, "Verify", by the equation without the cofactor, as libsodium does: noble's own `verify` has the cofactor, so that a
 * signature crafted with points that have a part of small order would be good in a page and bad in Node.
 */
function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const { Point } = nobleEd25519
  const [r, s] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))]
  const [key, point] = [Point.fromBytes(publicKey), Point.fromBytes(r)]
  // `multiplyUnsafe` refuses scalars from the order on.
  const sB = Point.BASE.multiplyUnsafe(s)
  if (key.isSmallOrder() || point.isSmallOrder()) return false
  const k = littleEndian(sha512.create().update(r).update(publicKey).update(message).digest())
  return sB.equals(point.add(key.multiplyUnsafe(k % Point.Fn.ORDER)))
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0)
  return value
}

const ed448: Signer = {
  publicKey: (seed) => own(nobleEd448.getPublicKey(seed)),
  sign: (seed, _publicKey, message) => own(nobleEd448.sign(message, seed)),
  verify: (publicKey, message, signature) =>
    nobleEd448.verify(signature, message, publicKey, { zip215: false }),
}

const hashes = {
  sha256,
  sha384,
  sha512,
  "sha3-256": sha3_256,
  "sha3-384": sha3_384,
} as const satisfies Record<HashName, unknown>

/** The functions of a page, a worker or any other place without `node:crypto`: noble, synchronous, and the platform's generator. */
const openAesGcm = (
  key: Uint8Array,
  iv: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Bytes | undefined => unlessRefused(() => own(gcm(key, iv, aad).decrypt(sealed)))

export const backend: CryptoBackend = {
  randomBytes: (length) => {
    const out = new Uint8Array(length)
    // The platform gives at most so much at a time.
    for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(out.subarray(at, at + 65_536))
    return out
  },
  x25519: diffieHellman(nobleX25519),
  x448: diffieHellman(nobleX448),
  ed25519,
  ed448,
  hsalsa20: (key, input) => {
    const out = new Uint32Array(8)
    const keyWords = words(key)
    hsalsa(sigma, keyWords, words(input), out)
    keyWords.fill(0)
    return new Uint8Array(out.buffer)
  },
  secretbox: (key, nonce, message) => own(xsalsa20poly1305(key, nonce).encrypt(message)),
  secretboxInPlace: (key, nonce, box) => {
    box.set(xsalsa20poly1305(key, nonce).encrypt(box.subarray(16)))
  },
  openSecretbox: (key, nonce, sealed) =>
    unlessRefused(() => own(xsalsa20poly1305(key, nonce).decrypt(sealed))),
  aesGcmSeal: (key, iv, aad, message) => own(gcm(key, iv, aad).encrypt(message)),
  aesGcmOpen: openAesGcm,
  aesGcm: (key) => {
    const kept = new Uint8Array(key)
    return {
      sealDetached: (iv, aad, message) => {
        const sealed = own(gcm(kept, iv, aad).encrypt(message))
        return { ciphertext: sealed.subarray(0, message.length), tag: sealed.subarray(message.length) }
      },
      open: (iv, aad, sealed) => openAesGcm(kept, iv, aad, sealed),
    }
  },
  hash: (name, ...parts) => {
    const hash = hashes[name].create()
    for (const part of parts) hash.update(part)
    return own(hash.digest())
  },
  shake256: (input, length) => own(shake256(input, { dkLen: length })),
  hmac: (name, key, ...parts) => {
    const mac = hmac.create(hashes[name], key)
    for (const part of parts) mac.update(part)
    return own(mac.digest())
  },
  hkdf: (name, ikm, salt, info, length) => own(hkdf(hashes[name], ikm, salt, info, length)),
  argon2id: (password, salt, passes, memoryBytes, length) =>
    own(argon2id(password, salt, { t: passes, m: memoryBytes / 1024, p: 1, dkLen: length })),
  equal: (a, b) => {
    let difference = 0
    for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
    return difference === 0
  },
  loadMlKem768,
}

async function loadMlKem768(): Promise<MlKem768> {
  const { ml_kem768: mlKem } = await import("@noble/post-quantum/ml-kem.js")
  return {
    keyPair: (seed) => {
      const { publicKey, secretKey } = mlKem.keygen(seed)
      return { publicKey: own(publicKey), secretKey: own(secretKey) }
    },
    encapsulate: (publicKey, randomness) => {
      const { cipherText, sharedSecret } = mlKem.encapsulate(publicKey, randomness)
      return { ciphertext: own(cipherText), sharedSecret: own(sharedSecret) }
    },
    decapsulate: (secretKey, ciphertext) => own(mlKem.decapsulate(ciphertext, secretKey)),
  }
}

const sigma = new Uint32Array([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574])

function words(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true))
}
