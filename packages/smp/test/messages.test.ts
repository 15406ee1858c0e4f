import { concatBytes, toHex, utf8, WireError } from "@smpkit/codec"
import {
  type BrokerMessage,
  encodeBrokerMessage,
  entityOfMessage,
  formatProtocolError,
  parseBrokerMessage,
  type ProtocolError,
} from "@smpkit/smp"
import { hex, ramp } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { commandVectors, kh, letters, msgId, rId, sId, srvDh, vectorPairs, versions } from "./fixtures.ts"

const { x25519_2, x25519_3 } = vectorPairs
const ids = {
  type: "IDS",
  recipientId: letters("r"),
  senderId: letters("s"),
  serverDhKey: x25519_2.publicKey,
  queueMode: undefined,
  linkId: undefined,
  serviceId: undefined,
  notifier: undefined,
} as const satisfies BrokerMessage
const failed = (error: ProtocolError): BrokerMessage => ({ type: "ERR", error })
const command = (reason: Extract<ProtocolError, { type: "CMD" }>["reason"]) => failed({ type: "CMD", reason })
const proxy = (error: Extract<ProtocolError, { type: "PROXY" }>["error"]) => failed({ type: "PROXY", error })

/** The messages of smp-commands.json, written from name and description. */
const recorded: Readonly<Record<string, BrokerMessage>> = {
  "IDS-messaging": { ...ids, queueMode: "messaging" },
  "IDS-contact-link-ntf": {
    ...ids,
    queueMode: "contact",
    linkId: letters("l"),
    notifier: { notifierId: letters("n"), serverDhKey: x25519_3.publicKey },
  },
  "IDS-nomode-service": { ...ids, serviceId: utf8("svc") },
  LNK: { type: "LNK", senderId: letters("s"), fixed: letters("f", 2048), user: letters("u", 100) },
  "SOK-none": { type: "SOK", serviceId: undefined },
  "SOK-service": { type: "SOK", serviceId: utf8("svc") },
  SOKS: { type: "SOKS", count: 5 },
  MSG: { type: "MSG", msgId: letters("m"), body: utf8("encrypted") },
  NID: { type: "NID", notifierId: letters("n"), serverDhKey: x25519_3.publicKey },
  NMSG: { type: "NMSG", nonce: ramp(1, 24), meta: utf8("meta") },
  END: { type: "END" },
  ENDS: { type: "ENDS", count: 5 },
  DELD: { type: "DELD" },
  INFO: {
    type: "INFO",
    json: '{"qiSub":{"qDelivered":"abc","qSubThread":"subPending"},"qiSnd":true,"qiNtf":false,"qiSize":2}',
  },
  OK: { type: "OK" },
  PONG: { type: "PONG" },
  RRES: { type: "RRES", sealed: utf8("encrypted") },
  PRES: { type: "PRES", sealed: utf8("encrypted") },
  "ERR BLOCK": failed({ type: "BLOCK" }),
  "ERR SESSION": failed({ type: "SESSION" }),
  "ERR CMD {cmdErr = UNKNOWN}": command("UNKNOWN"),
  "ERR CMD {cmdErr = SYNTAX}": command("SYNTAX"),
  "ERR CMD {cmdErr = PROHIBITED}": command("PROHIBITED"),
  "ERR CMD {cmdErr = NO_AUTH}": command("NO_AUTH"),
  "ERR CMD {cmdErr = HAS_AUTH}": command("HAS_AUTH"),
  "ERR CMD {cmdErr = NO_ENTITY}": command("NO_ENTITY"),
  "ERR PROXY {proxyErr = PROTOCOL {protocolErr = AUTH}}": proxy({
    type: "PROTOCOL",
    error: { type: "AUTH" },
  }),
  "ERR PROXY {proxyErr = BROKER {brokerErr = TIMEOUT}}": proxy({
    type: "BROKER",
    error: { type: "TIMEOUT" },
  }),
  "ERR PROXY {proxyErr = BROKER {brokerErr = HOST}}": proxy({ type: "BROKER", error: { type: "HOST" } }),
  'ERR PROXY {proxyErr = BROKER {brokerErr = RESPONSE {respErr = "bad"}}}': proxy({
    type: "BROKER",
    error: { type: "RESPONSE", text: "bad" },
  }),
  "ERR PROXY {proxyErr = BROKER {brokerErr = TRANSPORT {transportErr = TEVersion}}}": proxy({
    type: "BROKER",
    error: { type: "TRANSPORT", failure: { type: "VERSION" } },
  }),
  "ERR PROXY {proxyErr = BROKER {brokerErr = TRANSPORT {transportErr = TEHandshake {handshakeErr = IDENTITY}}}}":
    proxy({
      type: "BROKER",
      error: { type: "TRANSPORT", failure: { type: "HANDSHAKE", reason: "IDENTITY" } },
    }),
  "ERR PROXY {proxyErr = BROKER {brokerErr = NETWORK {networkError = NETimeoutError}}}": proxy({
    type: "BROKER",
    error: { type: "NETWORK" },
  }),
  "ERR PROXY {proxyErr = BASIC_AUTH}": proxy({ type: "BASIC_AUTH" }),
  "ERR PROXY {proxyErr = NO_SESSION}": proxy({ type: "NO_SESSION" }),
  "ERR AUTH": failed({ type: "AUTH" }),
  "ERR BLOCKED {blockInfo = BlockingInfo {reason = BRSpam, notice = Nothing}}": failed({
    type: "BLOCKED",
    reason: "spam",
  }),
  "ERR BLOCKED {blockInfo = BlockingInfo {reason = BRContent, notice = Just (ClientNotice {ttl = Just 86400})}}":
    failed({
      type: "BLOCKED",
      reason: "content",
      notice: { ttl: 86400 },
    }),
  "ERR BLOCKED {blockInfo = BlockingInfo {reason = BRContent, notice = Just (ClientNotice {ttl = Nothing})}}":
    failed({
      type: "BLOCKED",
      reason: "content",
      notice: {},
    }),
  "ERR SERVICE": failed({ type: "SERVICE" }),
  "ERR CRYPTO": failed({ type: "CRYPTO" }),
  "ERR QUOTA": failed({ type: "QUOTA" }),
  'ERR STORE {storeErr = "some error"}': failed({ type: "STORE", text: "some error" }),
  "ERR NO_MSG": failed({ type: "NO_MSG" }),
  "ERR LARGE_MSG": failed({ type: "LARGE_MSG" }),
  "ERR EXPIRED": failed({ type: "EXPIRED" }),
  "ERR INTERNAL": failed({ type: "INTERNAL" }),
}

