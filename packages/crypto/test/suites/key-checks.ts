import {
  type Alg,
  CryptoError,
  decodePublicKey,
  dh,
  keyPairOf,
  keySizes,
  PrivateKey,
  PublicKey,
} from "@smpkit/crypto"
import { hex, ramp } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { littleEndian, p25519, p448, smallOrder } from "./small-order.ts"

export function keyChecksSuite(): void {
  // security.md Q11: what is refused where a key enters.

  function refused(alg: Alg, raw: Uint8Array): void {
    let error: unknown
    try {
      new PublicKey(alg, raw)
    } catch (e) {
      error = e
    }
    expect(error).toBeInstanceOf(CryptoError)
    expect(error).toMatchObject({ code: "KEY" })
  }

  const withTopBit = (raw: Uint8Array): Uint8Array => {
    const out = new Uint8Array(raw)
    out[out.length - 1] = (out.at(-1) ?? 0) | 0x80
    return out
  }

  const prefixes: Record<Alg, string> = {
    ed25519: "302a300506032b6570032100",
    ed448: "3043300506032b6571033a00",
    x25519: "302a300506032b656e032100",
    x448: "3042300506032b656f033900",
  }
  const algs = ["x25519", "x448", "ed25519", "ed448"] as const
  const prime = { x25519: p25519, x448: p448, ed25519: p25519, ed448: p448 }

  describe.each(algs)("%s", (alg) => {
    const size = keySizes[alg].publicKey
    const bits = alg === "x25519" || alg === "ed25519" ? 255n : 448n

    test("the computed points are as many as the curve has", () => {
      expect(smallOrder[alg].length).toBe({ x25519: 5, x448: 3, ed25519: 5, ed448: 3 }[alg])
    })

    test.each(smallOrder[alg].map((v) => [v.toString(16)]))(
      "refuses the point of small order %s",
      (value) => {
        const raw = littleEndian(BigInt(`0x${value}`), size)
        refused(alg, raw)
        // Except for X448, the top bit makes another spelling of a point with the same or the opposite x.
        if (alg !== "x448") refused(alg, withTopBit(raw))
        expect(() => decodePublicKey(new Uint8Array([...hex(prefixes[alg]), ...raw]))).toThrow(CryptoError)
      },
    )

    // Values from p on are a second spelling of small ones: of points of small order, and of others.
    test.each([0n, 1n, 2n, 3n, 9n, 18n])("refuses p + %i", (n) => {
      refused(alg, littleEndian(prime[alg] + n, size))
    })

    test("refuses the largest value", () => {
      refused(alg, littleEndian((1n << bits) - 1n, size))
    })

    test("takes the largest value below p whose point is not of small order", () => {
      expect(new PublicKey(alg, littleEndian(prime[alg] - 2n, size)).raw.length).toBe(size)
    })

    test.each([0, 1, size - 1, size + 1])("refuses %i bytes", (length) => {
      refused(alg, new Uint8Array(length).fill(5))
    })

    test("owns its bytes", () => {
      const raw = littleEndian(9n, size)
      const key = new PublicKey(alg, raw)
      raw.fill(0)
      expect(key.raw[0]).toBe(9)
    })
  })

  describe("the top bit", () => {
    test("x25519: set, it is a second spelling that RFC 7748 masks, so it is refused", () => {
      const { publicKey } = keyPairOf(new PrivateKey("x25519", ramp(0x40, 32)))
      refused("x25519", withTopBit(publicKey.raw))
      // The second test vector of RFC 7748, "Curve25519", has it set; without it the result is the same.
      const u = hex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493")
      refused("x25519", u)
      const canonical = new Uint8Array(u)
      canonical[31] = (canonical[31] ?? 0) & 0x7f
      const scalar = new PrivateKey(
        "x25519",
        hex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
      )
      expect(dh(scalar, new PublicKey("x25519", canonical))).toEqual(
        hex("95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"),
      )
    })

    test("ed25519 and ed448: it is the sign of x and belongs to the key", () => {
      for (const alg of ["ed25519", "ed448"] as const) {
        const raw = littleEndian(9n, keySizes[alg].publicKey)
        expect(new PublicKey(alg, withTopBit(raw)).raw).toEqual(withTopBit(raw))
      }
    })

    test("ed448: the seven bits below the sign are zero", () => {
      for (let bit = 0; bit < 7; bit++) {
        const raw = littleEndian(9n, 57)
        raw[56] = 1 << bit
        refused("ed448", raw)
      }
    })
  })

  test("a key agreement without a secret is refused even for a key that nobody checked", () => {
    for (const alg of ["x25519", "x448"] as const) {
      const ours = new PrivateKey(alg, ramp(1, keySizes[alg].privateKey))
      for (const u of smallOrder[alg]) {
        const unchecked = Object.assign(Object.create(PublicKey.prototype) as PublicKey<typeof alg>, {
          alg,
          raw: littleEndian(u, keySizes[alg].publicKey),
        })
        let error: unknown
        try {
          dh<typeof alg>(ours, unchecked)
        } catch (e) {
          error = e
        }
        expect(error).toMatchObject({ name: "CryptoError", code: "DH" })
      }
    }
  })
}
