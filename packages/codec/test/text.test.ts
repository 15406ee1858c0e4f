import {
  agreedVersion,
  decodeUtf8,
  formatVersionRange,
  fromBase64Url,
  fromHex,
  includesVersion,
  isCompatible,
  parseVersionRange,
  toBase64Url,
  toHex,
  WireError,
} from "@smpkit/codec"
import { describe, expect, test } from "vitest"

// RFC 4648, "Test Vectors", in the URL-safe alphabet.
describe("base64url", () => {
  const cases = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(
    (plain) => [plain, btoa(plain)] as const,
  )
  test.each(cases)("%s", (plain, form) => {
    const bytes = Uint8Array.from(plain, (c) => c.charCodeAt(0))
    expect(toBase64Url(bytes)).toBe(form)
    expect(toBase64Url(bytes, { padded: false })).toBe(form.replace(/=+$/, ""))
    expect(fromBase64Url(form)).toEqual(bytes)
    expect(fromBase64Url(form.replace(/=+$/, ""))).toEqual(bytes)
  })

  test.each([
    ["a length of 1 modulo 4", "AAAAA"],
    ["one character", "A"],
    ["bits left over after one byte", "AB"],
    ["bits left over after two bytes", "AAB"],
    ["the plain alphabet", "+/8="],
    ["a space", "AA A"],
    ["a line end", "AAAA\n"],
    ["padding alone", "="],
    ["four times padding", "===="],
    ["too little padding", "AA="],
    ["too much padding", "AAA=="],
    ["padding after a whole group", "AAAA=="],
    ["padding inside", "AA==AAAA"],
    ["a character beyond ASCII", "AAAé"],
  ])("refuses %s", (_, form) => {
    expect(() => fromBase64Url(form)).toThrow(WireError)
  })
})

describe("hexadecimal", () => {
  test("both cases in, small letters out", () => {
    expect(toHex(fromHex("00aBCdef"))).toBe("00abcdef")
  })
  test.each(["0", "0g", " 00", "0x00"])("refuses %j", (form) => {
    expect(() => fromHex(form)).toThrow(RangeError)
  })
})

test("decodeUtf8 is strict", () => {
  expect(decodeUtf8(fromHex("c3a9"))).toBe("é")
  expect(decodeUtf8(fromHex("c3"))).toBeUndefined()
})

describe("version ranges", () => {
  test.each([
    ["6-18", { min: 6, max: 18 }],
    ["4", { min: 4, max: 4 }],
    ["4-4", { min: 4, max: 4 }],
    ["0-65535", { min: 0, max: 65535 }],
  ])("%s", (form, range) => {
    expect(parseVersionRange(form)).toEqual(range)
  })
  test("one number where both ends are the same", () => {
    expect(formatVersionRange({ min: 4, max: 4 })).toBe("4")
  })
  test.each(["", "-", "1-", "-1", "4-1", "1-65536", "65536", "1-2-3", " 1", "1 ", "+1", "1.0", "a"])(
    "refuses %j",
    (form) => {
      expect(() => parseVersionRange(form)).toThrow(WireError)
    },
  )

  // encoding.md, "Version negotiation helpers".
  test.each([
    [[6, 18], [6, 18], 18],
    [[6, 18], [1, 6], 6],
    [[6, 18], [7, 9], 9],
    [[6, 18], [18, 30], 18],
    [[6, 18], [19, 30], undefined],
    [[6, 18], [1, 5], undefined],
  ])("%j and %j agree on %s", ([aMin = 0, aMax = 0], [bMin = 0, bMax = 0], version) => {
    const [a, b] = [
      { min: aMin, max: aMax },
      { min: bMin, max: bMax },
    ]
    expect(agreedVersion(a, b)).toBe(version)
    expect(agreedVersion(b, a)).toBe(version)
    expect(isCompatible(a, b)).toBe(version !== undefined)
  })

  test("includes both ends", () => {
    const range = { min: 6, max: 18 }
    expect([5, 6, 18, 19].map((v) => includesVersion(range, v))).toEqual([false, true, true, false])
  })
})
