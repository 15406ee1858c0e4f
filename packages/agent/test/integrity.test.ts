import { describe, expect, it } from "vitest"
import { type Integrity, integrityOf, type LastReceived } from "../src/integrity.ts"

const hash = (n: number): Uint8Array<ArrayBuffer> => new Uint8Array(32).fill(n)

describe("integrity of received messages", () => {
  const last: LastReceived = { id: 11, hash: hash(11) }

  it.each<[string, number, number, Integrity]>([
    ["the next one", 12, 11, { type: "ok" }],
    ["the next one after another message", 12, 10, { type: "badHash" }],
    ["a gap", 14, 13, { type: "skipped", from: 12, to: 13 }],
    ["the same again", 11, 11, { type: "duplicate" }],
    ["one from before", 7, 6, { type: "badId", previous: 11 }],
  ])("%s", (_, sndMsgId, previous, expected) => {
    expect(integrityOf(last, { sndMsgId, prevMsgHash: hash(previous) })).toEqual(expected)
  })

  it("reports the order 14, 12, 13, 15 as the specification says", () => {
    let before = last
    const seen = [14, 12, 13, 15].map((sndMsgId) => {
      const integrity = integrityOf(before, { sndMsgId, prevMsgHash: hash(sndMsgId - 1) })
      before = { id: sndMsgId, hash: hash(sndMsgId) }
      return integrity
    })
    expect(seen).toEqual([
      { type: "skipped", from: 12, to: 13 },
      { type: "badId", previous: 14 },
      { type: "ok" },
      { type: "skipped", from: 14, to: 14 },
    ])
  })
})
