import {
  bool,
  type Bytes,
  char,
  type Codec,
  decode,
  encode,
  formatVersionRange,
  fromBase64Url,
  i64,
  latin1,
  list,
  longBytes,
  nonEmptyList,
  optional,
  parseVersionRange,
  rest,
  shortBytes,
  struct,
  systemTime,
  text,
  toBase64Url,
  toHex,
  u16,
  u32,
  utf8,
  versionRange,
} from "@smpkit/codec"
import { hex, loadVectors, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"

const vectors = loadVectors("encodings")

/** A value as the vectors print it: a quoted byte string, with decimal escapes. */
function printed(value: string): Uint8Array {
  const codes: number[] = []
  for (const [, code, char] of value.slice(1, -1).matchAll(/\\(\d+)|(.)/gs)) {
    codes.push(code === undefined ? (char ?? "").charCodeAt(0) : Number(code))
  }
  return Uint8Array.from(codes)
}
const strings = (value: string) => [...value.matchAll(/"[^"]*"/g)].map(([quoted]) => printed(quoted))
const range = (value: string) => {
  const [min, max] = [...value.matchAll(/Version (\d+)/g)].map(([, n]) => Number(n))
  return { min: min ?? 0, max: max ?? 0 }
}

/** Both directions of each case, byte for byte. */
function cases<T>(name: string, codec: Codec<T>, valueOf: (printedValue: string) => T): void {
  describe(name, () => {
    test.each(
      vectors
        .at(name)
        .items()
        .map((c): [string, Vector] => [c.at("encoded").text().slice(0, 20), c]),
    )("%s", (_, c) => {
      const value = valueOf(c.at("value").text())
      expect(toHex(encode(codec, value))).toBe(c.at("encoded").text())
      expect(decode(codec, c.at("encoded").bytes())).toEqual(value)
    })
  })
}

cases("bool", bool, (v) => v === "True")
cases("bytestring", shortBytes, (v) => new Uint8Array(printed(v)))
cases("char", char, (v) => v.charAt(1))
cases("int64", i64, BigInt)
cases("large", longBytes, (v) => new Uint8Array(printed(v)))
cases("listBytestring", list(shortBytes), (v) => strings(v).map((b) => new Uint8Array(b)))
cases("maybeBytestring", optional(shortBytes), (v) =>
  v === "Nothing" ? undefined : new Uint8Array(printed(v.slice("Just ".length))),
)
cases("nonEmptyBytestring", nonEmptyList(shortBytes), (v): readonly [Bytes, ...Bytes[]] => {
  const [first, ...others] = strings(v).map((b) => new Uint8Array(b))
  if (first === undefined) throw new Error("an empty list in the vectors")
  return [first, ...others]
})
cases("string", latin1, (v) => v)
cases("systemTime", systemTime, (v) => Number(v.replace(" s", "")))
cases("tail", rest, (v) => new Uint8Array(printed(v)))
cases("transportHost", text, (v) => v)
cases("tuple(word16,bytestring,bool)", struct({ a: u16, b: shortBytes, c: bool }), (v) => {
  const [, a, b, c] = /^\((\d+),(".*"),(\w+)\)$/.exec(v) ?? []
  return { a: Number(a), b: new Uint8Array(printed(b ?? "")), c: c === "True" }
})
cases("versionRange", versionRange, range)
cases("word16", u16, Number)
cases("word32", u32, Number)

test("no kind of encoding is left out", () => {
  expect(vectors.entries().map(([name]) => name)).toEqual([
    "bool",
    "bytestring",
    "char",
    "int64",
    "large",
    "listBytestring",
    "maybeBytestring",
    "nonEmptyBytestring",
    "strBytestring",
    "string",
    "systemTime",
    "tail",
    "transportHost",
    "tuple(word16,bytestring,bool)",
    "versionRange",
    "versionRangeStr",
    "word16",
    "word32",
  ])
})

test.each(vectors.at("strBytestring").entries())("base64url of %s", (value, form) => {
  expect(toBase64Url(printed(value))).toBe(form.text())
  expect(fromBase64Url(form.text())).toEqual(printed(value))
})

test.each(vectors.at("versionRangeStr").entries())("text of %s", (value, form) => {
  expect(formatVersionRange(range(value))).toBe(form.text())
  expect(parseVersionRange(form.text())).toEqual(range(value))
})

// encoding.md, "Fixtures and worked examples".
describe("worked examples", () => {
  test.each<[string, Uint8Array, string]>([
    ["u16 16384", encode(u16, 16384), "4000"],
    ["i64", encode(i64, 1234567890123456789n), "112210f47de98115"],
    ["system time", encode(systemTime, Date.UTC(2022, 0, 1, 10, 24, 5) / 1000), "0000000061d02bc5"],
    ["str8", encode(shortBytes, utf8("abc")), "03616263"],
    ["str16", encode(longBytes, utf8("abc")), "0003616263"],
    ["rest", encode(rest, utf8("abc")), "616263"],
    ["absent", encode(optional(shortBytes), undefined), "30"],
    ["present", encode(optional(shortBytes), utf8("pw")), "31027077"],
    ["true", encode(bool, true), "54"],
    ["false", encode(bool, false), "46"],
    ["list8 of u16", encode(list(u16), [1, 2]), "0200010002"],
    ["version range", encode(versionRange, { min: 6, max: 18 }), "00060012"],
    [
      "host and port",
      encode(struct({ hosts: nonEmptyList(text), port: latin1 }), { hosts: ["localhost"], port: "5001" }),
      "01096c6f63616c686f73740435303031",
    ],
  ])("%s", (_, bytes, expected) => {
    expect(toHex(bytes)).toBe(expected)
  })

  test("version range as text", () => {
    expect(formatVersionRange({ min: 6, max: 18 })).toBe("6-18")
  })

  test("a key hash in an address", () => {
    const hash = hex("2dc25431f561c03f32c6302249a0f3cc6177fa42c6e14874165fd9223ad1c232")
    expect(toBase64Url(hash)).toBe("LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=")
  })
})
