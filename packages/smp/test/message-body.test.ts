import { concatBytes, toHex, utf8, WireError } from "@smpkit/codec"
import { boxKey, boxNonce, CryptoError, dh, openPaddedBox, sealPaddedBox, sha256 } from "@smpkit/crypto"
import { encodeBrokerMessage, openMessageBody, type ReceivedMessage, sealMessageBody } from "@smpkit/smp"
import { hex, ramp } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { commandVectors, msgId, rdh, srvDh, time, vectorPairs } from "./fixtures.ts"

describe("recorded bodies", () => {
  const vector = commandVectors.at("rcvMessage")
  const id = vector.at("msgId").bytes()
  const secret = dh(vectorPairs.x25519_2.privateKey, vectorPairs.x25519_1.publicKey)
  const key = boxKey(secret)
  const values: Readonly<Record<string, ReceivedMessage>> = {
    message: { type: "message", time, notification: true, body: utf8("message body") },
    quota: { type: "quota", time },
  }
  test("the secret", () => {
    expect(toHex(secret)).toBe(vector.at("secret").text())
  })
  test.each(Object.entries(values))("%s", (name, message) => {
    const recorded = vector.at(name)
    const body = sealMessageBody(key, id, message)
    expect(openPaddedBox(key, boxNonce(id), body)).toEqual(recorded.at("plain").bytes())
    expect(toHex(body.subarray(0, 64))).toBe(recorded.at("encryptedHead64").text())
    expect(body).toHaveLength(recorded.at("encryptedLen").number())
    expect(toHex(sha256(body))).toBe(recorded.at("encryptedSha256").text())
    expect(openMessageBody(key, id, body)).toEqual(message)
  })
})

test("the worked example of smp-commands.md", () => {
  const secret = dh(rdh.privateKey, srvDh.publicKey)
  expect(toHex(secret)).toBe("d6fb939511b2381bc8599b4b8edc5968829450dfd7a87aebe78a703cd04cd54e")
  const body = sealMessageBody(boxKey(secret), msgId, {
    type: "message",
    time,
    notification: true,
    body: utf8("hello"),
  })
  expect(toHex(body)).toMatch(/^e7b31484cc95d0893e72412cf79c067287a8d641232568417a07270f/)
  expect(toHex(sha256(body))).toBe("79a7d09505db12f035dce2da2575a81e4a62099aa95967839d9713becbd039eb")
  const message = encodeBrokerMessage(18, { type: "MSG", msgId, body })
  expect(message).toEqual(concatBytes(hex("4d534720 18"), msgId, body))
})

test("NMSG of smp-commands.md opens", () => {
  const key = boxKey(dh(rdh.privateKey, srvDh.publicKey))
  const meta = hex(
    "e72f843ca9f7b5f7945414f48392eb64aca91d84b3988c8f0611f3c8e314d1d6b3825f0c977171032b4a5dc7355b508be0e8b80895f21475ef81ad552d92fc11383a18f31d5693dc693a741e0d7362fbd493ce28b59bb77fefd2057a97d5f9b728e83d8f5d162f659e39845a13fd4b02f35b9d84c77496c4eda4425640177bf58c07e90c968676d6203a65cb278a065c",
  )
  expect(openPaddedBox(key, ramp(0x10, 24), meta)).toEqual(
    concatBytes(hex("18"), msgId, hex("0000000061d02bc5")),
  )
})

describe("bodies that do not open", () => {
  const key = boxKey(ramp(1, 32))
  const sealed = (plain: Uint8Array) => sealPaddedBox(key, boxNonce(msgId), plain, 16106)
  const good = sealMessageBody(key, msgId, {
    type: "message",
    time,
    notification: false,
    body: utf8("hello"),
  })
  const isDecrypt = (error: unknown) => CryptoError.is(error, "DECRYPT")

  test("another key, another id, a byte changed, cut or empty", () => {
    const changed = new Uint8Array(good)
    changed[5000] = (changed[5000] ?? 0) ^ 1
    for (const open of [
      () => openMessageBody(boxKey(ramp(2, 32)), msgId, good),
      () => openMessageBody(key, ramp(1, 24), good),
      () => openMessageBody(key, msgId, changed),
      () => openMessageBody(key, msgId, good.subarray(1)),
      () => openMessageBody(key, msgId, new Uint8Array(0)),
    ])
      expect(open).toThrow(expect.toSatisfy(isDecrypt))
  })
  test.each([
    ["nothing", ""],
    ["a time alone", "0000000061d02bc5"],
    ["no space behind the flags", "0000000061d02bc554"],
    ["flags that are none", "0000000061d02bc5582068"],
    ["a quota mark without a time", toHex(utf8("QUOTA "))],
    ["bytes behind a quota mark", `${toHex(utf8("QUOTA "))}0000000061d02bc500`],
    ["a time that no number holds", "7fffffffffffffff542068"],
  ])("%s is no message", (_, plain) => {
    expect(() => openMessageBody(key, msgId, sealed(hex(plain)))).toThrow(WireError)
  })
  test("flags that are not known are skipped", () => {
    expect(openMessageBody(key, msgId, sealed(hex("0000000061d02bc5 545859 20 68")))).toEqual({
      type: "message",
      time,
      notification: true,
      body: hex("68"),
    })
  })
  test("a body that is too long for the padding", () => {
    const message = { type: "message", time, notification: false, body: new Uint8Array(16095) } as const
    expect(() => sealMessageBody(key, msgId, message)).toThrow(RangeError)
    expect(sealMessageBody(key, msgId, { ...message, body: new Uint8Array(16094) })).toHaveLength(16122)
  })
})