/** What is left of a message on a version. */
function atVersion(version: number, message: BrokerMessage): BrokerMessage {
  if (message.type === "SOK") return version < 16 ? { type: "OK" } : message
  if (message.type === "DELD") return version < 10 ? { type: "END" } : message
  if (message.type === "ERR") {
    if (message.error.type !== "BLOCKED" || version >= 18) return message
    return failed(version < 12 ? { type: "AUTH" } : { type: "BLOCKED", reason: message.error.reason })
  }
  if (message.type !== "IDS") return message
  const { queueMode, linkId, serviceId, notifier, ...start } = message
  if (version < 9) return { ...ids, ...start }
  if (version < 15) return { ...ids, ...start, queueMode: queueMode ?? "contact" }
  const now = { ...ids, ...start, queueMode, linkId }
  if (version < 16) return now
  return version < 17 ? { ...now, serviceId } : { ...now, serviceId, notifier }
}

describe("recorded messages on every version", () => {
  const cases = commandVectors.at("brokerMessages").items()
  test("each has its value here", () => {
    expect(cases.map((one) => one.at("name").text()).sort()).toEqual(Object.keys(recorded).sort())
  })
  for (const one of cases) {
    const name = one.at("name").text()
    const message = recorded[name]
    test(name, () => {
      if (message === undefined) throw new Error("no value")
      for (const version of versions) {
        const bytes = one.at("encoded", version).bytes()
        expect(toHex(encodeBrokerMessage(version, message))).toBe(toHex(bytes))
        expect(parseBrokerMessage(version, bytes)).toEqual(atVersion(version, message))
      }
    })
  }
})

