import { concatBytes, toHex, utf8 } from "@smpkit/codec"
import { sha3_384 } from "@smpkit/crypto"
import { type Command, CommandError, encodeCommand, parseCommand, parseServerAddress } from "@smpkit/smp"
import { hex } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import {
  cmdKey,
  commandVectors,
  corrId,
  kh,
  letters,
  msgId,
  rdh,
  rId,
  rk,
  rk448,
  sId,
  sk,
  vectorPairs,
  versions,
} from "./fixtures.ts"

const { ed25519_1, ed25519_2, ed448_1, x25519_1, x25519_2, x25519_3 } = vectorPairs
const link = { fixed: letters("f", 2048), user: letters("u", 100) }
const srv1 = parseServerAddress(
  "smp://0YuTwO05YJWS8rkjn9eLJDjQhFKvIYd8d4xG8X1blIU=@smp8.simplex.im,beccx4yfxxbvyhqypaavemqurytl6hozr47wfc7uuecacjqdvwpw2xid.onion:5223",
)

/** The commands of smp-commands.json, written from the description beside each. */
const recorded: Readonly<Record<string, Command>> = {
  "NEW-messaging": {
    type: "NEW",
    authKey: ed25519_1.publicKey,
    dhKey: x25519_2.publicKey,
    basicAuth: undefined,
    subscribe: true,
    queueMode: "messaging",
  },
  "NEW-contact-auth": {
    type: "NEW",
    authKey: x25519_1.publicKey,
    dhKey: x25519_2.publicKey,
    basicAuth: "password",
    subscribe: false,
    queueMode: "contact",
  },
  "NEW-noqueuedata": {
    type: "NEW",
    authKey: ed448_1.publicKey,
    dhKey: x25519_2.publicKey,
    basicAuth: undefined,
    subscribe: true,
    queueMode: undefined,
  },
  "NEW-messaging-link-ntf": {
    type: "NEW",
    authKey: ed25519_1.publicKey,
    dhKey: x25519_2.publicKey,
    basicAuth: undefined,
    subscribe: true,
    queueMode: "messaging",
    linkData: { linkId: undefined, senderId: letters("s"), ...link },
    notifier: { authKey: ed25519_2.publicKey, dhKey: x25519_3.publicKey },
  },
  "NEW-contact-link": {
    type: "NEW",
    authKey: ed25519_1.publicKey,
    dhKey: x25519_2.publicKey,
    basicAuth: undefined,
    subscribe: true,
    queueMode: "contact",
    linkData: { linkId: letters("l"), senderId: letters("s"), ...link },
  },
  SUB: { type: "SUB" },
  SUBS: { type: "SUBS" },
  KEY: { type: "KEY", senderKey: ed25519_1.publicKey },
  RKEY: { type: "RKEY", recipientKeys: [ed25519_1.publicKey, x25519_1.publicKey] },
  LSET: { type: "LSET", linkId: letters("l"), ...link },
  LDEL: { type: "LDEL" },
  NKEY: { type: "NKEY", authKey: ed25519_1.publicKey, dhKey: x25519_2.publicKey },
  NDEL: { type: "NDEL" },
  GET: { type: "GET" },
  ACK: { type: "ACK", msgId: letters("m") },
  OFF: { type: "OFF" },
  DEL: { type: "DEL" },
  QUE: { type: "QUE" },
  SKEY: { type: "SKEY", senderKey: x25519_1.publicKey },
  "SEND-ntf": { type: "SEND", notification: true, body: utf8("hello") },
  "SEND-noflags": { type: "SEND", notification: false, body: utf8("hello") },
  PING: { type: "PING" },
  LKEY: { type: "LKEY", senderKey: ed25519_1.publicKey },
  LGET: { type: "LGET" },
  NSUB: { type: "NSUB" },
  NSUBS: { type: "NSUBS" },
  PRXY: { type: "PRXY", server: { hosts: ["localhost"], port: "", keyHash: kh }, basicAuth: "password" },
  "PRXY-noauth": { type: "PRXY", server: srv1, basicAuth: undefined },
  PFWD: { type: "PFWD", version: 9, commandKey: x25519_1.publicKey, sealed: utf8("encrypted") },
  RFWD: { type: "RFWD", sealed: utf8("encrypted") },
}

/** What a layout of a version has no room for is dropped, so that the parsed command is the recorded one without it. */
function atVersion(version: number, command: Command): Command {
  if (command.type !== "NEW") return command
  const { linkData, notifier, ...plain } = command
  if (version < 9) return { ...plain, queueMode: undefined }
  if (version < 15) return { ...plain, queueMode: plain.queueMode ?? "contact" }
  return version < 17 ? { ...plain, linkData } : { ...plain, linkData, notifier }
}

