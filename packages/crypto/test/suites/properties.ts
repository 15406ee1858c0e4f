import { concatBytes } from "@smpkit/codec"
import {
  type Alg,
  aesGcmOpen,
  aesGcmSeal,
  boxKey,
  CryptoError,
  decodePrivateKey,
  decodePublicKey,
  dh,
  encodePrivateKey,
  encodePublicKey,
  keyPairOf,
  keySizes,
  openPaddedBox,
  pad,
  PrivateKey,
  sealPaddedBox,
  sign,
  unpad,
  verify,
} from "@smpkit/crypto"
import fc from "fast-check"
import { expect, test } from "vitest"
import type { Platform } from "./platform.ts"

export function propertiesSuite({ numRuns }: Platform): void {
  const exactly = (length: number) =>
    fc.uint8Array({ minLength: length, maxLength: length }).map((b) => new Uint8Array(b))
  const message = fc.uint8Array({ maxLength: 300 }).map((b) => new Uint8Array(b))
  const alg = fc.constantFrom<Alg>("x25519", "x448", "ed25519", "ed448")
  const privateKey = <A extends Alg>(a: A) =>
    exactly(keySizes[a].privateKey).map((raw) => new PrivateKey(a, raw))

  test("keys come back from DER", () => {
    fc.assert(
      fc.property(alg.chain(privateKey), (key) => {
        const { publicKey } = keyPairOf(key)
        expect(decodePublicKey(encodePublicKey(publicKey))).toEqual(publicKey)
        expect(encodePrivateKey(decodePrivateKey(encodePrivateKey(key)))).toEqual(encodePrivateKey(key))
      }),
      { numRuns },
    )
  })

  test("any bytes are a public key in one spelling or KEY", () => {
    fc.assert(
      fc.property(
        alg.chain(privateKey),
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        fc.uint8Array({ maxLength: 2 }),
        (key, at, flip, tail) => {
          const der = concatBytes(encodePublicKey(keyPairOf(key).publicKey), tail)
          const i = at % der.length
          der[i] = (der[i] ?? 0) ^ flip
          try {
            expect(encodePublicKey(decodePublicKey(der))).toEqual(der)
          } catch (error) {
            expect(CryptoError.is(error, "KEY")).toBe(true)
          }
        },
      ),
      { numRuns },
    )
  })

  test("a key agreement gives both sides one secret", () => {
    for (const a of ["x25519", "x448"] as const) {
      fc.assert(
        fc.property(privateKey(a), privateKey(a), (ours, theirs) => {
          expect(dh(ours, keyPairOf(theirs).publicKey)).toEqual(dh(theirs, keyPairOf(ours).publicKey))
        }),
        { numRuns: numRuns / 2 },
      )
    }
  })

  test("a signature verifies, and no longer after a change", () => {
    for (const a of ["ed25519", "ed448"] as const) {
      fc.assert(
        fc.property(
          privateKey(a),
          message,
          fc.nat(),
          fc.integer({ min: 1, max: 255 }),
          (key, text, at, flip) => {
            const pair = keyPairOf(key)
            const signature = sign(pair, text)
            expect(verify(pair.publicKey, text, signature)).toBe(true)
            const i = at % signature.length
            signature[i] = (signature[i] ?? 0) ^ flip
            expect(verify(pair.publicKey, text, signature)).toBe(false)
          },
        ),
        { numRuns: numRuns / 2 },
      )
    }
  })

  test("padding, boxes and AES-GCM give back what went in", () => {
    fc.assert(
      fc.property(
        exactly(32),
        exactly(24),
        exactly(16),
        message,
        fc.nat(50),
        (key, nonce, iv, text, room) => {
          const length = text.length + 2 + room
          expect(unpad(pad(text, length))).toEqual(text)
          expect(openPaddedBox(boxKey(key), nonce, sealPaddedBox(boxKey(key), nonce, text, length))).toEqual(
            text,
          )
          expect(aesGcmOpen(key, iv, nonce, aesGcmSeal(key, iv, nonce, text))).toEqual(text)
        },
      ),
      { numRuns },
    )
  })
}