describe("worked examples of smp-commands.md", () => {
  const created: BrokerMessage = {
    ...ids,
    recipientId: rId,
    senderId: sId,
    serverDhKey: srvDh.publicKey,
    queueMode: "messaging",
  }
  const start = `49445320 18${toHex(rId)} 18${toHex(sId)} 2c302a300506032b656e032100${toHex(srvDh.publicKey.raw)}`
  test.each([
    [6, "", 99],
    [9, "54", 100],
    [15, "314d 30", 102],
    [16, "314d 30 30", 103],
    [17, "314d 30 30 30", 104],
  ])("IDS v%i", (version, tail, length) => {
    const bytes = encodeBrokerMessage(version, created)
    expect(bytes).toEqual(hex(start + tail))
    expect(bytes).toHaveLength(length)
  })
  test.each<[BrokerMessage, string]>([
    [{ type: "SOK", serviceId: undefined }, "534f4b2030"],
    [{ type: "SOKS", count: 2 }, "534f4b53 20 0000000000000002"],
    [{ type: "ENDS", count: 2 }, "454e4453 20 0000000000000002"],
    [failed({ type: "CMD", reason: "NO_AUTH" }), "45525220434d44204e4f5f41555448"],
    [
      proxy({ type: "BROKER", error: { type: "RESPONSE", text: "BLOCK" } }),
      `${toHex(utf8("ERR PROXY BROKER RESPONSE"))} 20 05 424c4f434b`,
    ],
    [
      failed({ type: "BLOCKED", reason: "spam", notice: { ttl: 3600 } }),
      toHex(utf8('ERR BLOCKED reason=spam,notice={"ttl":3600}')),
    ],
  ])("%o", (message, encoded) => {
    expect(encodeBrokerMessage(18, message)).toEqual(hex(encoded))
    expect(parseBrokerMessage(18, hex(encoded))).toEqual(message)
  })
  test("NMSG has 174 bytes", () => {
    const bytes = encodeBrokerMessage(18, { type: "NMSG", nonce: ramp(0x10, 24), meta: new Uint8Array(144) })
    expect(bytes).toHaveLength(174)
    expect(bytes.subarray(0, 30)).toEqual(concatBytes(utf8("NMSG "), ramp(0x10, 24), hex("90")))
  })
  test("MSG has 16,151 bytes", () => {
    expect(encodeBrokerMessage(18, { type: "MSG", msgId, body: new Uint8Array(16122) })).toHaveLength(16151)
  })
})

