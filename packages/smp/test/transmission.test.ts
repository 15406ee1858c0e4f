import { type Bytes, concatBytes, toHex, utf8 } from "@smpkit/codec"
import { dh, type KeyPair, sha512, sign } from "@smpkit/crypto"
import {
  authorizationKind,
  authorize,
  encodeTransmission,
  parseTransmission,
  signedBytes,
  type Transmission,
  TransmissionError,
  verifyAuthorization,
} from "@smpkit/smp"
import { hex, loadVectors, ramp } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import {
  commandVectors,
  corrId,
  nId,
  rId,
  rk,
  rk448,
  serviceKey,
  sessionId,
  sId,
  sk,
  srvSess,
  vectorPairs,
  versions,
} from "./fixtures.ts"

const none = new Uint8Array(0)

describe("recorded transmissions", () => {
  const session = commandVectors.at("sessionId").bytes()
  const { ed25519_1, ed448_1, x25519_1, x25519_3 } = vectorPairs
  const keyOf = (name: string): KeyPair<"ed25519" | "ed448" | "x25519"> | undefined => {
    if (name.includes("ed25519_1")) return ed25519_1
    if (name.includes("ed448_1")) return ed448_1
    return name.includes("x25519_1") ? x25519_1 : undefined
  }
  for (const version of versions) {
    for (const one of commandVectors.at("transmissions", version).items()) {
      const name = one.at("name").text()
      test(`${name}, version ${version}`, () => {
        const bytes = one.at("transmission").bytes()
        const parsed = parseTransmission(version, session, bytes)
        expect(parsed.corrId).toEqual(one.at("corrId").bytes())
        expect(parsed.entityId).toEqual(one.at("entityId").bytes())
        expect(parsed.authorization).toEqual(one.at("authenticator").bytes())
        expect(encodeTransmission(version, session, parsed)).toEqual(bytes)
        const signed = signedBytes(session, parsed)
        expect(signed).toEqual(one.at("authorized").bytes())
        const key = keyOf(name)
        if (key === undefined) {
          expect(authorizationKind(parsed.authorization)).toBe("none")
          return
        }
        expect(authorizationKind(parsed.authorization)).toBe(key.publicKey.alg)
        expect(authorize(key, x25519_3.publicKey, parsed.corrId, signed)).toEqual(parsed.authorization)
        const verified = (text: Uint8Array) =>
          verifyAuthorization(key.publicKey, parsed.authorization, x25519_3.privateKey, parsed.corrId, text)
        expect(verified(signed)).toBe(true)
        expect(verified(flipped(signed, signed.length - 1))).toBe(false)
      })
    }
  }
})

test("the recorded authenticator", () => {
  const vector = loadVectors("crypto").at("cbAuthenticate")
  const { x25519_1, x25519_2 } = vectorPairs
  const [nonce, message] = [vector.at("nonce").bytes(), vector.at("msg").bytes()]
  const authenticator = authorize(x25519_2, x25519_1.publicKey, nonce, message)
  expect(toHex(authenticator)).toBe(vector.at("authenticator").text())
  const verified = (sessionPrivate: typeof x25519_1.privateKey) =>
    verifyAuthorization(x25519_2.publicKey, authenticator, sessionPrivate, nonce, message)
  expect(verified(x25519_1.privateKey)).toBe(true)
  expect(verified(x25519_2.privateKey)).toBe(false)
})

