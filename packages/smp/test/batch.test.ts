import { toHex, WireError } from "@smpkit/codec"
import { sha256 } from "@smpkit/crypto"
import {
  encodeBatches,
  encodeBrokerMessage,
  encodeCommand,
  encodeTransmission,
  maxBatchLength,
  parseBatch,
  parseTransmission,
  SmpError,
} from "@smpkit/smp"
import { hex, ramp } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { commandVectors, corrId, letters, rId, sessionId, versions } from "./fixtures.ts"

const items = (count: number, size: number) =>
  Array.from({ length: count }, (_, i) => new Uint8Array(size).fill(i))
const counts = (transmissions: readonly Uint8Array<ArrayBuffer>[]) =>
  encodeBatches(transmissions).map((content) => content[0])

test("recorded blocks of one transmission", () => {
  for (const version of versions) {
    for (const one of commandVectors.at("transmissions", version).items()) {
      const transmission = one.at("transmission").bytes()
      expect(encodeBatches([transmission])).toEqual([one.at("block").bytes()])
      expect(parseBatch(one.at("block").bytes())).toEqual([transmission])
    }
  }
})

test("recorded packing of five SEND with 6,000 bytes", () => {
  const session = commandVectors.at("sessionId").bytes()
  for (const version of versions) {
    const recorded = commandVectors.at("batching5x6000", version).items()
    const contents = encodeBatches(sendsOf6000(version, session))
    expect(contents.map((content) => content[0])).toEqual(recorded.map((one) => one.at("count").number()))
    expect(contents.map((content) => content.length)).toEqual(recorded.map((one) => one.at("len").number()))
    expect(contents.map((content) => toHex(sha256(content)))).toEqual(
      recorded.map((one) => one.at("sha256").text()),
    )
  }
})

/** SEND T to 24 times "s" with 6,000 times a letter, which also fills the correlation id: a, b, c, d, e. */
function sendsOf6000(version: number, session: Uint8Array<ArrayBuffer>) {
  return ["a", "b", "c", "d", "e"].map((letter) => {
    const command = encodeCommand(version, { type: "SEND", notification: true, body: letters(letter, 6000) })
    const t = { authorization: new Uint8Array(0), corrId: letters(letter), entityId: letters("s"), command }
    return encodeTransmission(version, session, t)
  })
}

describe("counts of smp-transport.md", () => {
  const signed = (version: number) =>
    encodeTransmission(version, sessionId, {
      authorization: new Uint8Array(64),
      corrId,
      entityId: rId,
      command: encodeCommand(version, { type: "SUB" }),
    })
  test("300 SUB on version 18, 106 SUB in a block of version 6", () => {
    expect(counts(Array.from({ length: 300 }, () => signed(18)))).toEqual([30, 135, 135])
    expect(counts(Array.from({ length: 107 }, () => signed(6)))).toEqual([1, 106])
  })
  test("255 END, 80 NMSG", () => {
    const message = (command: Uint8Array<ArrayBuffer>) =>
      encodeTransmission(18, sessionId, {
        authorization: new Uint8Array(0),
        corrId: new Uint8Array(0),
        entityId: rId,
        command,
      })
    const end = message(encodeBrokerMessage(18, { type: "END" }))
    expect(counts(Array.from({ length: 256 }, () => end))).toEqual([1, 255])
    const nmsg = message(
      encodeBrokerMessage(18, { type: "NMSG", nonce: ramp(0, 24), meta: new Uint8Array(144) }),
    )
    expect(counts(Array.from({ length: 81 }, () => nmsg))).toEqual([1, 80])
  })
})

test("order is kept over blocks, and all comes back", () => {
  const all = items(9, 5000)
  expect(encodeBatches(all).flatMap(parseBatch)).toEqual(all)
  expect(encodeBatches([])).toEqual([])
})

test("the largest transmission, and one that no block can carry", () => {
  expect(counts(items(1, maxBatchLength - 2))).toEqual([1])
  const large = [...items(2, 10), new Uint8Array(maxBatchLength - 1)]
  expect(() => encodeBatches(large)).toThrow(expect.toSatisfy((error) => SmpError.is(error, "LARGE_MSG")))
})

test.each([
  ["an empty content", ""],
  ["no items", "00"],
  ["fewer items than counted", "02 0001ff"],
  ["more items than counted", "01 0001ff 0001ff"],
  ["an item that is cut", "01 0002ff"],
  ["a length that is cut", "01 00"],
  ["a byte behind the last", "01 0001ff 00"],
])("%s is no batch", (_, content) => {
  expect(() => parseBatch(hex(content))).toThrow(WireError)
})

test("an item that does not parse leaves the others", () => {
  const good = encodeTransmission(18, sessionId, {
    authorization: new Uint8Array(0),
    corrId,
    entityId: new Uint8Array(0),
    command: encodeCommand(18, { type: "PING" }),
  })
  const [first, second] = parseBatch(encodeBatches([hex("ff"), good])[0] ?? hex(""))
  expect(first).toEqual(hex("ff"))
  expect(parseTransmission(18, sessionId, second ?? hex("")).corrId).toEqual(corrId)
})
