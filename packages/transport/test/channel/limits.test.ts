import { describe, expect, test } from "vitest"
import { FakeClock, settle } from "@smpkit/testkit"
import { protocolOf } from "@smpkit/transport/channel"
import { Turns } from "../../src/channel/turns.ts"
import { chainTime } from "../chains.ts"
import { testLimits } from "./pair.ts"

const nothing = (): void => undefined

describe("limits of all handshakes of a process", () => {
  test("of silent connections the oldest goes", () => {
    const closed: number[] = []
    const limits = testLimits(new FakeClock(chainTime), { maxSilent: 2 })
    for (let n = 0; n < 4; n++) limits.accept(() => closed.push(n))
    expect(closed).toEqual([0, 1])
    expect(limits.counts.silent).toBe(2)
  })

  test("of half-open handshakes the oldest goes once it is older than three seconds, else the new one is refused", async () => {
    const clock = new FakeClock(chainTime)
    const closed: number[] = []
    const limits = testLimits(clock, { maxHalfOpen: 2 })
    limits.admit(undefined, () => closed.push(0))
    limits.admit(undefined, () => closed.push(1))
    await clock.advance(3_000)
    expect(limits.admit(undefined, nothing)).toBeUndefined()
    await clock.advance(1)
    expect(limits.admit(undefined, nothing)).toBeDefined()
    expect(closed).toEqual([0])
    expect(limits.counts.halfOpen).toBe(2)
  })

  test("a prefix has its own limit, and gives places back", () => {
    const limits = testLimits(new FakeClock(chainTime), { maxHalfOpenPerPrefix: 1 })
    const place = limits.admit("2001:db8::1", nothing)
    expect(place).toBeDefined()
    expect(limits.admit("2001:db8::2", nothing)).toBeUndefined()
    expect(limits.admit("2001:db8:0:1::2", nothing)).toBeDefined()
    expect(limits.admit("192.0.2.1", nothing)).toBeDefined()
    place?.[Symbol.dispose]()
    expect(limits.admit("2001:db8::2", nothing)).toBeDefined()
  })

  test("a handshake that finds no room takes no place of its prefix", () => {
    const limits = testLimits(new FakeClock(chainTime), { maxHalfOpen: 1, maxHalfOpenPerPrefix: 1 })
    const place = limits.admit(undefined, nothing)
    expect(limits.admit("192.0.2.1", nothing)).toBeUndefined()
    place?.[Symbol.dispose]()
    expect(limits.admit("192.0.2.1", nothing)).toBeDefined()
  })

  test("behind a proxy and on this machine addresses count for nothing", () => {
    const limits = testLimits(new FakeClock(chainTime), { maxHalfOpenPerPrefix: 1 })
    for (const address of [undefined, "127.0.0.1", "::1"])
      for (let n = 0; n < 3; n++) expect(limits.admit(address, nothing)).toBeDefined()
  })

  test("work that waits is bounded: a new handshake is refused", async () => {
    let turn: () => void = nothing
    const limits = testLimits(new FakeClock(chainTime), {
      maxWaitingWork: 2,
      nextTurn: () => new Promise<void>((resolve) => (turn = resolve)),
    })
    const done: number[] = []
    for (let n = 0; n < 3; n++) void limits.work("begin", () => done.push(n))
    await settle()
    expect(done).toEqual([0])
    expect(limits.admit(undefined, nothing)).toBeUndefined()
    turn()
    await settle()
    expect(done).toEqual([0, 1])
    expect(limits.admit(undefined, nothing)).toBeDefined()
  })
})

describe("work that is spread over turns", () => {
  test("runs one piece a turn, and those that finish a handshake first", async () => {
    let turn: () => void = nothing
    const turns = new Turns(() => new Promise<void>((resolve) => (turn = resolve)))
    const done: string[] = []
    for (const [kind, name] of [
      ["begin", "a"],
      ["begin", "b"],
      ["end", "c"],
    ] as const)
      void turns.run(kind, () => done.push(name))
    expect(turns.waiting).toBe(2)
    for (let i = 1; i <= 3; i++) {
      await settle()
      expect(done).toHaveLength(i)
      turn()
    }
    expect(done).toEqual(["a", "c", "b"])
  })

  test("a piece that fails fails alone", async () => {
    const turns = new Turns(() => Promise.resolve())
    const failing = turns.run("begin", () => {
      throw new Error("this one")
    })
    const next = turns.run("begin", () => "done")
    await expect(failing).rejects.toThrow("this one")
    expect(await next).toBe("done")
  })
})

test("the first byte tells what a client speaks on a shared port", () => {
  expect([0xf5, 0x16, 0x47, 0x50, 0x41, 0x5a].map(protocolOf)).toEqual([
    "channel",
    "tls",
    "http",
    "http",
    "http",
    "http",
  ])
  const others = Array.from({ length: 256 }, (_, byte) => byte).filter(
    (byte) => protocolOf(byte) === undefined,
  )
  expect(others).toHaveLength(256 - 28)
})
