import { concatBytes, toHex } from "@smpkit/codec"
import { CryptoError, loadXWing, sha256, xWingSizes } from "@smpkit/crypto"
import { hex, ramp } from "@smpkit/testkit"
import { beforeAll, describe, expect, test } from "vitest"
import type { XWing } from "@smpkit/crypto"
import { littleEndian, p25519, smallOrder } from "./small-order.ts"

const code = (f: () => unknown): unknown => {
  try {
    f()
  } catch (error) {
    if (error instanceof CryptoError) return error.code
    throw error
  }
  return undefined
}

export function xWingSuite(): void {
  let xWing: XWing
  beforeAll(async () => {
    xWing = await loadXWing()
  })

  // draft-connolly-cfrg-xwing-kem, "Test vectors", the first one. Key and ciphertext by their hashes.
  test("the published vector", () => {
    const seed = hex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
    const randomness = hex(
      "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e235b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2",
    )
    const publicKey = xWing.publicKey(seed)
    expect(toHex(publicKey)).toMatch(/^e2236b35a8c24b39b10aa1323a96a919a2ced884/)
    expect(toHex(sha256(publicKey))).toBe("2e816deebcd76c5c80d0cd2d174478871658e8e2ff42bc9d4a6e486372e856bb")
    const { ciphertext, sharedSecret } = xWing.encapsulate(publicKey, randomness)
    expect(toHex(ciphertext)).toMatch(/^b83aa828d4d62b9a83ceffe1d3d3bb1ef3126464/)
    expect(toHex(sha256(ciphertext))).toBe("17cd532d657e44c897ca6583e548a5424fc70bf54f99515a4d2bcf99e3469f33")
    const secret = "d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384"
    expect(toHex(sharedSecret)).toBe(secret)
    expect(toHex(xWing.decapsulate(seed, ciphertext))).toBe(secret)
  })

  test("inputs stay as they were, results own their memory", () => {
    const [seed, randomness] = [ramp(1, 32), ramp(2, 64)]
    const publicKey = xWing.publicKey(seed)
    const made = xWing.encapsulate(publicKey, randomness)
    const secret = xWing.decapsulate(seed, made.ciphertext)
    expect([seed, randomness, publicKey]).toEqual([ramp(1, 32), ramp(2, 64), xWing.publicKey(ramp(1, 32))])
    expect(secret).toEqual(made.sharedSecret)
    for (const bytes of [publicKey, made.ciphertext, made.sharedSecret, secret])
      expect(bytes.buffer.byteLength).toBe(bytes.length)
  })

  test("every byte of seed, key and randomness matters", () => {
    const publicKey = xWing.publicKey(ramp(1, 32))
    const { ciphertext, sharedSecret } = xWing.encapsulate(publicKey, ramp(2, 64))
    const change = (bytes: Uint8Array, at: number): Uint8Array => {
      const out = new Uint8Array(bytes)
      out[at] = (out[at] ?? 0) ^ 0x08
      return out
    }
    for (const at of [0, 15, 31]) expect(xWing.publicKey(change(ramp(1, 32), at))).not.toEqual(publicKey)
    for (const at of [0, 31, 32, 50, 63])
      expect(xWing.encapsulate(publicKey, change(ramp(2, 64), at)).sharedSecret).not.toEqual(sharedSecret)
    for (const at of [1184 - 32, 1183, 1184, 1215])
      expect(xWing.encapsulate(change(publicKey, at), ramp(2, 64)).sharedSecret).not.toEqual(sharedSecret)
    for (const at of [0, 500, 1087, 1088, 1119])
      expect(xWing.decapsulate(ramp(1, 32), change(ciphertext, at))).not.toEqual(sharedSecret)
  })

  describe("refuses", () => {
    const randomness = ramp(3, 64)
    const withCoefficient = (index: number, value: number): Uint8Array => {
      const key = xWing.publicKey(ramp(1, 32))
      const at = Math.floor(index / 2) * 3
      const [a = 0, b = 0, c = 0] = key.subarray(at, at + 3)
      key.set(
        index % 2 === 0
          ? [value & 0xff, (b & 0xf0) | (value >> 8), c]
          : [a, (b & 0x0f) | ((value & 0x0f) << 4), value >> 4],
        at,
      )
      return key
    }

    test.each([0, 1, 2, 383, 384, 766, 767])("coefficient %i of 3329 or more", (index) => {
      for (const value of [3329, 3330, 4095])
        expect(code(() => xWing.encapsulate(withCoefficient(index, value), randomness))).toBe("KEY")
      expect(code(() => xWing.encapsulate(withCoefficient(index, 3328), randomness))).toBeUndefined()
    })

    test("X25519 parts of small order in every spelling, in keys and ciphertexts", () => {
      const publicKey = xWing.publicKey(ramp(1, 32))
      const { ciphertext } = xWing.encapsulate(publicKey, randomness)
      for (const u of smallOrder.x25519.flatMap((u) => [u, u + p25519]).filter((u) => u < 1n << 255n)) {
        for (const top of [0n, 1n << 255n]) {
          const point = littleEndian(u + top, 32)
          const key = concatBytes(publicKey.subarray(0, 1184), point)
          expect(code(() => xWing.encapsulate(key, randomness))).toBe("KEY")
          const sent = concatBytes(ciphertext.subarray(0, 1088), point)
          expect(code(() => xWing.decapsulate(ramp(1, 32), sent))).toBe("CIPHERTEXT")
        }
      }
    })

    test("other lengths", () => {
      const [key, { ciphertext }] = [
        xWing.publicKey(ramp(1, 32)),
        xWing.encapsulate(xWing.publicKey(ramp(1, 32)), randomness),
      ]
      for (const wrong of [new Uint8Array(0), key.subarray(1), concatBytes(key, hex("00"))])
        expect(code(() => xWing.encapsulate(wrong, randomness))).toBe("KEY")
      for (const wrong of [new Uint8Array(0), ciphertext.subarray(1), concatBytes(ciphertext, hex("00"))])
        expect(code(() => xWing.decapsulate(ramp(1, 32), wrong))).toBe("CIPHERTEXT")
      // What the caller chooses is the caller's bug.
      for (const length of [xWingSizes.seed - 1, xWingSizes.seed + 1, 64]) {
        expect(() => xWing.publicKey(ramp(0, length))).toThrow(RangeError)
        expect(() => xWing.decapsulate(ramp(0, length), ciphertext)).toThrow(RangeError)
      }
      for (const length of [32, 63, 65])
        expect(() => xWing.encapsulate(key, ramp(0, length))).toThrow(RangeError)
    })
  })

  test("an X25519 part in its second spelling is taken, as the drafts of X-Wing say", () => {
    const publicKey = xWing.publicKey(ramp(1, 32))
    const spelled = new Uint8Array(publicKey)
    spelled[1215] = (spelled[1215] ?? 0) | 0x80
    const [a, b] = [xWing.encapsulate(publicKey, ramp(2, 64)), xWing.encapsulate(spelled, ramp(2, 64))]
    expect(a.ciphertext).toEqual(b.ciphertext)
    // The spelling enters the secret.
    expect(a.sharedSecret).not.toEqual(b.sharedSecret)
  })
}
