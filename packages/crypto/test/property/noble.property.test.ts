import { concatBytes, utf8 } from "@smpkit/codec"
import {
  aesGcmSeal,
  argon2Floor,
  argon2id,
  type BoxKey,
  dh,
  hkdfSha256,
  hkdfSha512,
  hmacSha256,
  keyPairOf,
  keySizes,
  PrivateKey,
  sealBox,
  sha256,
  sha3_256,
  sha3_384,
  sha512,
  sign,
  verify,
} from "@smpkit/crypto"
import { ramp } from "@smpkit/testkit"
import { gcm } from "@noble/ciphers/aes.js"
import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js"
import { ed25519, x25519 } from "@noble/curves/ed25519.js"
import { ed448, x448 } from "@noble/curves/ed448.js"
import { argon2id as nobleArgon2id } from "@noble/hashes/argon2.js"
import { hkdf } from "@noble/hashes/hkdf.js"
import { hmac } from "@noble/hashes/hmac.js"
import * as sha2 from "@noble/hashes/sha2.js"
import * as sha3 from "@noble/hashes/sha3.js"
import fc from "fast-check"
import { expect, test } from "vitest"

// Every primitive against an implementation that shares no code with it.

const numRuns = process.env["SLOW"] === "1" ? 500 : 12
const exactly = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((b) => new Uint8Array(b))
const message = fc.uint8Array({ maxLength: 300 }).map((b) => new Uint8Array(b))
const own = (bytes: Uint8Array) => new Uint8Array(bytes)

test.each([
  ["x25519", x25519],
  ["x448", x448],
] as const)("%s", (alg, noble) => {
  fc.assert(
    fc.property(exactly(keySizes[alg].privateKey), exactly(keySizes[alg].privateKey), (a, b) => {
      const [ours, theirs] = [keyPairOf(new PrivateKey(alg, a)), keyPairOf(new PrivateKey(alg, b))]
      expect(ours.publicKey.raw).toEqual(own(noble.getPublicKey(a)))
      expect(dh(ours.privateKey, theirs.publicKey)).toEqual(
        own(noble.getSharedSecret(a, theirs.publicKey.raw)),
      )
    }),
    { numRuns },
  )
})

test.each([
  ["ed25519", ed25519],
  ["ed448", ed448],
] as const)("%s", (alg, noble) => {
  fc.assert(
    fc.property(exactly(keySizes[alg].privateKey), message, fc.nat(), (seed, text, at) => {
      const pair = keyPairOf(new PrivateKey(alg, seed))
      const signature = sign(pair, text)
      expect(pair.publicKey.raw).toEqual(own(noble.getPublicKey(seed)))
      expect(signature).toEqual(own(noble.sign(text, seed)))
      const i = at % signature.length
      signature[i] = (signature[i] ?? 0) ^ 1
      expect(verify(pair.publicKey, text, signature)).toBe(
        noble.verify(signature, text, pair.publicKey.raw, { zip215: false }),
      )
    }),
    { numRuns },
  )
})

test("secretbox and AES-256-GCM with both sizes of IV", () => {
  fc.assert(
    fc.property(exactly(32), exactly(24), message, message, (key, nonce, ad, text) => {
      expect(sealBox(key as BoxKey, nonce, text)).toEqual(own(xsalsa20poly1305(key, nonce).encrypt(text)))
      for (const iv of [nonce.slice(0, 16), nonce.slice(0, 12)]) {
        expect(aesGcmSeal(key, iv, ad, text)).toEqual(own(gcm(key, iv, ad).encrypt(text)))
      }
    }),
    { numRuns },
  )
})

test("hashes, HMAC and HKDF", () => {
  fc.assert(
    fc.property(message, message, fc.integer({ min: 1, max: 200 }), (key, text, length) => {
      expect(sha256(text)).toEqual(own(sha2.sha256(text)))
      expect(sha512(text)).toEqual(own(sha2.sha512(text)))
      expect(sha3_256(text)).toEqual(own(sha3.sha3_256(text)))
      expect(sha3_384(text)).toEqual(own(sha3.sha3_384(text)))
      expect(hmacSha256(key, text)).toEqual(own(hmac(sha2.sha256, key, text)))
      expect(hkdfSha256(text, key, "info", length)).toEqual(
        own(hkdf(sha2.sha256, text, key, utf8("info"), length)),
      )
      expect(hkdfSha512(text, key, "info", length)).toEqual(
        own(hkdf(sha2.sha512, text, key, utf8("info"), length)),
      )
    }),
    { numRuns: 5 * numRuns },
  )
})

test("Argon2id", () => {
  const [password, salt] = [concatBytes(utf8("password"), ramp(0xf0, 20)), ramp(0, 16)]
  const { passes, memoryKiB } = argon2Floor
  expect(argon2id(password, salt, argon2Floor)).toEqual(
    own(nobleArgon2id(password, salt, { t: passes, m: memoryKiB, p: 1, dkLen: 32 })),
  )
})
