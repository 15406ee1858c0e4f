import { describe, expect, it } from "vitest"
import { IdleLock } from "../src/worker/idle.ts"

const minute = 60_000

function setUp(minutes: number) {
  const world = { now: 0, locked: 0, ticks: new Set<() => void>() }
  const idle = new IdleLock({
    minutes,
    now: () => world.now,
    every: (_ms, f) => {
      world.ticks.add(f)
      return { [Symbol.dispose]: () => void world.ticks.delete(f) }
    },
    lock: () => {
      world.locked++
    },
  })
  const pass = (ms: number): void => {
    world.now += ms
    for (const tick of [...world.ticks]) tick()
  }
  return { world, idle, pass }
}

describe("the lock of an idle page", () => {
  it("locks once when nothing was done for so long", () => {
    const { world, pass } = setUp(15)
    pass(15 * minute - 1)
    expect(world.locked).toBe(0)
    pass(1)
    pass(15 * minute)
    expect(world.locked).toBe(1)
  })

  it("waits again when something is done", () => {
    const { world, idle, pass } = setUp(15)
    pass(14 * minute)
    idle.active()
    pass(14 * minute)
    expect(world.locked).toBe(0)
  })

  it("locks a machine that slept before its first key counts", () => {
    const { world, idle } = setUp(15)
    world.now += 8 * 60 * minute
    idle.active()
    expect(world.locked).toBe(1)
  })

  it("never locks when it is told so, and then when it is told otherwise", () => {
    const { world, idle, pass } = setUp(0)
    pass(1000 * minute)
    expect(world.locked).toBe(0)
    idle.minutes = 5
    pass(5 * minute)
    expect(world.locked).toBe(1)
  })

  it("stops with the profile", () => {
    const { world, idle, pass } = setUp(5)
    idle[Symbol.dispose]()
    pass(10 * minute)
    expect(world.locked).toBe(0)
  })
})
