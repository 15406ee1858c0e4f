import { toHex, utf8 } from "@smpkit/codec"
import {
  equalBytes,
  hkdfSha256,
  hkdfSha512,
  hmacSha256,
  sha256,
  sha3_256,
  sha3_384,
  sha512,
} from "@smpkit/crypto"
import { hex } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import type { Platform } from "./platform.ts"

export function hashSuite({ loadVectors }: Platform): void {
  const vectors = loadVectors("crypto")

  test.each([
    ["sha256", sha256],
    ["sha512", sha512],
    ["sha3_256", sha3_256],
    ["sha3_384", sha3_384],
  ] as const)("%s, whole and in parts", (name, hash) => {
    const input = vectors.at("digests", "input").bytes()
    expect(toHex(hash(input))).toBe(vectors.at("digests", name).text())
    expect(hash(input.subarray(0, 3), new Uint8Array(0), input.subarray(3))).toEqual(hash(input))
  })

  test.each(
    vectors
      .at("hkdf")
      .items()
      .map((v) => [v.at("info").text(), v] as const),
  )("HKDF-SHA512 for %s", (info, v) => {
    const out = hkdfSha512(v.at("ikm").bytes(), v.at("salt").bytes(), info, v.at("n").number())
    expect(toHex(out)).toBe(v.at("out").text())
  })

  // smp-client-crypto.md, "Worked examples": links.
  test("keys of links", () => {
    const linkKey = sha3_256(utf8("fixed data example"))
    expect(toHex(linkKey)).toBe("398a707292a9dfef176d2c80304366a22e04b6dd938d99d695d24439787e7298")
    expect(toHex(hkdfSha512(linkKey, new Uint8Array(0), "SimpleXContactLink", 56))).toBe(
      "e44ce559ef4e606921e20cebe40497daeae4fdedd775f48f" +
        "b0e45229044fd21d10d59bf9ed04c2afe0fd9ec3689351ff315f260cc18cf6e3",
    )
    expect(toHex(hkdfSha512(linkKey, new Uint8Array(0), "SimpleXInvLink", 32))).toBe(
      "37d1ca63b64b169142439fccf03628f098938c86357838b5beecf2e0b8535324",
    )
  })

  test("HKDF-SHA256 (RFC 5869, Test Case 3)", () => {
    expect(toHex(hkdfSha256(new Uint8Array(22).fill(0x0b), new Uint8Array(0), "", 42))).toBe(
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    )
  })

  test("HMAC-SHA256 (RFC 4231, Test Case 2), whole and in parts", () => {
    const expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    expect(toHex(hmacSha256(utf8("Jefe"), utf8("what do ya want for nothing?")))).toBe(expected)
    expect(toHex(hmacSha256(utf8("Jefe"), utf8("what do ya "), utf8("want for nothing?")))).toBe(expected)
  })

  describe("equalBytes", () => {
    test.each([
      ["", "", true],
      ["00", "00", true],
      ["00", "01", false],
      ["0001", "0002", false],
      ["00", "0000", false],
      ["", "00", false],
    ])("%j and %j", (a, b, equal) => {
      expect(equalBytes(hex(a), hex(b))).toBe(equal)
    })
  })
}
