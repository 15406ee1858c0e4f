import fc from "fast-check"
import { expect, test } from "vitest"
import { type Bytes, concatBytes } from "@smpkit/codec"
import { ChannelConnection, type ChannelEvent } from "../../src/channel/connection.ts"
import { Inbox } from "../../src/channel/inbox.ts"
import { EpochKeys, epochSize } from "../../src/channel/key-schedule.ts"
import { RecordOpener, RecordSealer } from "../../src/channel/records.ts"
import { numbered, numberOf, recordSize } from "../channel/pair.ts"

const numRuns = process.env["SLOW"] === "1" ? 1_000 : 40
const keys = (): EpochKeys => new EpochKeys(new Uint8Array(32).fill(1))
const otherKeys = (): EpochKeys => new EpochKeys(new Uint8Array(32).fill(2))

/** A few numbers before and after a change of keys, and the first ones. */
const starts = fc.constantFrom(0, epochSize - 3, epochSize - 1, 2 * epochSize - 2)
const receiving = (start: number): ChannelConnection =>
  new ChannelConnection(new RecordSealer(otherKeys()), new RecordOpener(keys(), start))
const sealedBlocks = (start: number, count: number): { records: Bytes[]; sealer: RecordSealer } => {
  const sealer = new RecordSealer(keys(), start)
  return {
    records: Array.from({ length: count }, (_, n) => concatBytes(...sealer.data(numbered(n)))),
    sealer,
  }
}

/** Pushes bytes in the pieces that these cuts give, and collects what comes of it. */
function fed(connection: ChannelConnection, bytes: Bytes, cuts: readonly number[]): ChannelEvent[] {
  const events: ChannelEvent[] = []
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  let from = 0
  for (const to of places) {
    connection.push(bytes.slice(from, to))
    from = to
    for (let event = connection.next(); event !== undefined; event = connection.next()) events.push(event)
  }
  return events
}

const cuts = fc.array(fc.nat(), { maxLength: 12 })
const numbersOf = (events: readonly ChannelEvent[]): readonly (number | undefined)[] =>
  events.flatMap((event) => (event.type === "block" ? [numberOf(event.block)] : []))

test("any segmentation gives the same blocks and the same end, also over a change of keys", () => {
  fc.assert(
    fc.property(starts, fc.integer({ min: 0, max: 5 }), cuts, (start, count, where) => {
      const { records, sealer } = sealedBlocks(start, count)
      const events = fed(receiving(start), concatBytes(...records, ...sealer.close(0)), where)
      expect(numbersOf(events)).toEqual(Array.from({ length: count }, (_, n) => n))
      expect(events.at(-1)).toMatchObject({ type: "closed", end: { type: "end" } })
    }),
    { numRuns },
  )
})

test("one changed bit anywhere: what came before is delivered, nothing after, and the end is RECORD", () => {
  fc.assert(
    fc.property(
      starts,
      fc.integer({ min: 1, max: 4 }),
      fc.nat(),
      fc.nat(7),
      cuts,
      (start, count, place, bit, where) => {
        const { records } = sealedBlocks(start, count)
        const bytes = concatBytes(...records)
        const at = place % bytes.length
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
        const events = fed(receiving(start), bytes, where)
        const before = Math.floor(at / recordSize)
        expect(numbersOf(events)).toEqual(Array.from({ length: before }, (_, n) => n))
        expect(events.at(-1)).toMatchObject({ type: "closed", end: { failure: { code: "RECORD" } } })
      },
    ),
    { numRuns },
  )
})

test("records in any order and number: the blocks delivered are a prefix of those sent", () => {
  fc.assert(
    fc.property(starts, fc.array(fc.nat(3), { minLength: 1, maxLength: 6 }), cuts, (start, order, where) => {
      const { records } = sealedBlocks(start, 4)
      const sent = order.map((n) => records[n] ?? new Uint8Array())
      const events = fed(receiving(start), concatBytes(...sent), where)
      const good = order.findIndex((n, i) => n !== i)
      const delivered = good === -1 ? order.length : good
      expect(numbersOf(events)).toEqual(Array.from({ length: delivered }, (_, n) => n))
      if (good !== -1)
        expect(events.at(-1)).toMatchObject({ type: "closed", end: { failure: { code: "RECORD" } } })
    }),
    { numRuns },
  )
})

test("a stream that ends anywhere: whole records are delivered, and the end is TRUNCATED", () => {
  fc.assert(
    fc.property(starts, fc.nat(), cuts, (start, place, where) => {
      const { records } = sealedBlocks(start, 3)
      const bytes = concatBytes(...records)
      const length = place % (bytes.length + 1)
      const connection = receiving(start)
      const events = fed(connection, bytes.slice(0, length), where)
      expect(numbersOf(events)).toEqual(Array.from({ length: Math.floor(length / recordSize) }, (_, n) => n))
      expect(connection.truncated()).toMatchObject({ end: { failure: { code: "TRUNCATED" } } })
    }),
    { numRuns },
  )
})

test("both sides use the same key under every number", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(5 * epochSize), { minLength: 1, maxLength: 6 }), (numbers) => {
      const [ours, theirs] = [keys(), keys()]
      for (const number of numbers.sort((a, b) => a - b))
        expect(ours.keyFor(number)).toEqual(theirs.keyFor(number))
    }),
    { numRuns },
  )
})

test("an inbox gives the bytes that went in, in any pieces", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 9 }),
      fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 9 }),
      (pieces, lengths) => {
        const all = concatBytes(...pieces)
        const inbox = new Inbox()
        for (const piece of pieces) inbox.push(new Uint8Array(piece))
        const got: Bytes[] = []
        for (const length of lengths) {
          const part = inbox.take(length)
          if (part === undefined) break
          expect(part.length).toBe(length)
          got.push(part.slice())
        }
        expect(concatBytes(...got, inbox.rest())).toEqual(all)
        expect(inbox.size).toBe(0)
      },
    ),
  )
})
