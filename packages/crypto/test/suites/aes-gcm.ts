import { concatBytes, toHex, utf8 } from "@smpkit/codec"
import { AesGcmKey, aesGcmOpen, aesGcmSeal, CryptoError, pad } from "@smpkit/crypto"
import { hex, ramp } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import type { Platform } from "./platform.ts"

export function aesGcmSuite({ loadVectors }: Platform): void {
  const vectors = loadVectors("crypto")

  test("an IV of 16 bytes, padded, with associated data", () => {
    const v = vectors.at("aesGcm16")
    const sealed = concatBytes(v.at("ciphertext").bytes(), v.at("tag").bytes())
    const [key, iv, ad] = [v.at("key").bytes(), v.at("iv").bytes(), v.at("ad").bytes()]
    const padded = pad(v.at("msg").bytes(), v.at("paddedLen").number())
    expect(toHex(aesGcmSeal(key, iv, ad, padded))).toBe(toHex(sealed))
    expect(aesGcmOpen(key, iv, ad, sealed)).toEqual(padded)
  })

  test("an IV of 12 bytes, without associated data", () => {
    const v = vectors.at("aesGcm12NoPadNoAd")
    const sealed = concatBytes(v.at("ciphertext").bytes(), v.at("tag").bytes())
    const [key, iv, ad] = [v.at("key").bytes(), v.at("iv").bytes(), new Uint8Array(0)]
    expect(toHex(aesGcmSeal(key, iv, ad, v.at("msg").bytes()))).toBe(toHex(sealed))
    expect(aesGcmOpen(key, iv, ad, sealed)).toEqual(v.at("msg").bytes())
  })

  test.each([0, 1, 16, 16_385])("with a key made ready once, of %i bytes: the same", (length) => {
    const [key, iv, message] = [ramp(0, 32), ramp(0x40, 12), ramp(7, length)]
    const given = key.slice()
    const ready = new AesGcmKey(given)
    given.fill(0)
    for (const ad of [new Uint8Array(0), utf8("ad")]) {
      const { ciphertext, tag } = ready.sealDetached(iv, ad, message)
      expect([ciphertext.length, tag.length]).toEqual([length, 16])
      const sealed = concatBytes(ciphertext, tag)
      expect(toHex(sealed)).toBe(toHex(aesGcmSeal(key, iv, ad, message)))
      expect(ready.open(iv, ad, sealed)).toEqual(message)
      sealed[length] = (sealed[length] ?? 0) ^ 1
      for (const bad of [sealed, sealed.subarray(0, 15)])
        expect(() => ready.open(iv, ad, bad)).toThrow(CryptoError)
    }
    expect(() => ready.sealDetached(iv.subarray(1), message, message)).toThrow(RangeError)
    expect(() => new AesGcmKey(key.subarray(1))).toThrow(RangeError)
  })

  describe("open", () => {
    const [key, iv, ad] = [ramp(0, 32), ramp(0x40, 16), utf8("ad")]
    const sealed = aesGcmSeal(key, iv, ad, utf8("message"))
    const refused = (...args: Parameters<typeof aesGcmOpen>): void => {
      let error: unknown
      try {
        aesGcmOpen(...args)
      } catch (e) {
        error = e
      }
      expect(CryptoError.is(error, "DECRYPT")).toBe(true)
    }

    test("an empty message", () => {
      expect(aesGcmOpen(key, iv, ad, aesGcmSeal(key, iv, ad, new Uint8Array(0)))).toEqual(new Uint8Array(0))
    })

    test("refuses every flipped byte, cut and appended", () => {
      for (let i = 0; i < sealed.length; i++) {
        const flipped = new Uint8Array(sealed)
        flipped[i] = (flipped[i] ?? 0) ^ 0x80
        refused(key, iv, ad, flipped)
        refused(key, iv, ad, sealed.subarray(0, i))
      }
      refused(key, iv, ad, concatBytes(sealed, hex("00")))
    })

    test("refuses another key, IV or associated data", () => {
      refused(ramp(1, 32), iv, ad, sealed)
      refused(key, ramp(0x41, 16), ad, sealed)
      refused(key, iv.subarray(0, 12), ad, sealed)
      refused(key, iv, utf8("AD"), sealed)
      refused(key, iv, new Uint8Array(0), sealed)
    })

    test("keys and IVs of another size are the caller's bug", () => {
      for (const f of [aesGcmOpen, aesGcmSeal]) {
        expect(() => f(ramp(0, 16), iv, ad, sealed)).toThrow(RangeError)
        expect(() => f(key, ramp(0, 8), ad, sealed)).toThrow(RangeError)
        expect(() => f(key, new Uint8Array(0), ad, sealed)).toThrow(RangeError)
      }
    })
  })
}
