import { concatBytes, toHex, utf8 } from "@smpkit/codec"
import {
  decodePrivateKey,
  decodePublicKey,
  keyPairOf,
  keySizes,
  PrivateKey,
  PublicKey,
  sign,
  verify,
} from "@smpkit/crypto"
import { ED25519_TORSION_SUBGROUP, ed25519 } from "@noble/curves/ed25519.js"
import { ED448_TORSION_SUBGROUP, ed448 } from "@noble/curves/ed448.js"
import { sha512 } from "@noble/hashes/sha2.js"
import { shake256 } from "@noble/hashes/sha3.js"
import { hex, ramp } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { littleEndian, order25519, order448 } from "./small-order.ts"
import type { Platform } from "./platform.ts"

export function signatureSuite({ loadVectors }: Platform): void {
  const keys = loadVectors("keys").at("keys")

  test.each(
    loadVectors("crypto")
      .at("signatures")
      .items()
      .map((v) => [v.at("key").text(), v] as const),
  )("signature with %s", (name, v) => {
    const pair = keyPairOf(decodePrivateKey(keys.at(name, "privateDer").bytes(), ["ed25519", "ed448"]))
    expect(sign(pair, v.at("msg").bytes())).toEqual(v.at("signature").bytes())
    expect(verify(pair.publicKey, v.at("msg").bytes(), v.at("signature").bytes())).toBe(true)
  })

  // RFC 8032, "Test Vectors for Ed25519" (TEST 1) and "Test Vectors for Ed448" (Blank).
  test.each([
    [
      "ed25519",
      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
      "ed448",
      "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b94492f8f032e7549a20098f95b",
      "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180",
      "533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d7828c59bd0a21bfd3980ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4dbb61149f05a7363268c71d95808ff2e652600",
    ],
  ] as const)("RFC 8032, %s of an empty message", (alg, seed, publicRaw, signature) => {
    const pair = keyPairOf(new PrivateKey(alg, hex(seed)))
    expect(pair.publicKey.raw).toEqual(hex(publicRaw))
    expect(sign(pair, new Uint8Array(0))).toEqual(hex(signature))
    expect(verify(pair.publicKey, new Uint8Array(0), hex(signature))).toBe(true)
  })

  test("a signed session key (encoding.md, worked example)", () => {
    const pair = keyPairOf(new PrivateKey("ed25519", ramp(0x55, 32)))
    const wrapped = hex(
      "302c302a300506032b656e032100493e82fc74464a59268817623d2053c5eb8e2cc4a988b4fee179ec6b010d531d",
    )
    const signature = hex(
      "bda042d0ef13b2db78c8c7d2e11abfa056e3cd837a2c48e00b492b6e2b74d81f303f310de3a2df930696e9f6a1361c9fe8e9d092e702c02c57ea5b70427e5e0c",
    )
    const key = decodePublicKey(
      hex("302a300506032b6570032100ac6bf56b9a04ae233e8da2acdcaceb173ce7e076f5f34740e17b99d1b02cfe09"),
      ["ed25519"],
    )
    expect(pair.publicKey).toEqual(key)
    expect(sign(pair, wrapped)).toEqual(signature)
    expect(verify(key, wrapped, signature)).toBe(true)
    // Over the key without its wrapping it is not valid.
    expect(verify(key, wrapped.subarray(2), signature)).toBe(false)
  })

  describe.each(["ed25519", "ed448"] as const)("%s", (alg) => {
    const pair = keyPairOf(new PrivateKey(alg, ramp(9, keySizes[alg].privateKey)))
    const message = utf8("message")
    const signature = sign(pair, message)
    const half = signature.length / 2
    const order = alg === "ed25519" ? order25519 : order448
    const scalar = BigInt(`0x${toHex(signature.slice(half).reverse())}`)
    const withScalar = (s: bigint) => {
      const out = new Uint8Array(signature)
      out.set(littleEndian(s, half), half)
      return out
    }

    test("takes its own", () => {
      expect(scalar < order).toBe(true)
      expect(verify(pair.publicKey, message, withScalar(scalar))).toBe(true)
    })

    // S + k·L satisfies the equation, so that only the check of the range refuses it (security.md Q11).
    test.each([1n, 2n, 3n])("refuses S + %i·L", (k) => {
      const s = scalar + k * order
      expect(verify(pair.publicKey, message, withScalar(s))).toBe(false)
    })

    test("refuses S = L and S of ones alone", () => {
      expect(verify(pair.publicKey, message, withScalar(order))).toBe(false)
      expect(verify(pair.publicKey, message, withScalar((1n << BigInt(8 * half)) - 1n))).toBe(false)
    })

    test.each([0, 1, half, 2 * half - 1, 2 * half + 1])("refuses %i bytes", (length) => {
      const cut = new Uint8Array(length)
      cut.set(signature.subarray(0, length))
      expect(verify(pair.publicKey, message, cut)).toBe(false)
    })

    test("refuses every flipped bit, another message and another key", () => {
      for (let i = 0; i < signature.length; i++) {
        const flipped = new Uint8Array(signature)
        flipped[i] = (flipped[i] ?? 0) ^ (1 << (i % 8))
        expect(verify(pair.publicKey, message, flipped)).toBe(false)
      }
      expect(verify(pair.publicKey, utf8("Message"), signature)).toBe(false)
      const other = keyPairOf(new PrivateKey(alg, ramp(10, keySizes[alg].privateKey)))
      expect(verify(other.publicKey, message, signature)).toBe(false)
    })

    test("a key that is no point of the curve verifies nothing and throws nothing", () => {
      for (let y = 2n; y < 12n; y++) {
        const key = new PublicKey(alg, littleEndian(y, keySizes[alg].publicKey))
        expect(verify(key, message, signature)).toBe(false)
      }
    })

    // Only the owner of a key can make these, yet all must agree on them: Ed25519 is verified by the equation without the
    // cofactor, as in libsodium, Ed448 by the one with it, as in OpenSSL.
    test("points with a part of small order, in the key and in R", () => {
      const { Point, hashToScalar, torsion } = groups[alg]
      const [a, r] = [123456789n, 987654321n]
      const outcomes = new Set<boolean>()
      for (const inKey of torsion) {
        for (const inR of torsion) {
          const A = Point.BASE.multiply(a).add(Point.fromHex(inKey))
          const R = Point.BASE.multiply(r).add(Point.fromHex(inR))
          const k = hashToScalar(R.toBytes(), A.toBytes(), message) % order
          const crafted = concatBytes(R.toBytes(), littleEndian((r + k * a) % order, half))
          const exact = Point.fromHex(inKey).multiplyUnsafe(k).add(Point.fromHex(inR)).is0()
          outcomes.add(exact)
          const verified = verify(new PublicKey(alg, A.toBytes()), message, crafted)
          expect([inKey, inR, verified]).toEqual([inKey, inR, alg === "ed448" || exact])
        }
      }
      expect(outcomes.size).toBe(2)
    })

    test("refuses R of small order, though the equation holds", () => {
      const { Point, hashToScalar, torsion } = groups[alg]
      const key = Point.BASE.multiply(123456789n).toBytes()
      for (const R of torsion.map((point) => Point.fromHex(point).toBytes())) {
        const s = (123456789n * hashToScalar(R, key, message)) % order
        const crafted = concatBytes(R, littleEndian(s, half))
        expect(verify(new PublicKey(alg, key), message, crafted)).toBe(false)
      }
    })

    test("signing is deterministic and leaves its input alone", () => {
      const copy = new Uint8Array(message)
      expect(sign(pair, copy)).toEqual(signature)
      expect(copy).toEqual(message)
      expect(signature.buffer.byteLength).toBe(signature.length)
    })
  })
}

const scalarOf = (hash: Uint8Array): bigint => BigInt(`0x${toHex(new Uint8Array(hash).reverse())}`)
const groups = {
  ed25519: {
    Point: ed25519.Point,
    torsion: ED25519_TORSION_SUBGROUP,
    hashToScalar: (...parts: readonly Uint8Array[]) => scalarOf(sha512(concatBytes(...parts))),
  },
  ed448: {
    Point: ed448.Point,
    torsion: ED448_TORSION_SUBGROUP,
    hashToScalar: (...parts: readonly Uint8Array[]) =>
      scalarOf(shake256(concatBytes(utf8("SigEd448"), hex("0000"), ...parts), { dkLen: 114 })),
  },
} as const
