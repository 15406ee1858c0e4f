import { type Bytes, decode, encode, fromBase64Url, toBase64Url, toHex, utf8, WireError } from "@smpkit/codec"
import { generateKeyPair, encodePublicKey } from "@smpkit/crypto"
import {
  formatRatchetParametersUri,
  generateX3dhKeys,
  type KemParameter,
  parseRatchetParametersUri,
  proposedRatchetParameters,
  ratchetParameters,
  ratchetParametersOf,
  ratchetParametersUri,
  ratchetParametersUriOf,
  x3dhInitiator,
  x3dhJoiner,
  x3dhKeys,
} from "@smpkit/ratchet"
import { loadVectors, seededRandom } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { kemParameter } from "../src/kem.ts"

const random = seededRandom("parameters")
const keys = generateX3dhKeys(random)
const wire = (type: "P" | "A"): Bytes =>
  Uint8Array.of(
    ...utf8(type),
    ...(type === "A" ? [0x04, 0x0f, ...random.bytes(1039)] : []),
    ...[0x04, 0x86, ...random.bytes(1158)],
  )
const proposed: KemParameter = decode(kemParameter, wire("P"))
const accepted: KemParameter = decode(kemParameter, wire("A"))

describe("binary parameters", () => {
  test("sizes of each form", () => {
    const none = ratchetParametersOf(3, keys)
    expect(encode(ratchetParameters, ratchetParametersOf(2, keys)).length).toBe(140)
    expect([none, { ...none, kem: proposed }, { ...none, kem: accepted }].map(size)).toEqual([
      141, 1302, 2343,
    ])
    const uri = ratchetParametersUriOf(keys)
    expect(encode(ratchetParametersUri, uri).length).toBe(143)
    if (proposed.type !== "P") expect.fail()
    expect(encode(ratchetParametersUri, { ...uri, kem: proposed }).length).toBe(1304)
    function size(
      p: typeof none | { version: number; key1: typeof none.key1; key2: typeof none.key2; kem: KemParameter },
    ): number {
      return encode(ratchetParameters, p).length
    }
  })

  test("KEM keys parse and re-encode to the same bytes", () => {
    for (const kem of [proposed, accepted]) {
      const bytes = encode(ratchetParameters, { ...ratchetParametersOf(3, keys), kem })
      const read = decode(ratchetParameters, bytes)
      expect(read.kem?.type).toBe(kem.type)
      expect(toHex(encode(ratchetParameters, read))).toBe(toHex(bytes))
    }
  })

  test("a side that speaks first may propose only", () => {
    const withKem = (kem: KemParameter): Bytes =>
      encode(ratchetParameters, { ...ratchetParametersOf(3, keys), kem })
    expect(decode(proposedRatchetParameters, withKem(proposed)).kem?.type).toBe("P")
    expect(() => decode(proposedRatchetParameters, withKem(accepted))).toThrow(WireError)
    const uri = encode(ratchetParametersUri, ratchetParametersUriOf(keys))
    const withAccepted = Uint8Array.of(...uri.slice(0, -1), 0x31, ...encode(kemParameter, accepted))
    expect(() => decode(ratchetParametersUri, withAccepted)).toThrow(WireError)
  })

  test("lengths of KEM keys and ciphertexts are checked", () => {
    for (const [length, type] of [
      [1157, "P"],
      [1159, "P"],
      [0, "P"],
    ] as const) {
      const bytes = Uint8Array.of(...utf8(type), length >> 8, length & 0xff, ...new Uint8Array(length))
      expect(() => decode(kemParameter, bytes)).toThrow(WireError)
    }
    const ciphertext = Uint8Array.of(0x41, 0x04, 0x0e, ...new Uint8Array(1038), ...wire("P").slice(1))
    expect(() => decode(kemParameter, ciphertext)).toThrow(WireError)
    expect(() => decode(kemParameter, utf8("Q"))).toThrow(WireError)
  })

  test("version 2 has no place for a KEM", () => {
    expect(() => encode(ratchetParameters, { ...ratchetParametersOf(2, keys), kem: proposed })).toThrow(
      RangeError,
    )
    const bytes = encode(ratchetParameters, ratchetParametersOf(2, keys))
    expect(() => decode(ratchetParameters, Uint8Array.of(...bytes, 0x30))).toThrow(WireError)
  })

  test("only X448 keys", () => {
    const x25519 = encodePublicKey(generateKeyPair("x25519", random).publicKey)
    const bytes = Uint8Array.of(0, 3, x25519.length, ...x25519, x25519.length, ...x25519, 0x30)
    expect(() => decode(ratchetParameters, bytes)).toThrow(WireError)
  })

  test("an unknown version is read, so that it can be refused by name", () => {
    const bytes = encode(ratchetParameters, ratchetParametersOf(4, keys))
    const own = generateX3dhKeys(random)
    expect(() => x3dhInitiator(own, decode(ratchetParameters, bytes))).toThrow(
      expect.objectContaining({ code: "VERSION" }) as Error,
    )
  })
})

