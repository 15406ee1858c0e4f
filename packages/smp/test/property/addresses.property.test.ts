import { decode, encode, WireError } from "@smpkit/codec"
import {
  formatQueryString,
  formatQueueUri,
  formatServerAddress,
  parseHost,
  parseQueryString,
  parseQueueUri,
  parseServerAddress,
  queueInfo,
  queueUri,
  type QueueUri,
  serverAddress,
  SmpError,
} from "@smpkit/smp"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { bytes, damaged, host, mode, numRuns, server, serverWithAuth, x25519 } from "./arbitraries.ts"

const clientVersions = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
  .map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }))
const uri: fc.Arbitrary<QueueUri> = fc.record({
  versions: clientVersions,
  server,
  senderId: bytes(32, 1),
  dhKey: x25519,
  mode,
})

/** A text with a character replaced, removed or put in. */
function damagedText(valid: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const character = fc.oneof(
    fc.constantFrom(
      "%",
      "&",
      ";",
      "=",
      "#",
      "/",
      "?",
      "@",
      ":",
      ",",
      "+",
      "[",
      "]",
      ".",
      " ",
      "\n",
      "~",
      "_",
      "-",
      "0",
    ),
    fc.constantFrom("a", "é", "\u{1F600}", "%41", ""),
  )
  return fc.tuple(valid, fc.nat(), fc.nat({ max: 2 }), character).map(([text, at, remove, insert]) => {
    const place = at % (text.length + 1)
    return text.slice(0, place) + insert + text.slice(place + remove)
  })
}

function valueOrCode<T>(parse: () => T): { readonly value: T } | string {
  try {
    return { value: parse() }
  } catch (error) {
    if (SmpError.is(error, "ADDRESS") || SmpError.is(error, "LINK")) return error.code
    throw error
  }
}

describe("server addresses", () => {
  test("text and bytes come back", () => {
    fc.assert(
      fc.property(serverWithAuth, ({ basicAuth, ...address }) => {
        const full = basicAuth === undefined ? address : { ...address, basicAuth }
        expect(parseServerAddress(formatServerAddress(full))).toEqual(full)
        expect(decode(serverAddress, encode(serverAddress, address))).toEqual(address)
      }),
      { numRuns },
    )
  })
  test("any text is ADDRESS, or an address whose text reads the same", () => {
    fc.assert(
      fc.property(fc.oneof(damagedText(serverWithAuth.map(formatServerAddress)), fc.string()), (text) => {
        const result = valueOrCode(() => parseServerAddress(text))
        if (typeof result === "string") expect(result).toBe("ADDRESS")
        else expect(parseServerAddress(formatServerAddress(result.value))).toEqual(result.value)
      }),
      { numRuns: 3 * numRuns },
    )
  })
  test("any bytes are an error, or encode as they were but for brackets around IPv6", () => {
    fc.assert(
      fc.property(damaged(server.map((address) => encode(serverAddress, address))), (b) => {
        try {
          const address = decode(serverAddress, b)
          if (!b.includes(0x5b)) expect(encode(serverAddress, address)).toEqual(b)
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
      { numRuns: 3 * numRuns },
    )
  })
  test("hosts are ASCII of the one grammar", () => {
    fc.assert(
      fc.property(fc.oneof(damagedText(host), fc.string({ unit: "binary" })), (text) => {
        const parsed = parseHost(text)
        if (parsed === undefined) return
        expect(parsed).toMatch(/^[A-Za-z0-9.:-]+$/)
        expect(parseHost(parsed)).toBe(parsed)
      }),
      { numRuns: 3 * numRuns },
    )
  })
})

describe("queue addresses", () => {
  test("text comes back", () => {
    fc.assert(
      fc.property(uri, (value) => {
        expect(parseQueueUri(formatQueueUri(value))).toEqual(value)
      }),
      { numRuns },
    )
  })
  test("any text is LINK, or an address whose text reads the same", () => {
    fc.assert(
      fc.property(fc.oneof(damagedText(uri.map(formatQueueUri)), fc.string()), (text) => {
        const result = valueOrCode(() => parseQueueUri(text))
        if (typeof result === "string") expect(result).toBe("LINK")
        else expect(parseQueueUri(formatQueueUri(result.value))).toEqual(result.value)
      }),
      { numRuns: 3 * numRuns },
    )
  })
  test("bytes come back, but for a mode that has no place", () => {
    fc.assert(
      fc.property(uri, (value) => {
        const { mode: _, ...rest } = value
        expect(decode(queueUri, encode(queueUri, value))).toMatchObject(rest)
        const info = { ...value, version: value.versions.max }
        const { versions, ...infoOnly } = info
        const read = decode(queueInfo, encode(queueInfo, infoOnly))
        const [first] = value.server.hosts
        const server = versions.max === 1 ? { ...value.server, hosts: [first] } : value.server
        const kept = versions.max >= 4 || (versions.max === 3 && value.mode === "messaging")
        expect(read).toEqual({ ...infoOnly, server, mode: kept ? value.mode : undefined })
      }),
      { numRuns },
    )
  })
  test("any bytes are an error, or encode as they were but for mode and brackets", () => {
    fc.assert(
      fc.property(damaged(uri.map((value) => encode(queueUri, value))), (b) => {
        try {
          const again = encode(queueUri, decode(queueUri, b))
          if (b.includes(0x5b)) return
          const length = Math.min(b.length, again.length)
          expect(Math.abs(b.length - again.length)).toBeLessThanOrEqual(1)
          expect(again.subarray(0, length - 1)).toEqual(b.subarray(0, length - 1))
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
      { numRuns: 3 * numRuns },
    )
  })
})

describe("query strings", () => {
  test("parameters come back", () => {
    const parameters = fc.uniqueArray(
      fc.tuple(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })),
      {
        selector: ([name]) => name,
      },
    )
    fc.assert(
      fc.property(parameters, (all) => {
        const query = parseQueryString(formatQueryString(all))
        if (all.length > 0) for (const [name, value] of all) expect(query.get(name)).toBe(value)
      }),
      { numRuns },
    )
  })
  test("any text is read or LINK", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."%41&;=+aF".split("")) })),
        (text) => {
          const result = valueOrCode(() => parseQueryString(text).get("a"))
          expect(typeof result === "string" ? result : "LINK").toBe("LINK")
        },
      ),
      { numRuns },
    )
  })
})
