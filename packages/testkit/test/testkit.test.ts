import { readdirSync } from "node:fs"
import {
  FakeClock,
  hex,
  loadVectors,
  ramp,
  ScriptedRandom,
  seededRandom,
  settle,
  streamPair,
  vectorsUrl,
} from "@smpkit/testkit"
import { describe, expect, test } from "vitest"

describe("vectors", () => {
  test("every file loads", () => {
    const names = readdirSync(vectorsUrl, { recursive: true, encoding: "utf8" }).filter((n) =>
      n.endsWith(".json"),
    )
    expect(names.length).toBe(25)
    for (const name of names) expect(loadVectors(name.slice(0, -5)).json).toBeTypeOf("object")
  })

  test("accessors check what they return", () => {
    const keys = loadVectors("keys")
    expect(keys.at("dh", 0, "secret").bytes().length).toBe(32)
    expect(() => keys.at("dh", 7)).toThrow("keys/dh has no 7")
    expect(() => keys.at("dh").text()).toThrow("keys/dh is not a text")
    expect(() => keys.at("dh", 0, "a").bytes()).toThrow("hexadecimal")
    expect(() => keys.items()).toThrow("a list")
    expect(() => keys.number()).toThrow("a number")
    expect(() => keys.boolean()).toThrow("true or false")
  })

  test("hex and ramp", () => {
    expect(hex("00 ff\n10")).toEqual(new Uint8Array([0, 255, 16]))
    expect(ramp(0xfe, 4)).toEqual(new Uint8Array([0xfe, 0xff, 0, 1]))
  })
})

describe("FakeClock", () => {
  test("runs due timers in order, with the time at which each was due", async () => {
    const clock = new FakeClock(1000)
    const seen: string[] = []
    clock.setTimer(30, () => seen.push(`b${clock.now()}`))
    clock.setTimer(10, () => {
      seen.push(`a${clock.now()}`)
      clock.setTimer(5, () => seen.push(`inner${clock.now()}`))
    })
    const never = clock.setTimer(20, () => seen.push("never"))
    never[Symbol.dispose]()
    await clock.advance(29)
    expect(seen).toEqual(["a1010", "inner1015"])
    expect([clock.now(), clock.pending, clock.untilNext]).toEqual([1029, 1, 1])
    await clock.advance(1)
    expect(seen).toEqual(["a1010", "inner1015", "b1030"])
  })

  test("timers that fall due together run in the order in which they were set", async () => {
    const clock = new FakeClock()
    const seen: number[] = []
    for (const i of [1, 2, 3]) clock.setTimer(10, () => seen.push(i))
    await clock.advance(10)
    expect(seen).toEqual([1, 2, 3])
  })

  test("promises settle between two timers", async () => {
    const clock = new FakeClock()
    const seen: string[] = []
    const step = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await Promise.resolve()
      seen.push("settled")
    }
    clock.setTimer(1, () => void step())
    clock.setTimer(2, () => seen.push("second"))
    await clock.advance(2)
    expect(seen).toEqual(["settled", "second"])
  })
})

describe("random", () => {
  test("a seed gives the same stream in any portions", () => {
    const a = seededRandom("seed")
    const b = seededRandom("seed")
    const parts = [1, 31, 33, 0, 100].flatMap((n) => [...a.bytes(n)])
    expect(new Uint8Array(parts)).toEqual(b.bytes(165))
    expect(seededRandom("another").bytes(32)).not.toEqual(seededRandom("seed").bytes(32))
  })

  test("a script gives its parts in order and nothing else", () => {
    const random = new ScriptedRandom(hex("0102"), hex("03"))
    expect(random.bytes(2)).toEqual(hex("0102"))
    expect(() => random.bytes(2)).toThrow("2 random bytes where the script has 1")
    expect(random.left).toBe(0)
    expect(() => random.bytes(1)).toThrow("after the end of the script")
  })
})

describe("streamPair", () => {
  const block = (fill: number) => new Uint8Array(16_384).fill(fill)

  test("each end reads what the other writes, in order, as a copy", async () => {
    const { client, server } = streamPair()
    const sent = block(1)
    await client.write(sent)
    sent.fill(9)
    await client.write(block(2))
    await server.write(block(3))
    expect(await server.read()).toEqual(block(1))
    expect(await server.read()).toEqual(block(2))
    expect(await client.read()).toEqual(block(3))
    expect(client.sessionId).toEqual(server.sessionId)
  })

  test("refuses a block of another size", async () => {
    await expect(streamPair().client.write(new Uint8Array(16_383))).rejects.toThrow(RangeError)
  })

  test("a writer waits while the reader does not read", async () => {
    const { client, server } = streamPair({ capacity: 1 })
    let done = false
    await client.write(block(1))
    const second = client.write(block(2)).then(() => {
      done = true
    })
    await settle()
    expect(done).toBe(false)
    await server.read()
    await second
    expect(done).toBe(true)
  })

  test("close lets the other side read what was written, then the end", async () => {
    const { client, server } = streamPair()
    await client.write(block(1))
    await client.close()
    await client.close()
    expect(await server.read()).toEqual(block(1))
    expect(await server.read()).toBeUndefined()
    expect(await client.closed).toEqual({ type: "local" })
    expect(await server.closed).toEqual({ type: "ended" })
    await expect(client.write(block(2))).rejects.toMatchObject({ code: "CLOSED" })
  })

  test("a cut wakes a waiting reader and a waiting writer", async () => {
    const { client, server, cut } = streamPair({ capacity: 0 })
    const reading = client.read()
    const writing = client.write(block(1))
    await settle()
    cut()
    expect(await reading).toBeUndefined()
    await writing
    expect(await server.read()).toBeUndefined()
    expect(await server.closed).toMatchObject({ type: "error", code: "NETWORK" })
  })
})
