import {
  bool,
  type Codec,
  concatBytes,
  decode,
  encode,
  fixed,
  fromBase64Url,
  fromHex,
  i64,
  list,
  longBytes,
  nonEmptyList,
  optional,
  safeInt64,
  shortBytes,
  struct,
  text,
  toBase64Url,
  toHex,
  u16,
  u32,
  u8,
  versionRange,
  WireError,
} from "@smpkit/codec"
import fc from "fast-check"
import { describe, expect, test } from "vitest"

const numRuns = process.env["SLOW"] === "1" ? 20_000 : 300
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((b) => new Uint8Array(b))

interface Everything {
  readonly small: number
  readonly wide: number
  readonly long: bigint
  readonly safe: number
  readonly flag: boolean
  readonly key: Uint8Array<ArrayBuffer>
  readonly name: string
  readonly large: Uint8Array<ArrayBuffer>
  readonly maybe: Uint8Array<ArrayBuffer> | undefined
  readonly items: readonly (readonly number[])[]
  readonly some: readonly [boolean, ...boolean[]]
  readonly versions: { readonly min: number; readonly max: number }
}

const everything: Codec<Everything> = struct<Everything>({
  small: u8,
  wide: u32,
  long: i64,
  safe: safeInt64,
  flag: bool,
  key: fixed(5),
  name: text,
  large: longBytes,
  maybe: optional(shortBytes),
  items: list(list(u16)),
  some: nonEmptyList(bool),
  versions: versionRange,
})

const uint16 = fc.integer({ min: 0, max: 0xffff })
const anything: fc.Arbitrary<Everything> = fc.record({
  small: fc.integer({ min: 0, max: 0xff }),
  wide: fc.integer({ min: 0, max: 0xffffffff }),
  long: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  safe: fc.maxSafeInteger(),
  flag: fc.boolean(),
  key: fc.uint8Array({ minLength: 5, maxLength: 5 }).map((b) => new Uint8Array(b)),
  name: fc.string({ unit: "binary", maxLength: 60 }),
  large: bytes(700),
  maybe: fc.option(bytes(255), { nil: undefined }),
  items: fc.array(fc.array(uint16, { maxLength: 5 }), { maxLength: 5 }),
  some: fc.tuple(fc.boolean(), fc.boolean()),
  versions: fc.tuple(uint16, uint16).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) })),
})

/** What parses must encode to the same bytes; what does not is a `WireError`. */
function parsesOrFails<T>(codec: Codec<T>, input: Uint8Array): void {
  let value: T
  try {
    value = decode(codec, input)
  } catch (error) {
    expect(error).toBeInstanceOf(WireError)
    return
  }
  expect(toHex(encode(codec, value))).toBe(toHex(input))
}

describe("a layout with every primitive", () => {
  test("decode inverts encode", () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(decode(everything, encode(everything, value))).toEqual(value)
      }),
      { numRuns },
    )
  })

  test("any bytes parse canonically or fail", () => {
    fc.assert(
      fc.property(bytes(120), (input) => {
        parsesOrFails(everything, input)
      }),
      { numRuns },
    )
  })

  test("flipped, cut and appended bytes parse canonically or fail", () => {
    fc.assert(
      fc.property(anything, fc.nat(), fc.integer({ min: 1, max: 255 }), bytes(3), (value, at, flip, tail) => {
        const good = encode(everything, value)
        const flipped = new Uint8Array(good)
        const i = at % good.length
        flipped[i] = (flipped[i] ?? 0) ^ flip
        parsesOrFails(everything, flipped)
        expect(() => decode(everything, good.subarray(0, i))).toThrow(WireError)
        if (tail.length > 0) expect(() => decode(everything, concatBytes(good, tail))).toThrow(WireError)
      }),
      { numRuns },
    )
  })
})

describe("text forms", () => {
  test("base64url and hexadecimal are inverted", () => {
    fc.assert(
      fc.property(bytes(200), fc.boolean(), (value, padded) => {
        expect(fromBase64Url(toBase64Url(value, { padded }))).toEqual(value)
        expect(fromHex(toHex(value))).toEqual(value)
      }),
      { numRuns },
    )
  })

  test("base64url of Node agrees", () => {
    fc.assert(
      fc.property(bytes(200), (value) => {
        expect(toBase64Url(value, { padded: false })).toBe(Buffer.from(value).toString("base64url"))
      }),
      { numRuns },
    )
  })

  test("any text is base64url in one spelling or fails", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from("AQgwZ-_=+ ")), maxLength: 9 }), (form) => {
        let value: Uint8Array
        try {
          value = fromBase64Url(form)
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
          return
        }
        expect([toBase64Url(value), toBase64Url(value, { padded: false })]).toContain(form)
      }),
      { numRuns: 10 * numRuns },
    )
  })
})
