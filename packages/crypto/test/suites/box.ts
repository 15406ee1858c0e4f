import { concatBytes, toHex, utf8 } from "@smpkit/codec"
import {
  boxKey,
  boxNonce,
  CryptoError,
  decodePrivateKey,
  decodePublicKey,
  dh,
  openBox,
  openPaddedBox,
  sealBox,
  sealBoxInPlace,
  sealPaddedBox,
  sha512,
} from "@smpkit/crypto"
import { hex, ramp } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import type { Platform } from "./platform.ts"

export function boxSuite({ loadVectors }: Platform): void {
  const vectors = loadVectors("crypto")
  const keys = loadVectors("keys").at("keys")

  test.each(
    [...vectors.at("cbEncrypt").items(), ...vectors.at("sbEncrypt").items()].map((v) => [v.path, v] as const),
  )("%s", (_, v) => {
    const key = boxKey((v.find("secret") ?? v.at("key")).bytes())
    const [nonce, message, length] = [v.at("nonce").bytes(), v.at("msg").bytes(), v.at("paddedLen").number()]
    expect(toHex(sealPaddedBox(key, nonce, message, length))).toBe(v.at("encrypted").text())
    expect(openPaddedBox(key, nonce, v.at("encrypted").bytes())).toEqual(message)
  })

  test("cbEncryptNoPad", () => {
    const v = vectors.at("cbEncryptNoPad")
    const key = boxKey(v.at("secret").bytes())
    expect(sealBox(key, v.at("nonce").bytes(), v.at("msg").bytes())).toEqual(v.at("encrypted").bytes())
    expect(openBox(key, v.at("nonce").bytes(), v.at("encrypted").bytes())).toEqual(v.at("msg").bytes())
  })

  test("cbAuthenticate: a box of the SHA-512 of the message under the two keys' secret", () => {
    const v = vectors.at("cbAuthenticate")
    const secret = dh(
      decodePrivateKey(keys.at(v.at("private").text(), "privateDer").bytes(), ["x25519"]),
      decodePublicKey(keys.at(v.at("peerPublic").text(), "publicDer").bytes(), ["x25519"]),
    )
    const hash = sha512(v.at("msg").bytes())
    expect(sealBox(boxKey(secret), v.at("nonce").bytes(), hash)).toEqual(v.at("authenticator").bytes())
  })

  test.each(["cbNonceShort", "cbNonceLong"])("%s", (name) => {
    expect(boxNonce(vectors.at(name, "input").bytes())).toEqual(vectors.at(name, "nonce").bytes())
  })

  // smp-client-crypto.md, "Worked examples".
  describe("worked examples", () => {
    test("NaCl", () => {
      const key = boxKey(hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"))
      expect(toHex(key)).toBe("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389")
      const message = hex(`be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc
      e5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31
      0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde
      048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864 5e0705`)
      const sealed = sealBox(key, hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37"), message)
      expect(toHex(sealed)).toMatch(
        /^f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce.*e355a5$/,
      )
      expect(sealed.length).toBe(147)
    })

    test("a symmetric key passes through the same HSalsa20", () => {
      const key = boxKey(ramp(0, 32))
      expect(toHex(key)).toBe("50088706d3e1cee8a5c0f12504d968443211cf12af4a4b49e5c874b3ef4f85e7")
      const sealed = sealPaddedBox(key, ramp(0x80, 24), utf8("abc"), 16)
      expect(toHex(sealed)).toBe("6d411aa640216bb820d0726f5ec6866d324538b119b2173041e93a97c4e53cd6")
    })
  })

  describe("open", () => {
    const key = boxKey(ramp(1, 32))
    const nonce = ramp(7, 24)
    const decryptError = (f: () => unknown): void => {
      let error: unknown
      try {
        f()
      } catch (e) {
        error = e
      }
      expect(CryptoError.is(error, "DECRYPT")).toBe(true)
    }

    test("an empty message", () => {
      const sealed = sealBox(key, nonce, new Uint8Array(0))
      expect(sealed.length).toBe(16)
      expect(openBox(key, nonce, sealed)).toEqual(new Uint8Array(0))
    })

    test("refuses every flipped byte, cut and appended", () => {
      const sealed = sealBox(key, nonce, utf8("message"))
      for (let i = 0; i < sealed.length; i++) {
        const flipped = new Uint8Array(sealed)
        flipped[i] = (flipped[i] ?? 0) ^ 0x01
        decryptError(() => openBox(key, nonce, flipped))
        decryptError(() => openBox(key, nonce, sealed.subarray(0, i)))
      }
      decryptError(() => openBox(key, nonce, concatBytes(sealed, hex("00"))))
    })

    test("refuses another key or nonce", () => {
      const sealed = sealBox(key, nonce, utf8("message"))
      decryptError(() => openBox(boxKey(ramp(2, 32)), nonce, sealed))
      decryptError(() => openBox(key, ramp(8, 24), sealed))
      decryptError(() => openBox(key, nonce.subarray(1), sealed))
    })

    test("wrong padding gives the same error as a wrong tag", () => {
      decryptError(() => openPaddedBox(key, nonce, sealBox(key, nonce, hex("0009"))))
      decryptError(() => openPaddedBox(key, nonce, sealBox(key, nonce, hex("00"))))
    })

    test("sealing in place gives the same box", () => {
      for (const message of [new Uint8Array(0), utf8("message"), ramp(3, 16_368)]) {
        const box = concatBytes(ramp(9, 16), message)
        sealBoxInPlace(key, nonce, box)
        expect(box).toEqual(sealBox(key, nonce, message))
      }
      expect(() => {
        sealBoxInPlace(key, nonce, new Uint8Array(15))
      }).toThrow(RangeError)
      expect(() => {
        sealBoxInPlace(key, nonce.subarray(1), new Uint8Array(16))
      }).toThrow(RangeError)
    })

    test("sealing refuses what does not fit", () => {
      expect(() => sealBox(key, nonce.subarray(1), utf8("m"))).toThrow(RangeError)
      expect(() => boxKey(ramp(0, 31))).toThrow(RangeError)
      expect(() => sealPaddedBox(key, nonce, new Uint8Array(15), 16)).toThrow(RangeError)
    })
  })
}