describe("errors", () => {
  const parsed = (text: string) => parseBrokerMessage(18, utf8(text))
  const nested = (depth: number): ProtocolError =>
    depth === 0 ? { type: "AUTH" } : { type: "PROXY", error: { type: "PROTOCOL", error: nested(depth - 1) } }

  test("an older name of NO_ENTITY", () => {
    expect(parsed("ERR CMD NO_QUEUE")).toEqual(command("NO_ENTITY"))
  })
  test.each([
    ["ERR PROXY BROKER NETWORK FAILED", { type: "FAILED" }],
    ["ERR PROXY BROKER NETWORK UNKNOWNCA", { type: "UNKNOWNCA" }],
    ["ERR PROXY BROKER NETWORK TIMEOUT", { type: "TIMEOUT" }],
    ["ERR PROXY BROKER NETWORK CONNECT \x02no", { type: "CONNECT", text: "no" }],
    ["ERR PROXY BROKER NETWORK TLS \x02no", { type: "TLS", text: "no" }],
    ["ERR PROXY BROKER NETWORK SUBSCRIBE \x02no", { type: "SUBSCRIBE", text: "no" }],
  ] as const)("%s", (text, failure) => {
    const message = proxy({ type: "BROKER", error: { type: "NETWORK", failure } })
    expect(parsed(text)).toEqual(message)
    expect(encodeBrokerMessage(18, message)).toEqual(utf8(text))
  })
  test("a text above 255 bytes is cut", () => {
    const message = proxy({ type: "BROKER", error: { type: "UNEXPECTED", text: "x".repeat(300) } })
    expect(parseBrokerMessage(18, encodeBrokerMessage(18, message))).toEqual(
      proxy({ type: "BROKER", error: { type: "UNEXPECTED", text: "x".repeat(255) } }),
    )
  })
  test("errors nested up to a depth, not deeper", () => {
    const message = failed(nested(4))
    expect(parseBrokerMessage(18, encodeBrokerMessage(18, message))).toEqual(message)
    expect(() => encodeBrokerMessage(18, failed(nested(5)))).toThrow(RangeError)
    expect(() => parsed(`ERR ${"PROXY PROTOCOL ".repeat(5)}AUTH`)).toThrow(WireError)
    expect(() => parsed(`ERR ${"PROXY PROTOCOL ".repeat(1080)}AUTH`)).toThrow(WireError)
  })
  test.each([
    "ERR",
    "ERR ",
    "ERR AUTHX",
    "ERR AUTH ",
    "ERR CMD",
    "ERR CMD SOMETHING",
    "ERR PROXY",
    "ERR PROXY BROKER",
    "ERR PROXY BROKER NETWORK ",
    "ERR PROXY BROKER NETWORKS",
    "ERR PROXY BROKER TRANSPORT HANDSHAKE",
    "ERR PROXY BROKER RESPONSE \x05bad",
    "ERR BLOCKED reason=other",
    "ERR BLOCKED reason=spam,",
    "ERR BLOCKED reason=spam,notice=",
    "ERR BLOCKED reason=spam,notice=[]",
    'ERR BLOCKED reason=spam,notice={"ttl":"1"}',
    'ERR BLOCKED reason=spam,notice={"ttl":1.5}',
  ])("%s does not parse", (text) => {
    expect(() => parsed(text)).toThrow(WireError)
  })
  test("a notice without a time", () => {
    expect(parsed('ERR BLOCKED reason=spam,notice={"ttl":null,"other":1}')).toEqual(
      failed({ type: "BLOCKED", reason: "spam", notice: {} }),
    )
  })
  test.each<[ProtocolError, string]>([
    [{ type: "AUTH" }, "AUTH"],
    [{ type: "CMD", reason: "SYNTAX" }, "CMD SYNTAX"],
    [{ type: "STORE", text: "secret" }, "STORE"],
    [{ type: "BLOCKED", reason: "spam", notice: { ttl: 1 } }, "BLOCKED reason=spam"],
    [{ type: "PROXY", error: { type: "NO_SESSION" } }, "PROXY NO_SESSION"],
    [nested(2), "PROXY PROTOCOL PROXY PROTOCOL AUTH"],
    [
      { type: "PROXY", error: { type: "BROKER", error: { type: "RESPONSE", text: "secret" } } },
      "PROXY BROKER RESPONSE",
    ],
    [
      {
        type: "PROXY",
        error: { type: "BROKER", error: { type: "NETWORK", failure: { type: "TLS", text: "secret" } } },
      },
      "PROXY BROKER NETWORK TLS",
    ],
    [
      {
        type: "PROXY",
        error: {
          type: "BROKER",
          error: { type: "TRANSPORT", failure: { type: "HANDSHAKE", reason: "BAD_AUTH" } },
        },
      },
      "PROXY BROKER TRANSPORT HANDSHAKE BAD_AUTH",
    ],
    [
      {
        type: "PROXY",
        error: { type: "BROKER", error: { type: "TRANSPORT", failure: { type: "VERSION" } } },
      },
      "PROXY BROKER TRANSPORT VERSION",
    ],
  ])("the words of %o", (error, words) => {
    expect(formatProtocolError(error)).toBe(words)
  })
})

describe("what is no message", () => {
  test.each(["", "SUB", "OK ", "OKAY", "PONG1", "MSG", "SOK", "SOK 2", "SOKS 1", "LNK ", "NMSG short"])(
    "%s",
    (text) => {
      expect(() => parseBrokerMessage(18, utf8(text))).toThrow(WireError)
    },
  )
  test("INFO that is not UTF-8", () => {
    expect(() => parseBrokerMessage(18, concatBytes(utf8("INFO "), hex("ff")))).toThrow(WireError)
  })
  test("PKEY without certificates, and a range that ends before it begins", () => {
    const start = `${toHex(utf8("PKEY "))} 20${toHex(kh)}`
    expect(() => parseBrokerMessage(18, hex(`${start} 0008 0011 00 0001ff`))).toThrow(WireError)
    expect(() => parseBrokerMessage(18, hex(`${start} 0011 0008 01 0001ff 0001ff`))).toThrow(WireError)
    expect(parseBrokerMessage(18, hex(`${start} 0008 0011 01 0001fe 0001ff`))).toEqual({
      type: "PKEY",
      sessionId: kh,
      versions: { min: 8, max: 17 },
      certificates: [hex("fe")],
      signedKey: hex("ff"),
    })
  })
})

test("which messages name an entity", () => {
  expect(
    ["IDS", "ERR", "PONG", "PKEY", "RRES", "MSG", "OK", "END"].map((type) => entityOfMessage(type as "IDS")),
  ).toEqual(["any", "any", "empty", "empty", "empty", "present", "present", "present"])
})
