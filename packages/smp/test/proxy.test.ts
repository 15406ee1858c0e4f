import { type Bytes, concatBytes, encode, shortBytes, toHex, u16, utf8 } from "@smpkit/codec"
import { boxKey, dh, PrivateKey, sealBox, sealPaddedBox, sha256, x25519PublicKey } from "@smpkit/crypto"
import {
  authorize,
  encodeBatches,
  encodeBrokerMessage,
  encodeCommand,
  encodeTransmission,
  parseBatch,
  parseTransmission,
  signedBytes,
} from "@smpkit/smp"
import { hex, loadVectors, ramp, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { cmdKey, letters, sId, srvSess, vectorKey, vectorPairs } from "./fixtures.ts"

// smp-commands.md, "Proxy". The layers are built from their parts here; no code of the package forwards yet.
const version = 17
const none: Bytes = new Uint8Array(0)

function checked(bytes: Uint8Array, recorded: Vector): void {
  expect(bytes).toHaveLength(recorded.at("len").number())
  expect(toHex(bytes.subarray(0, 64))).toBe(recorded.at("head64").text())
  expect(toHex(sha256(bytes))).toBe(recorded.at("sha256").text())
}

describe("the recorded message through a proxy", () => {
  const vectors = loadVectors("proxy")
  const { x25519_1, x25519_2, x25519_3 } = vectorPairs
  const [nonce, nonce2] = [vectors.at("nonce").bytes(), vectors.at("nonce2").bytes()]
  const sessionId = vectors.at("sessionId").bytes()
  const commandPair = vectorKey(vectors, "commandKey", "x25519")
  const commandSecret = dh(commandPair.privateKey, x25519_3.publicKey)
  const sessionSecret = vectors.at("sessSecret").bytes()
  const send = {
    corrId: nonce,
    entityId: letters("s"),
    command: encodeCommand(version, { type: "SEND", notification: true, body: utf8("hello") }),
  }

  test("the inner transmission, authorized for the relay", () => {
    const signed = signedBytes(sessionId, send)
    expect(toHex(signed)).toBe(vectors.at("authorized").text())
    const authorization = authorize(x25519_1, x25519_3.publicKey, nonce, signed)
    const transmission = encodeTransmission(version, sessionId, { ...send, authorization })
    expect(encodeBatches([transmission])).toEqual([vectors.at("innerBlock").bytes()])
  })

  test("the layers of client, proxy and relay", () => {
    expect(toHex(commandSecret)).toBe(vectors.at("cmdSecret").text())
    expect(dh(x25519_2.privateKey, x25519_3.publicKey)).toEqual(sessionSecret)
    const sealed = sealPaddedBox(boxKey(commandSecret), nonce, vectors.at("innerBlock").bytes(), 16226)
    checked(sealed, vectors.at("encTransmission"))
    const forwarded = concatBytes(
      encode(shortBytes, nonce),
      encode(u16, version),
      encode(x25519PublicKey, commandPair.publicKey),
      sealed,
    )
    checked(forwarded, vectors.at("fwdTransmission"))
    checked(sealBox(boxKey(sessionSecret), nonce2, forwarded), vectors.at("encFwdTransmission"))
  })

  test("the answer", () => {
    const block = vectors.at("responseInnerBlock").bytes()
    const [answer] = parseBatch(block)
    expect(parseTransmission(version, sessionId, answer ?? none)).toEqual({
      authorization: none,
      corrId: nonce,
      entityId: letters("s"),
      command: encodeBrokerMessage(version, { type: "OK" }),
    })
    const sealed = sealPaddedBox(boxKey(commandSecret), reversed(nonce), block, 16226)
    checked(sealed, vectors.at("encResponse"))
    const forwarded = concatBytes(encode(shortBytes, nonce), sealed)
    checked(sealBox(boxKey(sessionSecret), reversed(nonce2), forwarded), vectors.at("encFwdResponse"))
  })
})

test("the worked example of smp-commands.md", () => {
  const relaySession = ramp(0xd0, 32)
  const [n1, n2] = [ramp(0x44, 24), ramp(0x66, 24)]
  const sessionSecret = dh(new PrivateKey("x25519", ramp(0xa0, 32)), srvSess.publicKey)
  const command = encodeCommand(version, { type: "SEND", notification: true, body: utf8("hello") })
  const inner = encodeTransmission(version, relaySession, {
    authorization: none,
    corrId: n1,
    entityId: sId,
    command,
  })
  const [block = none] = encodeBatches([inner])
  expect(block).toEqual(hex(`01 003f 00 18${toHex(n1)} 18${toHex(sId)} 53454e4420542068656c6c6f`))
  const s1 = dh(cmdKey.privateKey, srvSess.publicKey)
  expect(toHex(s1)).toBe("8be10d3e1057346a8dbc7cd02df14fc6cd2445b99ed90a25f38e90992d35695a")
  const sealed = sealPaddedBox(boxKey(s1), n1, block, 16226)
  expect(toHex(sealed)).toMatch(/^99b91ea62120590f70f97de8bcbff98e/)
  expect(toHex(sha256(sealed))).toBe("2ccbbcea213d54b8015e04880f4bf54b57963c66be861064b1dcbf9fb6ce08bb")

  const pfwd = encodeCommand(18, { type: "PFWD", version, commandKey: cmdKey.publicKey, sealed })
  const outer = encodeTransmission(18, none, {
    authorization: none,
    corrId: n1,
    entityId: relaySession,
    command: pfwd,
  })
  expect([pfwd.length, outer.length]).toEqual([16294, 16353])
  expect(toHex(sha256(outer))).toBe("a6c009434f2bfbb73783b4f90a2060809ad3b8704c20b8c70ba7961325b58aae")

  const header = concatBytes(
    encode(shortBytes, n1),
    encode(u16, version),
    encode(x25519PublicKey, cmdKey.publicKey),
  )
  const rfwd = encodeCommand(18, {
    type: "RFWD",
    sealed: sealBox(boxKey(sessionSecret), n2, concatBytes(header, sealed)),
  })
  expect(rfwd).toHaveLength(16335)
  expect(toHex(sha256(rfwd))).toBe("bf3c0a2b5eea630e307ac8df5d12997b32500ff41784d1e341a15d7cbecda90a")

  const answer = encodeTransmission(version, relaySession, {
    authorization: none,
    corrId: n1,
    entityId: sId,
    command: encodeBrokerMessage(version, { type: "OK" }),
  })
  const [answerBlock = none] = encodeBatches([answer])
  expect(answerBlock).toEqual(hex(`01 0035 00 18${toHex(n1)} 18${toHex(sId)} 4f4b`))
  const er = sealPaddedBox(boxKey(s1), reversed(n1), answerBlock, 16226)
  expect(toHex(sha256(er))).toBe("e2d3618b22c0e02b7ad987dcc1cb9ade908eb76bf3e64a4ee5dd14b8db927eca")
  const rres = encodeBrokerMessage(18, {
    type: "RRES",
    sealed: sealBox(boxKey(sessionSecret), reversed(n2), concatBytes(encode(shortBytes, n1), er)),
  })
  const pres = encodeBrokerMessage(18, { type: "PRES", sealed: er })
  expect([rres.length, pres.length]).toEqual([16288, 16247])
  expect(toHex(sha256(rres))).toBe("625d677d4f1cb8c7637d0211fbe128509ff0a16ea9ee2cc2180ba4713f0df669")
  expect(toHex(sha256(pres))).toBe("bc8eb2fe921e30ceb7cee2e21fe0bae7850514439a74c7565d27a121c9287a46")
})

function reversed(bytes: Bytes): Bytes {
  return new Uint8Array(bytes).reverse()
}
