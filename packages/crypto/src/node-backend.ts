import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  type KeyObject,
  randomFillSync,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto"
import { hsalsa } from "@noble/ciphers/salsa.js"
import sodium from "sodium-native"
import type { CryptoBackend, DiffieHellman, MlKem768, Signer } from "./backend.ts"

type Bytes = Uint8Array<ArrayBuffer>

// A Buffer may be a slice of a shared pool; what leaves this file owns its memory.
const own = (bytes: Uint8Array): Bytes => new Uint8Array(bytes)
/** The same without a copy where the memory is not shared, which is so for a whole block. */
const ownWhole = ({ buffer, byteOffset, byteLength }: Buffer<ArrayBuffer>): Bytes =>
  byteLength === buffer.byteLength
    ? new Uint8Array(buffer)
    : own(new Uint8Array(buffer, byteOffset, byteLength))

const base64url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url")

// JWK in and out is ten times faster here than SPKI and PKCS8. OpenSSL derives nothing from `x` of a private key, but demands it.
const okpPublic = (crv: string, raw: Uint8Array): KeyObject =>
  createPublicKey({ key: { kty: "OKP", crv, x: base64url(raw) }, format: "jwk" })
const okpPrivate = (crv: string, raw: Uint8Array): KeyObject =>
  createPrivateKey({ key: { kty: "OKP", crv, x: "", d: base64url(raw) }, format: "jwk" })
const rawPublic = (key: KeyObject): Bytes =>
  own(Buffer.from(createPublicKey(key).export({ format: "jwk" }).x ?? "", "base64url"))

function openAesGcm(
  key: Uint8Array | KeyObject,
  iv: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Bytes | undefined {
  const length = sealed.length - 16
  const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: 16 })
  if (aad.length > 0) decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(length))
  const out = ownWhole(decipher.update(sealed.subarray(0, length)))
  try {
    decipher.final()
    return out
  } catch {
    out.fill(0)
    return undefined
  }
}

const x25519: DiffieHellman = {
  publicKey: (privateKey) => {
    const out = new Uint8Array(32)
    sodium.crypto_scalarmult_base(out, privateKey)
    return out
  },
  derive: (privateKey, publicKey) => {
    const out = new Uint8Array(32)
    try {
      sodium.crypto_scalarmult(out, privateKey, publicKey)
    } catch {
      return undefined // sodium refuses results of small order
    }
    return out
  },
}

const x448: DiffieHellman = {
  publicKey: (privateKey) => rawPublic(okpPrivate("X448", privateKey)),
  derive: (privateKey, publicKey) => {
    try {
      return own(
        diffieHellman({
          privateKey: okpPrivate("X448", privateKey),
          publicKey: okpPublic("X448", publicKey),
        }),
      )
    } catch {
      return undefined // OpenSSL refuses results of small order
    }
  },
}

const ed25519: Signer = {
  publicKey: (seed) => {
    const publicKey = new Uint8Array(32)
    const secretKey = new Uint8Array(64)
    sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)
    secretKey.fill(0)
    return publicKey
  },
  sign: (seed, publicKey, message) => {
    const secretKey = new Uint8Array(64)
    secretKey.set(seed)
    secretKey.set(publicKey, 32)
    const signature = new Uint8Array(64)
    sodium.crypto_sign_detached(signature, message, secretKey)
    secretKey.fill(0)
    return signature
  },
  verify: (publicKey, message, signature) =>
    sodium.crypto_sign_verify_detached(signature, message, publicKey),
}

const ed448: Signer = {
  publicKey: (seed) => rawPublic(okpPrivate("Ed448", seed)),
  sign: (seed, _publicKey, message) => own(sign(null, message, okpPrivate("Ed448", seed))),
  verify: (publicKey, message, signature) => {
    try {
      return verify(null, message, okpPublic("Ed448", publicKey), signature)
    } catch {
      return false
    }
  },
}

