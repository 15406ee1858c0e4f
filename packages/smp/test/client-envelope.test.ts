import { concatBytes, decode, toHex, utf8, WireError } from "@smpkit/codec"
import { boxKey, CryptoError, dh, sealPaddedBox, sha256 } from "@smpkit/crypto"
import {
  clientEnvelope,
  type ClientMessage,
  confirmationLength,
  maxBodyLength,
  messageLength,
  maxPayloadLength,
  openClientMessage,
  parseClientEnvelope,
  type PrivateHeader,
  sealClientMessage,
} from "@smpkit/smp"
import { hex, loadVectors, ramp } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { e2eR, e2eS, rk448, sk, vectorPairs, versions } from "./fixtures.ts"

const empty: PrivateHeader = { type: "_" }

describe("recorded envelopes", () => {
  const vectors = loadVectors("agent")
  const { ed25519_1, x25519_1, x25519_2 } = vectorPairs
  const nonce = vectors.at("clientMessageNonce").bytes()
  const key = boxKey(dh(x25519_2.privateKey, x25519_1.publicKey))
  const payload = utf8("agent envelope")
  const values: readonly [ClientMessage, boolean][] = [
    [{ header: { type: "K", senderKey: ed25519_1.publicKey }, payload }, true],
    [{ header: empty, payload }, true],
    [{ header: empty, payload }, false],
  ]
  vectors
    .at("clientMessages")
    .items()
    .forEach((one, i) => {
      test(one.at("name").text(), () => {
        const [message, confirmation] = values[i] ?? [undefined, false]
        if (message === undefined) throw new Error("no value")
        const senderKey = confirmation ? x25519_2.publicKey : undefined
        const body = sealClientMessage(key, { version: 4, senderKey, nonce }, message)
        expect(body).toHaveLength(one.at("len").number())
        expect(toHex(body.subarray(0, 128))).toBe(one.at("head128").text())
        expect(toHex(sha256(body))).toBe(one.at("sha256").text())
        const envelope = parseClientEnvelope(body)
        expect(envelope).toMatchObject({ version: 4, senderKey, nonce })
        expect(openClientMessage(key, envelope)).toEqual(message)
      })
    })

  test("limits", () => {
    for (const version of versions)
      expect(maxBodyLength(version)).toBe(vectors.at("paddedLengths", "maxMessageLength", version).number())
    expect(confirmationLength).toBe(vectors.at("paddedLengths", "e2eEncConfirmationLength").number())
    expect(messageLength).toBe(vectors.at("paddedLengths", "e2eEncMessageLength").number())
  })
})

describe("worked examples of smp-client-crypto.md", () => {
  const secret = dh(e2eS.privateKey, e2eR.publicKey)
  const key = boxKey(secret)
  const nonce = ramp(0x08, 24)
  test("the secret, from either side", () => {
    expect(toHex(secret)).toBe("35f8613f812fb03245e433cf2432729ee6591dbac7a4ba4c73342f44babcf64d")
    expect(dh(e2eR.privateKey, e2eS.publicKey)).toEqual(secret)
  })
  test("a later message", () => {
    const message = { header: empty, payload: utf8("agent-message") }
    const body = sealClientMessage(key, { version: 4, senderKey: undefined, nonce }, message)
    expect(body.subarray(0, 51)).toEqual(
      concatBytes(hex("0004 30"), nonce, hex("885a5c404ba5d31ab38b0f4fa5f99073 53c272c5ca5c8838")),
    )
    expect(body).toHaveLength(16043)
    expect(toHex(sha256(body))).toBe("17e12e25704e18a3fc0b53e430e8b837ad45670f8c7f899279e08b6e315403fe")
  })
  test("a confirmation with a key", () => {
    const message: ClientMessage = { header: { type: "K", senderKey: sk.publicKey }, payload: utf8("conf") }
    const body = sealClientMessage(key, { version: 4, senderKey: e2eS.publicKey, nonce }, message)
    expect(body.subarray(0, 80)).toEqual(
      concatBytes(
        hex("0004 31 2c 302a300506032b656e032100"),
        e2eS.publicKey.raw,
        nonce,
        hex("e2b3746ef971febc"),
      ),
    )
    expect(body).toHaveLength(15992)
    expect(toHex(sha256(body))).toBe("fcb91e9317e717e9de11e25bf21b32ead633e873cf682b7f1b8ae65bce0d9676")
    expect(openClientMessage(key, parseClientEnvelope(body))).toEqual(message)
  })
})