describe("text parameters", () => {
  test("addresses.json, e2eParamsUri", () => {
    const vectors = loadVectors("addresses").at("e2eParamsUri").items()
    expect(vectors.map((v) => v.at("kem").boolean())).toEqual([false, true])
    for (const v of vectors) {
      const parsed = parseRatchetParametersUri(v.at("str").text())
      expect(formatRatchetParametersUri(parsed)).toBe(v.at("str").text())
      expect(toHex(encode(ratchetParametersUri, parsed))).toBe(v.at("smp").text())
      expect(decode(ratchetParametersUri, v.at("smp").bytes())).toEqual(parsed)
      expect(parsed.kem !== undefined).toBe(v.at("kem").boolean())
    }
  })

  const text = formatRatchetParametersUri(ratchetParametersUriOf(keys))
  const kemKey = toBase64Url(new Uint8Array(1158).fill(7))

  test("a KEM key below version 3 is neither read nor written", () => {
    const parsed = parseRatchetParametersUri(`${text}&kem_key=${kemKey}`)
    expect(parsed.kem?.type).toBe("P")
    expect(formatRatchetParametersUri({ ...parsed, versions: { min: 2, max: 2 } })).toBe(
      text.replace("2-3", "2"),
    )
    expect(parseRatchetParametersUri(`${text.replace("2-3", "2")}&kem_key=${kemKey}`).kem).toBeUndefined()
    expect(parseRatchetParametersUri(`${text.replace("2-3", "2")}&kem_key=nonsense!`).kem).toBeUndefined()
  })

  test("unknown parameters and missing padding are ignored", () => {
    const parsed = parseRatchetParametersUri(text)
    expect(parseRatchetParametersUri(`later=1&${text}&flag`)).toEqual(parsed)
    expect(parseRatchetParametersUri(text.replaceAll("=,", ",").replace(/=$/, ""))).toEqual(parsed)
    expect(fromBase64Url(text.slice(text.indexOf("x3dh=") + 5, text.indexOf(",")))).toEqual(
      encodePublicKey(keys.key1.publicKey),
    )
  })

  test.each([
    ["nothing", ""],
    ["no keys", "v=2-3"],
    ["no versions", text.slice(text.indexOf("x3dh"))],
    ["one key", text.slice(0, text.indexOf(","))],
    ["three keys", `${text},${text.slice(text.indexOf(",") + 1)}`],
    ["a repeated parameter", `${text}&v=2-3`],
    ["a name without value", `${text}&kem_key`],
    ["an accepted KEM key", `${text}&kem_ct=${toBase64Url(new Uint8Array(1039))}&kem_key=${kemKey}`],
    ["a KEM key of a wrong length", `${text}&kem_key=${toBase64Url(new Uint8Array(1157))}`],
    ["versions the wrong way round", text.replace("2-3", "3-2")],
    ["no base64", text.replace("x3dh=M", "x3dh=%")],
    ["a key of small order", `v=2-3&x3dh=${smallOrder()},${smallOrder()}`],
  ])("%s: WireError", (_name, wrong) => {
    expect(() => parseRatchetParametersUri(wrong)).toThrow(WireError)
  })

  function smallOrder(): string {
    const der = encodePublicKey(keys.key1.publicKey).fill(0, 12)
    return toBase64Url(der)
  }
})

describe("key agreement", () => {
  const peer = generateX3dhKeys(random)

  test("both sides agree; an ignored proposal changes nothing", () => {
    const secrets = x3dhInitiator(keys, ratchetParametersOf(3, peer))
    expect(x3dhJoiner(peer, ratchetParametersUriOf(keys))).toEqual(secrets)
    expect(x3dhInitiator(keys, { ...ratchetParametersOf(3, peer), kem: proposed })).toEqual(secrets)
    expect(x3dhJoiner(peer, { ...ratchetParametersOf(3, keys), kem: proposed })).toEqual(secrets)
  })

  test("KEM_STATE: an accepted key that was not proposed", () => {
    const refused = expect.objectContaining({ code: "KEM_STATE" }) as Error
    expect(() => x3dhInitiator(keys, { ...ratchetParametersOf(3, peer), kem: accepted })).toThrow(refused)
    expect(() => x3dhJoiner(keys, { ...ratchetParametersOf(3, peer), kem: accepted })).toThrow(refused)
  })

  test("other keys, other secrets", () => {
    const others = generateX3dhKeys(random)
    const a = x3dhInitiator(keys, ratchetParametersOf(3, peer))
    const b = x3dhInitiator(keys, ratchetParametersOf(3, others))
    for (const name of ["ad", "headerKey", "nextHeaderKey", "rootKey"] as const)
      expect(a[name]).not.toEqual(b[name])
  })

  test("keys in the store", () => {
    const bytes = encode(x3dhKeys, keys)
    const read = decode(x3dhKeys, bytes)
    expect(toHex(encode(x3dhKeys, read))).toBe(toHex(bytes))
    expect(read.key2.publicKey).toEqual(keys.key2.publicKey)
    expect(() => decode(x3dhKeys, bytes.slice(1))).toThrow(WireError)
    expect(() => decode(x3dhKeys, bytes.fill(0))).toThrow(WireError)
  })
})
