import { concatBytes, decode, encode, toBase64Url, WireError } from "@smpkit/codec"
import { encodePublicKey } from "@smpkit/crypto"
import {
  formatQueueUri,
  maxLinkLength,
  parseQueueUri,
  parseServerAddress,
  queueInfo,
  type QueueInfo,
  queueInfoOf,
  type QueueMode,
  queueUri,
  type QueueUri,
  SmpError,
} from "@smpkit/smp"
import { hex, loadVectors, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { letters, rk, vectorPairs } from "./fixtures.ts"

const vectors = loadVectors("addresses")
const dhKey = vectorPairs.x25519_1.publicKey
const srv1 = parseServerAddress(
  "smp://0YuTwO05YJWS8rkjn9eLJDjQhFKvIYd8d4xG8X1blIU=@smp8.simplex.im,beccx4yfxxbvyhqypaavemqurytl6hozr47wfc7uuecacjqdvwpw2xid.onion:5223",
)
const srv2 = parseServerAddress("smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@localhost")

function modeOf(one: Vector): QueueMode | undefined {
  const mode = one.find("queueMode")?.text()
  if (mode === undefined) return undefined
  return mode === "QMMessaging" ? "messaging" : "contact"
}

/** What the trailing byte of the bytes says, which has no room for every mode. */
function writtenMode(bytes: Uint8Array): QueueMode | undefined {
  const last = String.fromCharCode(...bytes.subarray(-1))
  const atKey = bytes.subarray(-32).every((byte, i) => byte === dhKey.raw[i])
  if (atKey) return undefined
  return last === "M" || last === "T" ? "messaging" : "contact"
}

describe("recorded queue addresses", () => {
  const items = vectors.at("queueUris").items()
  test.each(items.map((one) => [one.at("str").text(), one] as const))("%s", (text, one) => {
    const value: QueueUri = {
      versions: { min: one.at("vRange", 0).number(), max: one.at("vRange", 1).number() },
      server: text.includes("localhost") ? srv2 : srv1,
      senderId: letters("s"),
      dhKey,
      mode: modeOf(one),
    }
    expect(formatQueueUri(value)).toBe(text)
    expect(parseQueueUri(text)).toEqual(value)
    const bytes = one.at("smp").bytes()
    expect(encode(queueUri, value)).toEqual(bytes)
    expect(decode(queueUri, bytes)).toEqual({ ...value, mode: writtenMode(bytes) })
  })
})

describe("recorded queue infos", () => {
  const items = vectors.at("queueInfos").items()
  items.forEach((one, i) => {
    const version = one.at("version").number()
    test(`${i}: version ${version}, ${modeOf(one) ?? "no mode"}`, () => {
      const bytes = one.at("smp").bytes()
      const server = i < items.length / 2 ? srv1 : srv2
      const value: QueueInfo = { version, server, senderId: letters("s"), dhKey, mode: modeOf(one) }
      expect(encode(queueInfo, value)).toEqual(bytes)
      const read: QueueInfo = { ...value, mode: writtenMode(bytes) }
      const { hosts, port, keyHash } = server
      expect(decode(queueInfo, bytes)).toEqual(
        version === 1 ? { ...read, server: { hosts: [hosts[0]], port, keyHash } } : read,
      )
    })
  })
})

describe("other spellings that are read", () => {
  const key = toBase64Url(encodePublicKey(dhKey))
  const start = `smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@localhost/${toBase64Url(letters("s"))}`
  const value: QueueUri = {
    versions: { min: 1, max: 4 },
    server: srv2,
    senderId: letters("s"),
    dhKey,
    mode: undefined,
  }
  test.each<[string, QueueUri]>([
    [`${start}/#/?v=1-4&dh=${key}`, value],
    [`${start}#/?dh=${key};v=1-4`, value],
    [`${start}#/?v=1-4&dh=${key.replaceAll("=", "")}&unknown=1&unknown=2`, value],
    [`${start}#${key}/?v=1-4`, value],
    [`${start}#${key}`, { ...value, versions: { min: 1, max: 1 } }],
    [`${start}#/?v=4&dh=${key}`, { ...value, versions: { min: 4, max: 4 } }],
    [`${start}#/?v=1-4&dh=${key}&k=s`, { ...value, mode: "messaging" }],
    [`${start}#/?v=1-4&dh=${key}&q=c&k=s`, { ...value, mode: "contact" }],
    [
      `${start}#/?v=2-4&dh=${key}&srv=b.example,[::1]`,
      {
        ...value,
        versions: { min: 2, max: 4 },
        server: { ...srv2, hosts: ["localhost", "b.example", "::1"] },
      },
    ],
  ])("%s", (text, expected) => {
    expect(parseQueueUri(text)).toEqual(expected)
  })

  test.each([
    ["nothing", ""],
    ["an address of a server", "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@localhost"],
    ["no key", `${start}#/?v=1-4`],
    ["no key at all", `${start}#`],
    ["two keys", `${start}#${key}/?v=1-4&dh=${key}`],
    ["no version", `${start}#/?dh=${key}`],
    ["version 0", `${start}#/?v=0-4&dh=${key}`],
    ["a range that ends before it begins", `${start}#/?v=4-1&dh=${key}`],
    ["a version repeated", `${start}#/?v=1-4&v=1-4&dh=${key}`],
    ["a key repeated", `${start}#/?v=1-4&dh=${key}&dh=${key}`],
    ["a mode repeated", `${start}#/?v=1-4&dh=${key}&q=m&q=c`],
    ["k repeated", `${start}#/?v=1-4&dh=${key}&k=s&k=s`],
    ["hosts repeated", `${start}#/?v=1-4&dh=${key}&srv=a&srv=b`],
    ["an unknown mode", `${start}#/?v=1-4&dh=${key}&q=x`],
    ["an unknown k", `${start}#/?v=1-4&dh=${key}&k=x`],
    ["a host that is none", `${start}#/?v=1-4&dh=${key}&srv=a_b`],
    ["a host with a port", `${start}#/?v=1-4&dh=${key}&srv=a:1`],
    ["an Ed25519 key", `${start}#/?v=1-4&dh=${toBase64Url(encodePublicKey(rk.publicKey))}`],
    [
      "bytes behind the key",
      `${start}#/?v=1-4&dh=${toBase64Url(concatBytes(encodePublicKey(dhKey), hex("00")))}`,
    ],
    ["no sender id", `${start.replace(/\/[^/]*$/, "/")}#/?v=1-4&dh=${key}`],
    ["a sender id above 255 bytes", `${start.replace(/\/[^/]*$/, "/")}${"A".repeat(344)}#/?v=1-4&dh=${key}`],
    ["a password", `${start.replace("@", ":password@")}#/?v=1-4&dh=${key}`],
    ["a path", `${start}/more#/?v=1-4&dh=${key}`],
    ["a query before the fragment", `${start}?v=1-4#/?dh=${key}`],
    ["two fragments", `${start}#/?v=1-4&dh=${key}#more`],
    ["a space behind", `${start}#/?v=1-4&dh=${key} `],
    ["a line end behind", `${start}#/?v=1-4&dh=${key}\n`],
    ["a port above 65535", `${start.replace("localhost", "localhost:65536")}#/?v=1-4&dh=${key}`],
    ["a host with letters beyond ASCII", `${start.replace("localhost", "lоcalhost")}#/?v=1-4&dh=${key}`],
  ])("%s is an error", (_, text) => {
    expect(() => parseQueueUri(text)).toThrow(expect.toSatisfy((error) => SmpError.is(error, "LINK")))
  })

  test("16 KiB are read, one more character is an error", () => {
    const text = `${start}#/?v=1-4&dh=${key}&x=`
    const filled = text + "a".repeat(maxLinkLength - text.length)
    expect(parseQueueUri(filled)).toEqual(value)
    expect(() => parseQueueUri(`${filled}a`)).toThrow(expect.toSatisfy((error) => SmpError.is(error, "LINK")))
  })
})

describe("bytes", () => {
  const server = encode(queueUri, {
    versions: { min: 1, max: 4 },
    server: srv2,
    senderId: letters("s"),
    dhKey,
    mode: undefined,
  }).subarray(4)
  test.each(["4d", "54"])("the mode %s is messaging in every version", (mode) => {
    for (const version of ["0002", "0003", "0004", "0009"])
      expect(decode(queueInfo, concatBytes(hex(version), server, hex(mode))).mode).toBe("messaging")
  })
  test.each(["43", "46"])("the mode %s is contact in every version", (mode) => {
    for (const version of ["0002", "0003", "0004", "0009"])
      expect(decode(queueInfo, concatBytes(hex(version), server, hex(mode))).mode).toBe("contact")
  })
  test.each([
    ["version 0", concatBytes(hex("0000"), server)],
    ["another mode", concatBytes(hex("0004"), server, hex("53"))],
    ["two modes", concatBytes(hex("0004"), server, hex("4d4d"))],
    ["a key that is cut", concatBytes(hex("0004"), server).subarray(0, -1)],
  ])("%s is an error", (_, bytes) => {
    expect(() => decode(queueInfo, bytes)).toThrow(WireError)
  })
  test("a range from version 0, or that ends before it begins", () => {
    expect(() => decode(queueUri, concatBytes(hex("0000 0004"), server))).toThrow(WireError)
    expect(() => decode(queueUri, concatBytes(hex("0004 0001"), server))).toThrow(WireError)
  })
})

test("the info of an address has the newest version that both know", () => {
  const uri: QueueUri = {
    versions: { min: 1, max: 9 },
    server: srv2,
    senderId: letters("s"),
    dhKey,
    mode: "contact",
  }
  expect(queueInfoOf(uri)).toEqual({
    version: 4,
    server: srv2,
    senderId: letters("s"),
    dhKey,
    mode: "contact",
  })
  expect(queueInfoOf({ ...uri, versions: { min: 1, max: 3 } }).version).toBe(3)
})