describe("lengths", () => {
  const key = boxKey(ramp(1, 32))
  const nonce = ramp(0, 24)
  test.each<[string, typeof e2eS.publicKey | undefined, PrivateHeader, number, number]>([
    ["confirmation", e2eS.publicKey, empty, 15901, 15992],
    ["confirmation with X25519", e2eS.publicKey, { type: "K", senderKey: sk.publicKey }, 15856, 15992],
    ["confirmation with Ed448", e2eS.publicKey, { type: "K", senderKey: rk448.publicKey }, 15831, 15992],
    ["later message", undefined, empty, 15997, 16043],
  ])("%s", (_, senderKey, header, longest, length) => {
    expect(maxPayloadLength(senderKey, header)).toBe(longest)
    const sealed = (size: number) =>
      sealClientMessage(key, { version: 4, senderKey, nonce }, { header, payload: new Uint8Array(size) })
    expect(sealed(longest)).toHaveLength(length)
    expect(sealed(0)).toHaveLength(length)
    expect(() => sealed(longest + 1)).toThrow(RangeError)
  })
  test("another padded length is opened as well", () => {
    const encBody = sealPaddedBox(key, nonce, utf8("_hello"), 15950)
    expect(openClientMessage(key, { version: 4, senderKey: undefined, nonce, encBody })).toEqual({
      header: empty,
      payload: utf8("hello"),
    })
  })
})

describe("what does not open", () => {
  const key = boxKey(ramp(1, 32))
  const nonce = ramp(0, 24)
  test.each([
    ["nothing", ""],
    ["a version alone", "0004"],
    ["neither 0 nor 1", `0004 32 ${"00".repeat(40)}`],
    ["a nonce that is cut", `0004 30 ${"00".repeat(23)}`],
    ["an Ed25519 key", `0004 31 2c302a300506032b6570032100${"05".repeat(32)} ${"00".repeat(40)}`],
    ["a key of small order", `0004 31 2c302a300506032b656e032100${"00".repeat(32)} ${"00".repeat(40)}`],
  ])("%s is no envelope", (_, body) => {
    expect(() => parseClientEnvelope(hex(body))).toThrow(WireError)
  })
  test.each([
    ["nothing", ""],
    ["another header", "58"],
    ["a K without a key", "4b"],
    ["a K with a key of X448", `4b443042300506032b656f033900${"05".repeat(56)}`],
  ])("%s is no client message", (_, plain) => {
    const encBody = sealPaddedBox(key, nonce, hex(plain), 16000)
    expect(() => openClientMessage(key, { version: 4, senderKey: undefined, nonce, encBody })).toThrow(
      WireError,
    )
  })
  test("a box that was changed, cut, or made under another key", () => {
    const body = sealClientMessage(
      key,
      { version: 4, senderKey: undefined, nonce },
      { header: empty, payload: nonce },
    )
    const envelope = decode(clientEnvelope, body)
    const changed = new Uint8Array(envelope.encBody)
    changed[0] = (changed[0] ?? 0) ^ 1
    for (const open of [
      () => openClientMessage(boxKey(ramp(2, 32)), envelope),
      () => openClientMessage(key, { ...envelope, encBody: changed }),
      () => openClientMessage(key, { ...envelope, encBody: envelope.encBody.slice(1) }),
      () => openClientMessage(key, { ...envelope, encBody: new Uint8Array(0) }),
      () => openClientMessage(key, { ...envelope, nonce: ramp(1, 24) }),
    ])
      expect(open).toThrow(expect.toSatisfy((error) => CryptoError.is(error, "DECRYPT")))
  })
})