describe("worked examples of smp-commands.md", () => {
  const sub = { corrId, entityId: rId, command: utf8("SUB") }
  const signature = hex(
    "c134b2eef7beb32600984ac76f7a21ac9da33d1d1e956b72ef85dc520e2bb49f6f1deb8e2b925ca9a200c0ee8268f25e2f13771fa18b19cbfe73c791b9c4c306",
  )
  const tail = `18${toHex(corrId)} 18${toHex(rId)} 535542`

  test("SUB", () => {
    const signed = signedBytes(sessionId, sub)
    expect(signed).toEqual(hex(`20${toHex(sessionId)} ${tail}`))
    expect(authorize(rk, undefined, corrId, signed)).toEqual(signature)
    const encoded = (version: number) =>
      encodeTransmission(version, sessionId, { ...sub, authorization: signature })
    expect(encoded(16)).toEqual(hex(`40${toHex(signature)} 30 ${tail}`))
    expect(encoded(15)).toEqual(hex(`40${toHex(signature)} ${tail}`))
    expect(encoded(6)).toEqual(hex(`40${toHex(signature)} 20${toHex(sessionId)} ${tail}`))
    expect([encoded(16), encoded(15), encoded(6)].map((bytes) => bytes.length)).toEqual([119, 118, 151])
  })

  test("SEND with an authenticator", () => {
    const send = { corrId, entityId: sId, command: utf8("SEND T hello") }
    const signed = signedBytes(sessionId, send)
    expect(toHex(dh(sk.privateKey, srvSess.publicKey))).toBe(
      "892a310492d3eea078c4b4a3576708d6d4f2c0eaf6ba96905f97d9a1834eae22",
    )
    expect(toHex(sha512(signed))).toMatch(/^4cdd3ea0.*9754aa$/)
    const authorization = authorize(sk, srvSess.publicKey, corrId, signed)
    expect(toHex(authorization)).toBe(
      "b72456f66b572570434602f5c8ab40ab7784b370bf5021b05bc457c445629609b702241db445a2dd078d435020beb7b3f538db578ce78e2e8236819f9cbed561827dc9b72c5bf57fd7b5b61975ed7598",
    )
    expect(encodeTransmission(16, sessionId, { ...send, authorization })).toEqual(
      concatBytes(hex("50"), authorization, hex("30 18"), corrId, hex("18"), sId, send.command),
    )
    expect(encodeTransmission(16, sessionId, { ...send, authorization })).toHaveLength(144)
  })

  test("SEND without authorization, PING and PONG", () => {
    const plain = (entityId: Transmission["entityId"], command: string) =>
      toHex(
        encodeTransmission(18, sessionId, { authorization: none, corrId, entityId, command: utf8(command) }),
      )
    expect(plain(sId, "SEND T hello")).toBe(`0018${toHex(corrId)}18${toHex(sId)}53454e4420542068656c6c6f`)
    expect(plain(none, "PING")).toBe(`0018${toHex(corrId)}0050494e47`)
    expect(plain(none, "PONG")).toBe(`0018${toHex(corrId)}00504f4e47`)
  })

  test("NSUB in a session of a service", () => {
    const kh = hex("2dc25431f561c03f32c6302249a0f3cc6177fa42c6e14874165fd9223ad1c232")
    const nsub = { corrId, entityId: nId, command: utf8("NSUB") }
    const signed = signedBytes(sessionId, nsub)
    const authorization = authorize(rk, undefined, corrId, concatBytes(kh, signed))
    const serviceSignature = sign(serviceKey, signed)
    const bytes = encodeTransmission(16, sessionId, { ...nsub, authorization, serviceSignature })
    expect(toHex(bytes)).toBe(
      "40183b0eef35cb9ef968bdb2f064d42a4d0c92b35d214f70c83a879634a4ee32eed9c42f449a2ad5009e95cdbcf41219577591dff893e71a95ff1ecb1d5711490931406a1d3502bff28bf78db6f508c040658197f91a1ef0798a27f7affee727091ef77d9dc2ea2a4e8b0d3c0dea062497aa49018825f1ca0ab763de851ccb7683e801" +
        `18${toHex(corrId)}18${toHex(nId)}4e535542`,
    )
    expect(bytes).toHaveLength(185)
    expect(parseTransmission(16, sessionId, bytes)).toEqual({ ...nsub, authorization, serviceSignature })
  })
})

