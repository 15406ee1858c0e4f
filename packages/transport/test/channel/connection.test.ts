import { describe, expect, test } from "vitest"
import { type Bytes, concatBytes } from "@smpkit/codec"
import { aesGcmSeal } from "@smpkit/crypto"
import { settle } from "@smpkit/testkit"
import { ChannelConnection } from "../../src/channel/connection.ts"
import { EpochKeys, epochSize } from "../../src/channel/key-schedule.ts"
import { lastNumber, type RecordKeys, RecordOpener, RecordSealer } from "../../src/channel/records.ts"
import { blockSize, flipped, numbered, numberOf, opened, recordSize } from "./pair.ts"

/** One key for every number, so that the last one is near. */
const oneKey = (): RecordKeys => ({
  keyFor: () => new Uint8Array(32).fill(3),
  [Symbol.dispose]: () => undefined,
})
const epochKeys = (): EpochKeys => new EpochKeys(new Uint8Array(32).fill(9))

/** A record that no sealer of ours would make. */
function forged(number: number, type: number, block: Bytes = new Uint8Array(blockSize)): Bytes {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setUint32(8, number)
  const content = concatBytes(block, Uint8Array.of(type))
  return aesGcmSeal(new Uint8Array(32).fill(3), nonce, new Uint8Array(0), content)
}

describe("records", () => {
  test("a block of another size is the caller's mistake", () => {
    expect(() => new RecordSealer(oneKey()).data(new Uint8Array(blockSize + 1))).toThrow(RangeError)
  })

  test("the last number is for a close alone, whose code is LIMIT", () => {
    const sealer = new RecordSealer(oneKey(), lastNumber - 1)
    const opener = new RecordOpener(oneKey(), lastNumber - 1)
    expect(opener.open(concatBytes(...sealer.data(numbered(1))))).toEqual({
      type: "data",
      block: numbered(1),
    })
    expect(sealer.atLimit).toBe(true)
    expect(() => sealer.data(numbered(2))).toThrow(RangeError)
    expect(opener.open(concatBytes(...sealer.close(0)))).toEqual({ type: "close", code: 2 })
    expect(() => sealer.close(0)).toThrow(RangeError)
    expect(opener.open(forged(0, 1))).toEqual({ type: "bad" })
  })

  test("data under the last number is bad, though it opens", () => {
    expect(new RecordOpener(oneKey(), lastNumber).open(forged(lastNumber, 1))).toEqual({ type: "bad" })
  })

  test("the keys of an epoch are gone when the next one begins", () => {
    const keys = epochKeys()
    const first = keys.keyFor(epochSize - 1)
    const copy = first.slice()
    const second = keys.keyFor(epochSize)
    expect(first).toEqual(new Uint8Array(32))
    expect(second).not.toEqual(copy)
    expect(() => keys.keyFor(0)).toThrow(RangeError)
  })

  test("a connection that is over holds no keys", () => {
    const keys = epochKeys()
    const key = keys.keyFor(0)
    const connection = new ChannelConnection(new RecordSealer(keys), new RecordOpener(epochKeys()))
    connection.truncated()
    expect(key).toEqual(new Uint8Array(32))
    expect(() => connection.seal(numbered(1))).toThrow(RangeError)
  })
})

describe("how a connection ends", () => {
  const sides = (): { ours: ChannelConnection; theirs: RecordSealer; opener: RecordOpener } => ({
    ours: new ChannelConnection(new RecordSealer(epochKeys()), new RecordOpener(epochKeys())),
    theirs: new RecordSealer(epochKeys()),
    opener: new RecordOpener(epochKeys()),
  })

  test("a side that has sent its close still delivers, and answers nothing", () => {
    const { ours, theirs } = sides()
    expect(concatBytes(...(ours.close() ?? [])).length).toBe(recordSize)
    expect(ours.close()).toBeUndefined()
    expect(ours.state).toBe("half")
    ours.push(concatBytes(...theirs.data(numbered(1)), ...theirs.close(0)))
    expect(ours.next()).toEqual({ type: "block", block: numbered(1) })
    expect(ours.next()).toEqual({ type: "closed", send: undefined, end: { type: "end" } })
    expect(ours.next()).toBeUndefined()
    expect(ours.truncated()).toBeUndefined()
  })

  test("a bad record after our close is RECORD, without a second close", () => {
    const { ours, theirs } = sides()
    ours.close()
    ours.push(flipped(concatBytes(...theirs.data(numbered(1))), 5))
    expect(ours.next()).toMatchObject({
      type: "closed",
      send: undefined,
      end: { failure: { code: "RECORD" } },
    })
  })

  test("a peer whose numbers are used up is answered with an end", () => {
    const { ours, theirs, opener } = sides()
    ours.push(concatBytes(...theirs.close(2)))
    const event = ours.next()
    expect(event).toMatchObject({ type: "closed", end: { failure: { code: "PEER", detail: 2 } } })
    if (event?.type !== "closed" || event.send === undefined) throw new Error("no answer")
    expect(opener.open(concatBytes(...event.send))).toEqual({ type: "close", code: 0 })
  })

  test("after our close the end of the stream is a truncation", () => {
    const { ours } = sides()
    ours.close()
    expect(ours.truncated()).toMatchObject({ end: { failure: { code: "TRUNCATED" } } })
  })
})