describe("recorded commands on every version", () => {
  const cases = commandVectors.at("commands").items()
  test("each has its value here", () => {
    expect(cases.map((one) => one.at("name").text()).sort()).toEqual(Object.keys(recorded).sort())
  })
  for (const one of cases) {
    const name = one.at("name").text()
    const command = recorded[name]
    test(name, () => {
      if (command === undefined) throw new Error("no value")
      for (const version of versions) {
        const bytes = one.at("encoded", version).bytes()
        expect(toHex(encodeCommand(version, command))).toBe(toHex(bytes))
        expect(parseCommand(version, bytes)).toEqual(atVersion(version, command))
      }
    })
  }
})

describe("worked examples of smp-commands.md", () => {
  const messaging = {
    type: "NEW",
    authKey: rk.publicKey,
    dhKey: rdh.publicKey,
    basicAuth: undefined,
    subscribe: true,
    queueMode: "messaging",
  } as const satisfies Command
  const senderId = sha3_384(corrId).slice(0, 24)
  const data = { fixed: utf8("FIX"), user: utf8("USR") }
  const start = `4e455720 2c302a300506032b6570032100${toHex(rk.publicKey.raw)}2c302a300506032b656e032100${toHex(rdh.publicKey.raw)}`

  test.each<[string, number, Command, string]>([
    ["v6", 6, messaging, "53"],
    ["v6 with a password", 6, { ...messaging, basicAuth: "pw", subscribe: false }, "4102707743"],
    ["v6 with a password, subscribing", 6, { ...messaging, basicAuth: "pw" }, "4102707753"],
    ["v9", 9, messaging, "30 53 54"],
    ["v15", 15, messaging, "30 53 31 4d30"],
    ["v17", 17, messaging, "30 53 31 4d30 30"],
    [
      "v17 messaging with link data",
      17,
      { ...messaging, linkData: { linkId: undefined, senderId, ...data } },
      "30 53 31 4d 31 18 30195dcc8969a3d020b2060b636820e1fbf7c447a408059a 0003464958 0003555352 30",
    ],
    [
      "v17 contact with link data",
      17,
      { ...messaging, queueMode: "contact", linkData: { linkId: rId, senderId, ...data } },
      `30 53 31 43 31 18 ${toHex(rId)} 18 30195dcc8969a3d020b2060b636820e1fbf7c447a408059a 0003464958 0003555352 30`,
    ],
  ])("NEW %s", (_, version, command, tail) => {
    const bytes = encodeCommand(version, command)
    expect(bytes).toEqual(hex(start + tail))
    expect(encodeCommand(version, parseCommand(version, bytes))).toEqual(bytes)
  })

  test("the length of NEW on version 6", () => {
    expect(encodeCommand(6, messaging)).toHaveLength(95)
  })

  test("PRXY", () => {
    const server = { hosts: ["localhost"], port: "5001", keyHash: kh } as const
    expect(encodeCommand(18, { type: "PRXY", server, basicAuth: undefined })).toEqual(
      hex(`50525859 20 01 096c6f63616c686f7374 0435303031 20${toHex(kh)} 30`),
    )
  })

  test("PFWD", () => {
    const sealed = new Uint8Array(16242)
    const bytes = encodeCommand(18, { type: "PFWD", version: 17, commandKey: cmdKey.publicKey, sealed })
    expect(bytes).toHaveLength(16294)
    expect(bytes.subarray(0, 52)).toEqual(
      hex(`50465744 20 0011 2c302a300506032b656e032100${toHex(cmdKey.publicKey.raw)}`),
    )
  })
})

test("a version that a proxied command invents has the layout of the nearest", () => {
  const command = recorded["NEW-messaging-link-ntf"] ?? { type: "SUB" }
  expect(encodeCommand(99, command)).toEqual(encodeCommand(18, command))
  expect(encodeCommand(1, command)).toEqual(encodeCommand(6, command))
})