/** Node 20 has no ML-KEM; libsodium's, compiled to WebAssembly, takes a tenth of the time that JavaScript takes. */
async function loadMlKem768(): Promise<MlKem768> {
  const { default: wasm } = await import("libsodium-wrappers-sumo")
  await wasm.ready
  return {
    keyPair: (seed) => {
      const { publicKey, privateKey } = wasm.crypto_kem_mlkem768_seed_keypair(seed)
      return { publicKey: own(publicKey), secretKey: take(privateKey) }
    },
    encapsulate: (publicKey, randomness) => {
      const made = wasm.crypto_kem_mlkem768_enc_deterministic(publicKey, randomness)
      return { ciphertext: own(made.ciphertext), sharedSecret: take(made.sharedSecret) }
    },
    decapsulate: (secretKey, ciphertext) => take(wasm.crypto_kem_mlkem768_dec(ciphertext, secretKey)),
  }
}

/** A secret that a library made, moved. */
function take(secret: Uint8Array): Bytes {
  const out = own(secret)
  secret.fill(0)
  return out
}

/** The functions of a Node process: OpenSSL where it is fastest, libsodium for the rest. */
export const backend: CryptoBackend = {
  randomBytes: (length) => randomFillSync(new Uint8Array(length)),
  x25519,
  x448,
  ed25519,
  ed448,
  hsalsa20: (key, input) => {
    const out = new Uint32Array(8)
    hsalsa(sigma, words(key), words(input), out)
    return new Uint8Array(out.buffer)
  },
  secretbox: (key, nonce, message) => {
    const out = new Uint8Array(message.length + 16)
    sodium.crypto_secretbox_easy(out, message, nonce, key)
    return out
  },
  // libsodium allows message and box to overlap.
  secretboxInPlace: (key, nonce, box) => {
    sodium.crypto_secretbox_easy(box, box.subarray(16), nonce, key)
  },
  openSecretbox: (key, nonce, sealed) => {
    const out = new Uint8Array(sealed.length - 16)
    return sodium.crypto_secretbox_open_easy(out, sealed, nonce, key) ? out : undefined
  },
  aesGcmSeal: (key, iv, aad, message) => {
    const cipher = createCipheriv("aes-256-gcm", key, iv)
    if (aad.length > 0) cipher.setAAD(aad)
    const out = new Uint8Array(message.length + 16)
    out.set(cipher.update(message))
    cipher.final()
    out.set(cipher.getAuthTag(), message.length)
    return out
  },
  aesGcmOpen: openAesGcm,
  aesGcm: (key) => {
    // Of raw bytes OpenSSL's glue makes a key object for every message: 1.5 µs, where a whole block takes 9.
    const secret = createSecretKey(key)
    return {
      sealDetached: (iv, aad, message) => {
        const cipher = createCipheriv("aes-256-gcm", secret, iv)
        if (aad.length > 0) cipher.setAAD(aad)
        const ciphertext = ownWhole(cipher.update(message))
        cipher.final()
        return { ciphertext, tag: ownWhole(cipher.getAuthTag()) }
      },
      open: (iv, aad, sealed) => openAesGcm(secret, iv, aad, sealed),
    }
  },
  hash: (name, ...parts) => {
    const hash = createHash(name)
    for (const part of parts) hash.update(part)
    return own(hash.digest())
  },
  shake256: (input, length) => own(createHash("shake256", { outputLength: length }).update(input).digest()),
  hmac: (name, key, ...parts) => {
    const hmac = createHmac(name, key)
    for (const part of parts) hmac.update(part)
    return own(hmac.digest())
  },
  // RFC 5869 of HMACs: a third less time than `hkdfSync`, which makes a key object and a job of every call.
  hkdf: (name, ikm, salt, info, length) => {
    const key = createHmac(name, salt).update(ikm).digest()
    const out = new Uint8Array(length)
    if (length > 255 * key.length) throw new RangeError("HKDF gives at most 255 hashes")
    let previous: Uint8Array = new Uint8Array(0)
    for (let at = 0, counter = 1; at < length; at += key.length, counter++) {
      previous = createHmac(name, key).update(previous).update(info).update(Uint8Array.of(counter)).digest()
      out.set(previous.subarray(0, length - at), at)
    }
    key.fill(0)
    previous.fill(0)
    return out
  },
  argon2id: (password, salt, passes, memoryBytes, length) => {
    const out = new Uint8Array(length)
    sodium.crypto_pwhash(out, password, salt, passes, memoryBytes, sodium.crypto_pwhash_ALG_ARGON2ID13)
    return out
  },
  equal: (a, b) => timingSafeEqual(a, b),
  loadMlKem768,
}

const sigma = new Uint32Array([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574])

function words(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true))
}