describe("a stream of blocks over a channel", () => {
  test("both sides' closes at once are one end", async () => {
    const { client, server } = await opened()
    await Promise.all([client.close(), server.close()])
    expect(await client.closed).toEqual({ type: "local" })
    expect(await server.closed).toEqual({ type: "local" })
  })

  test("a cut is told from an end", async () => {
    const { client, server, pipe } = await opened()
    await client.write(numbered(1))
    expect(await server.read()).toEqual(numbered(1))
    pipe.cut()
    expect(await server.read()).toBeUndefined()
    expect(await server.closed).toMatchObject({ type: "error", code: "TRUNCATED" })
    expect(await client.closed).toMatchObject({ type: "error", code: "TRUNCATED" })
  })

  test("an end of the stream alone, as anybody on the way can make, is a truncation", async () => {
    const { client, server, pipe } = await opened()
    await pipe.client.end()
    expect(await server.read()).toBeUndefined()
    expect(await server.closed).toMatchObject({ type: "error", code: "TRUNCATED" })
    expect(await client.closed).toMatchObject({ type: "error", code: "TRUNCATED" })
  })

  test("a peer that never answers a close is waited for five seconds", async () => {
    const { client, clock, pipe } = await opened({ fromClient: (b) => (b.length === recordSize ? [] : [b]) })
    const closing = client.close()
    await clock.advance(4_999)
    expect(clock.pending).toBeGreaterThan(0)
    await clock.advance(1)
    await closing
    expect(await client.closed).toMatchObject({ type: "error", code: "TRUNCATED" })
    expect(await pipe.client.closed).toEqual({ type: "local" })
    expect(clock.pending).toBe(0)
  })

  test.each([
    [
      "changed",
      (records: readonly Bytes[]) => records.map((record, i) => (i === 1 ? flipped(record, 77) : record)),
    ],
    [
      "repeated",
      (records: readonly Bytes[]) => records.flatMap((record, i) => (i === 0 ? [record, record] : [record])),
    ],
    ["left out", (records: readonly Bytes[]) => records.filter((_, i) => i !== 1)],
    ["swapped", (records: readonly Bytes[]) => [records[0], records[2], records[1]]],
  ] as const)(
    "a record that is %s ends the connection, and nothing after it is delivered",
    async (_name, change) => {
      const held: Bytes[] = []
      const { client, server } = await opened({
        fromClient: (bytes) => {
          if (bytes.length !== recordSize) return [bytes]
          held.push(bytes)
          return held.length === 3 ? (change(held) as Bytes[]) : []
        },
      })
      for (let n = 0; n < 3; n++) await client.write(numbered(n))
      expect(await server.read()).toEqual(numbered(0))
      expect(await server.read()).toBeUndefined()
      await client.read()
      expect(await client.closed).toMatchObject({ type: "error", code: "PEER" })
      expect(await server.closed).toMatchObject({ type: "error", code: "RECORD" })
      await expect(client.write(numbered(4))).rejects.toMatchObject({ code: "CLOSED" })
    },
  )

  test("a record that is sent back to its sender ends the connection", async () => {
    let reflect: Bytes | undefined
    const { client, server } = await opened({
      fromClient: (bytes) => {
        if (bytes.length === recordSize) reflect = bytes
        return [bytes]
      },
      fromServer: (bytes) => [bytes.length === recordSize && reflect !== undefined ? reflect : bytes],
    })
    await client.write(numbered(1))
    await server.write(numbered(2))
    expect(await client.read()).toBeUndefined()
    expect(await server.read()).toEqual(numbered(1))
    expect(await server.read()).toBeUndefined()
    expect(await server.closed).toMatchObject({ code: "PEER" })
    expect(await client.closed).toMatchObject({ code: "RECORD" })
  })

  test("an end is noticed though nobody reads", async () => {
    const { client, server } = await opened()
    await client.close()
    expect(await server.closed).toEqual({ type: "ended" })
  })

  test("a reader that does not read holds one block, and leaves the rest to the carrier", async () => {
    const { client, server } = await opened({ capacity: 2 * recordSize })
    let written = 0
    const writing = (async () => {
      for (; written < 100; written++) await client.write(numbered(written))
    })()
    await settle(20)
    expect(written).toBeLessThan(6)
    for (let n = 0; n < 100; n++) expect(numberOf(await server.read())).toBe(n)
    await writing
  })
})