describe("transmissions that are refused", () => {
  const body = concatBytes(hex("18"), corrId, hex("18"), rId, utf8("SUB"))
  const errorOf = (version: number, bytes: Bytes): unknown => {
    try {
      return parseTransmission(version, sessionId, bytes)
    } catch (error) {
      expect(error).toBeInstanceOf(TransmissionError)
      return error instanceof TransmissionError ? [error.error.type, error.corrId] : error
    }
  }
  test.each([
    ["nothing", none],
    ["an authorization that is cut", hex("40ff")],
    ["no service byte behind an authorization", hex(`40${"ff".repeat(64)}`)],
    ["a service byte that is none", concatBytes(hex(`40${"ff".repeat(64)}`), hex("32"), body)],
    ["a service signature of another length", concatBytes(hex(`40${"ff".repeat(64)}`), hex("3101ff"), body)],
    ["a correlation id that is cut", hex("00 18 ff")],
    ["no entity", concatBytes(hex("00 18"), corrId)],
  ])("%s is BLOCK, without an id", (_, bytes) => {
    expect(errorOf(18, bytes)).toEqual(["BLOCK", undefined])
  })
  test.each([1, 32, 63, 65, 79, 81, 113, 115, 255])("an authorization of %i bytes is BLOCK", (length) => {
    const authorization = concatBytes(Uint8Array.of(length), new Uint8Array(length))
    expect(errorOf(15, concatBytes(authorization, body))).toEqual(["BLOCK", corrId])
    expect(errorOf(18, concatBytes(authorization, hex("30"), body))).toEqual(["BLOCK", corrId])
  })
  test("another session on version 6 is SESSION", () => {
    const t = { authorization: none, corrId, entityId: rId, command: utf8("SUB") }
    for (const other of [ramp(2, 32), none, ramp(1, 31), ramp(1, 33)])
      expect(errorOf(6, encodeTransmission(6, other, t))).toEqual(["SESSION", corrId])
    expect(errorOf(6, encodeTransmission(6, sessionId, t))).toEqual(t)
    // The session is looked at before the length of the authorization.
    const both = { ...t, authorization: hex("ff") }
    expect(errorOf(6, encodeTransmission(6, ramp(2, 32), both))).toEqual(["SESSION", corrId])
  })
  test("a service signature is written only where it has its place", () => {
    const t = { corrId, entityId: rId, command: utf8("SUB"), serviceSignature: new Uint8Array(64) }
    expect(() => encodeTransmission(15, sessionId, { ...t, authorization: new Uint8Array(64) })).toThrow(
      RangeError,
    )
    expect(() => encodeTransmission(18, sessionId, { ...t, authorization: none })).toThrow(RangeError)
  })
})

describe("authorizations that are refused", () => {
  const signed = signedBytes(sessionId, { corrId, entityId: rId, command: utf8("SUB") })
  const pairs = [rk, rk448, sk]
  const made = pairs.map((pair) => authorize(pair, srvSess.publicKey, corrId, signed))
  const verified = (
    i: number,
    authorization: Uint8Array,
    nonce: Uint8Array = corrId,
    text: Uint8Array = signed,
  ) => {
    const key = pairs[i]?.publicKey ?? rk.publicKey
    return verifyAuthorization(key, authorization, srvSess.privateKey, nonce, text)
  }

  test("each kind verifies only as itself", () => {
    expect(made.map(authorizationKind)).toEqual(["ed25519", "ed448", "x25519"])
    expect(pairs.map((_, i) => made.map((authorization) => verified(i, authorization)))).toEqual([
      [true, false, false],
      [false, true, false],
      [false, false, true],
    ])
  })
  test("one bit of authorization or text changed", () => {
    made.forEach((authorization, i) => {
      for (let at = 0; at < authorization.length; at += 7)
        expect(verified(i, flipped(authorization, at))).toBe(false)
      for (let at = 0; at < signed.length; at += 7)
        expect(verified(i, authorization, corrId, flipped(signed, at))).toBe(false)
      expect(verified(i, none)).toBe(false)
    })
  })
  test("an authenticator under another correlation id, with another session key or without one", () => {
    const authenticator = made[2] ?? none
    expect(verified(2, authenticator, rId)).toBe(false)
    expect(verifyAuthorization(sk.publicKey, authenticator, undefined, corrId, signed)).toBe(false)
    expect(
      verifyAuthorization(sk.publicKey, authenticator, vectorPairs.x25519_2.privateKey, corrId, signed),
    ).toBe(false)
    expect(() => authorize(sk, undefined, corrId, signed)).toThrow(RangeError)
  })
  test("a correlation id that is short or long counts as zero-padded or cut", () => {
    const short = authorize(sk, srvSess.publicKey, corrId.subarray(0, 4), signed)
    expect(verified(2, short, concatBytes(corrId.subarray(0, 4), new Uint8Array(20)))).toBe(true)
    expect(verified(2, made[2] ?? none, concatBytes(corrId, hex("ff")))).toBe(true)
  })
})

function flipped(bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