describe("what does not parse", () => {
  const key = `2c302a300506032b656e032100${toHex(sk.publicKey.raw)}`
  const ascii = (text: string) => utf8(text)
  test.each([
    ["nothing", ascii("")],
    ["another tag", ascii("SUBX")],
    ["a tag in small letters", ascii("sub")],
    ["a tag of a server", ascii("IDS")],
    ["an answer", ascii("OK")],
    ["a tag with more behind it", ascii("SUB=")],
    ["a space first", ascii(" SUB")],
    ["a name of Object.prototype", ascii("constructor")],
    ["sixteen letters and more", ascii("SENDSENDSENDSENDSEND")],
  ])("%s is CMD UNKNOWN", (_, bytes) => {
    expect(errorOf(18, bytes)).toEqual({ type: "CMD", reason: "UNKNOWN" })
  })

  test.each([
    ["a space behind a tag without parameters", ascii("PING ")],
    ["parameters that do not belong", ascii("SUB 1")],
    ["no parameters where some belong", ascii("ACK")],
    ["SEND without a second space", ascii("SEND T")],
    ["SEND with a flag that is none", ascii("SEND X hello")],
    ["SEND without flags", ascii("SEND  hello")],
    ["bytes behind an id", concatBytes(ascii("ACK "), hex("01ff00"))],
    ["an id that is cut", concatBytes(ascii("ACK "), hex("05ff"))],
    ["a key that is cut", concatBytes(ascii("KEY "), hex(key).subarray(0, 40))],
    ["a key of X448", concatBytes(ascii("SKEY "), hex(`443042300506032b656f033900${"05".repeat(56)}`))],
    [
      "a key of small order",
      concatBytes(ascii("SKEY "), hex(`2c302a300506032b656e032100${"00".repeat(32)}`)),
    ],
    ["no keys where one belongs", concatBytes(ascii("RKEY "), hex("00"))],
    ["bytes behind a key", concatBytes(ascii("SKEY "), hex(`${key}00`))],
    [
      "an Ed25519 key where a DH key belongs",
      concatBytes(ascii("NKEY "), hex(key), encodedKey(rk.publicKey.raw)),
    ],
    ["a version of an older NEW", encodeCommand(6, recorded["NEW-messaging"] ?? { type: "SUB" })],
    ["a server without hosts", concatBytes(ascii("PRXY "), hex(`00 00 20${toHex(kh)} 30`))],
    [
      "a server with a short key hash",
      concatBytes(ascii("PRXY "), hex(`01 0161 00 1f${toHex(kh).slice(2)} 30`)),
    ],
    ["a password with an @", concatBytes(ascii("PRXY "), hex(`01 0161 00 20${toHex(kh)} 31 03614062`))],
  ])("%s is CMD SYNTAX", (_, bytes) => {
    expect(errorOf(18, bytes)).toEqual({ type: "CMD", reason: "SYNTAX" })
  })

  test("what is tolerated: an empty body, and flags that are not known", () => {
    expect(parseCommand(18, ascii("SEND T "))).toEqual({
      type: "SEND",
      notification: true,
      body: new Uint8Array(0),
    })
    expect(parseCommand(18, ascii("SEND TXY hello"))).toEqual({
      type: "SEND",
      notification: true,
      body: utf8("hello"),
    })
  })
})

describe("what does not encode", () => {
  test("an id above 255 bytes", () => {
    expect(() => encodeCommand(18, { type: "ACK", msgId: new Uint8Array(256) })).toThrow(RangeError)
  })
  test("link data without a mode, or with a link id for a queue of the other mode", () => {
    const create = {
      type: "NEW",
      authKey: rk448.publicKey,
      dhKey: rdh.publicKey,
      basicAuth: undefined,
      subscribe: true,
    } as const
    const linkData = { linkId: undefined, senderId: sId, ...link }
    expect(() => encodeCommand(18, { ...create, queueMode: undefined, linkData })).toThrow(RangeError)
    expect(() => encodeCommand(18, { ...create, queueMode: "contact", linkData })).toThrow(RangeError)
    const withId = { ...linkData, linkId: msgId }
    expect(() => encodeCommand(18, { ...create, queueMode: "messaging", linkData: withId })).toThrow(
      RangeError,
    )
  })
  test("a password that is none", () => {
    const server = { hosts: ["localhost"], port: "", keyHash: kh } as const
    for (const basicAuth of ["", "a b", "a:b", "a@b", "a/b", "é", "x".repeat(256)])
      expect(() => encodeCommand(18, { type: "PRXY", server, basicAuth })).toThrow(RangeError)
  })
})

function errorOf(version: number, bytes: Uint8Array): unknown {
  try {
    return parseCommand(version, bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(CommandError)
    return error instanceof CommandError ? error.error : error
  }
}

function encodedKey(raw: Uint8Array): Uint8Array {
  return concatBytes(hex("2c302a300506032b6570032100"), raw)
}
