import {
  bool,
  char,
  type Codec,
  constant,
  decode,
  encode,
  fixed,
  i64,
  ignored,
  latin1,
  lazy,
  list,
  longBytes,
  mapped,
  nonEmptyList,
  optional,
  pair,
  rest,
  safeInt64,
  shortBytes,
  struct,
  text,
  toHex,
  u16,
  u32,
  u8,
  utf8,
  versionRange,
  WireError,
} from "@smpkit/codec"
import { hex } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"

function errorOf(f: () => unknown): unknown {
  try {
    f()
  } catch (error) {
    return error
  }
  return undefined
}

// encoding.md, "Binary primitives", column "Decoder rejects"; the offset is where the bad part begins or where bytes run out.
describe("reading refuses", () => {
  const row = <T>(name: string, codec: Codec<T>, bytes: string, offset: number) =>
    [name, codec, hex(bytes), offset] as const
  test.each([
    row("a short u8", u8, "", 0),
    row("a short u16", u16, "00", 0),
    row("a short u32", u32, "000000", 0),
    row("a short i64", i64, "00000000000000", 0),
    row("no character", char, "", 0),
    row("a small t for true", bool, "74", 1),
    row("1 for true", bool, "01", 1),
    row("a byte string shorter than announced", shortBytes, "0361", 1),
    row("a large byte string shorter than announced", longBytes, "000361", 2),
    row("a large byte string without its length", longBytes, "00", 0),
    row("text that is not UTF-8", text, "01ff", 0),
    row("text with a surrogate", text, "03eda080", 0),
    row("text in an overlong form", text, "02c080", 0),
    row("an optional with another mark", optional(u8), "3200", 1),
    row("an optional that ends after the mark", optional(u8), "31", 1),
    row("a list shorter than announced", list(u8), "0201", 2),
    row("an empty list where one is needed", nonEmptyList(u8), "00", 1),
    row("a version range the wrong way round", versionRange, "00120006", 4),
    row("trailing bytes", u8, "0000", 1),
    row("trailing bytes after a list", list(u8), "0000", 1),
    row("a fixed part that is short", fixed(3), "0102", 0),
    row("a fixed part that is long", fixed(1), "0102", 1),
    row("a number past 2^53", safeInt64, "0020000000000000", 0),
    row("a number below -2^53", safeInt64, "ffe0000000000000", 0),
  ])("%s", (_, codec, bytes, offset) => {
    const error = errorOf(() => decode(codec as Codec<unknown>, bytes))
    expect(error).toBeInstanceOf(WireError)
    expect(error).toMatchObject({ name: "WireError", code: "WIRE", offset })
  })
})

describe("writing refuses", () => {
  test.each<[string, () => unknown]>([
    ["256 bytes under a one-byte length", () => encode(shortBytes, new Uint8Array(256))],
    ["65536 bytes under a two-byte length", () => encode(longBytes, new Uint8Array(65536))],
    ["256 list items", () => encode(list(u8), new Array<number>(256).fill(0))],
    ["a text of 128 two-byte characters", () => encode(text, "é".repeat(128))],
    ["a latin1 text of 256 characters", () => encode(latin1, "x".repeat(256))],
    ["two characters", () => encode(char, "ab")],
    ["no character", () => encode(char, "")],
    ["a character of two bytes", () => encode(char, "Ā")],
    ["a fixed part that is short", () => encode(fixed(3), new Uint8Array(2))],
    ["a fixed part that is long", () => encode(fixed(3), new Uint8Array(4))],
    ["a fraction as a 64-bit number", () => encode(safeInt64, 1.5)],
    [
      "an empty list where one is needed",
      () => encode(nonEmptyList(u8) as unknown as Codec<readonly number[]>, []),
    ],
  ])("%s", (_, write) => {
    expect(errorOf(write)).toBeInstanceOf(RangeError)
  })
})

describe("at the edge", () => {
  test("255 bytes and 65535 bytes fit", () => {
    expect(encode(shortBytes, new Uint8Array(255)).length).toBe(256)
    expect(encode(longBytes, new Uint8Array(65535)).length).toBe(65537)
    expect(decode(list(u8), encode(list(u8), new Array<number>(255).fill(3))).length).toBe(255)
  })

  test("safeInt64 holds every safe integer", () => {
    for (const n of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0, -1]) {
      expect(decode(safeInt64, encode(safeInt64, n))).toBe(n)
    }
  })

  test("a byte order mark is a character of a text", () => {
    expect(decode(text, hex("03efbbbf"))).toBe("\ufeff")
  })

  test("latin1 keeps the low eight bits of each character, also beyond the basic plane", () => {
    expect(toHex(encode(latin1, "aé"))).toBe("0261e9")
    expect(toHex(encode(latin1, "ł"))).toBe("0142")
    expect(toHex(encode(latin1, "\u{1f601}"))).toBe("0101")
    expect(decode(latin1, hex("0261e9"))).toBe("aé")
  })
})

describe("combinators", () => {
  interface Sample {
    readonly first: number
    readonly second: Uint8Array<ArrayBuffer>
  }
  test("struct keeps the order of its fields, whatever the order in the value", () => {
    const codec = struct<Sample>({ first: u8, second: shortBytes })
    expect(toHex(encode(codec, { second: hex("aa"), first: 1 }))).toBe("0101aa")
    expect(decode(codec, hex("0101aa"))).toEqual({ first: 1, second: hex("aa") })
  })

  test("pair", () => {
    expect(decode(pair(u8, u16), encode(pair(u8, u16), [1, 2]))).toEqual([1, 2])
  })

  test("constant takes no bytes", () => {
    expect(encode(constant("x"), "x").length).toBe(0)
    expect(decode(constant("x"), new Uint8Array(0))).toBe("x")
  })

  test("ignored skips what a newer peer adds and writes nothing", () => {
    const codec = struct({ version: u16, newer: ignored })
    expect(decode(codec, hex("0001ffffff"))).toEqual({ version: 1, newer: undefined })
    expect(toHex(encode(codec, { version: 1, newer: undefined }))).toBe("0001")
  })

  test("lazy allows a layout that contains itself", () => {
    interface Tree {
      readonly value: number
      readonly children: readonly Tree[]
    }
    const tree: Codec<Tree> = struct<Tree>({ value: u8, children: list(lazy(() => tree)) })
    const value: Tree = {
      value: 1,
      children: [
        { value: 2, children: [] },
        { value: 3, children: [] },
      ],
    }
    expect(toHex(encode(tree, value))).toBe("010202000300")
    expect(decode(tree, hex("010202000300"))).toEqual(value)
  })

  test("mapped reports the offset of the part that it refuses", () => {
    const even = mapped(
      u8,
      (n, fail) => (n % 2 === 0 ? n : fail("odd")),
      (n) => n,
    )
    expect(errorOf(() => decode(pair(u16, even), hex("000003")))).toMatchObject({
      offset: 2,
      message: "odd at byte 2",
    })
  })

  test("rest may be empty", () => {
    expect(decode(pair(u8, rest), hex("01"))).toEqual([1, new Uint8Array(0)])
    expect(encode(rest, utf8("abc"))).toEqual(utf8("abc"))
  })
})
