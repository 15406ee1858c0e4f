import { expect, test } from "vitest"
import { type EventLoop, Turns } from "../src/turns.ts"

/** An event loop that goes round when it is told to, and whose time passes only with work. */
class FakeLoop implements EventLoop {
  time = 0
  turn = 0
  #next: (() => void)[] = []

  now(): number {
    return this.time
  }

  next(f: () => void): void {
    this.#next.push(f)
  }

  get isIdle(): boolean {
    return this.#next.length === 0
  }

  async goRound(): Promise<void> {
    this.turn += 1
    for (const f of this.#next.splice(0)) f()
    // What waited for the work goes on before the loop does.
    for (let i = 0; i < 10; i++) await Promise.resolve()
  }

  async untilIdle(): Promise<void> {
    while (!this.isIdle) await this.goRound()
  }
}

interface World {
  readonly loop: FakeLoop
  readonly turns: Turns
  /** Who worked when, in order. */
  readonly done: { readonly who: string; readonly at: number; readonly turn: number }[]
  readonly work: (who: string, count: number, ms: number) => Promise<readonly number[]>
}

function world(turnMs = 2, shareMs = 0.5): World {
  const loop = new FakeLoop()
  const turns = new Turns(loop, { turnMs, shareMs })
  const owners = new Map<string, object>()
  const done: { who: string; at: number; turn: number }[] = []
  return {
    loop,
    turns,
    done,
    work: (who, count, ms) => {
      const owner = owners.get(who) ?? { who }
      owners.set(who, owner)
      return turns.each(
        owner,
        Array.from({ length: count }, (_, i) => i),
        (i) => {
          loop.time += ms
          done.push({ who, at: loop.time, turn: loop.turn })
          return i
        },
      )
    },
  }
}

test("nobody else there: done at once, as far as a turn goes", async () => {
  const { work, loop } = world()
  expect(await work("A", 4, 0.5)).toEqual([0, 1, 2, 3])
  expect(loop.turn).toBe(0)
  expect(await world().work("A", 0, 1)).toEqual([])
})

test.each([4, 16, 256])(
  "one command waits for one share of each of %i floods, whatever those have left",
  async (floods) => {
    const { work, loop, done } = world()
    for (let n = 0; n < floods; n++) void work(`flood ${n}`, 10_000, 0.3)
    await loop.goRound()
    const asked = loop.time
    void work("honest", 1, 0.1)
    while (!done.some(({ who }) => who === "honest")) await loop.goRound()
    const waited = (done.find(({ who }) => who === "honest")?.at ?? Infinity) - asked
    // Two steps of 0.3 ms reach a share of 0.5 ms.
    expect(waited).toBeLessThanOrEqual(floods * 0.6 + 0.1 + 1e-9)
    // And it waits no less: nobody is passed over for it.
    const between = done.filter(({ at }) => at > asked && at <= asked + waited).map(({ who }) => who)
    expect(new Set(between).size).toBe(floods + 1)
  },
)

test("one after the other, the shares are equal in time, whatever a step takes", async () => {
  const { work, loop, done } = world()
  void work("slow", 10_000, 0.25)
  void work("fast", 10_000, 0.05)
  for (let i = 0; i < 200; i++) await loop.goRound()
  const time = (name: string, ms: number): number => done.filter(({ who }) => who === name).length * ms
  expect(time("fast", 0.05) / time("slow", 0.25)).toBeGreaterThan(0.8)
  expect(time("fast", 0.05) / time("slow", 0.25)).toBeLessThan(1.25)
})

test("no turn of the event loop takes longer than its length and one step", async () => {
  const { work, loop, done } = world()
  for (const who of ["A", "B", "C"]) void work(who, 100, 0.3)
  await loop.untilIdle()
  expect(done).toHaveLength(300)
  for (let turn = 0; turn <= loop.turn; turn++) {
    expect(done.filter((d) => d.turn === turn).length * 0.3).toBeLessThan(2 + 0.3)
  }
})

test("a step longer than a turn ends it, and the next turn goes on", async () => {
  const { work, loop, done } = world()
  void work("A", 3, 10)
  void work("B", 1, 1)
  await loop.untilIdle()
  expect(done.map(({ who, turn }) => `${who}${turn}`)).toEqual(["A0", "A1", "B2", "A2"])
})

test("in order for each, and the same work again and again has a place behind the others", async () => {
  const { work, loop, done } = world(2, 0.5)
  const order: string[] = []
  void work("A", 4, 1).then(() => order.push("first"))
  void work("A", 2, 1).then(() => order.push("second"))
  void work("B", 2, 1).then(() => order.push("B"))
  await loop.untilIdle()
  expect(done.map(({ who }) => who).join("")).toBe("AAABABAA")
  expect(order).toEqual(["first", "B", "second"])
})

test("what throws rejects, leaves the rest of it, and nothing else", async () => {
  const { turns, work, loop } = world()
  const seen: number[] = []
  const failing = turns.each({}, [1, 2, 3], (n) => {
    seen.push(n)
    if (n === 2) throw new RangeError("two")
    return n
  })
  await expect(failing).rejects.toThrow(RangeError)
  const after = work("A", 1, 1)
  await loop.untilIdle()
  expect(await after).toEqual([0])
  expect(seen).toEqual([1, 2])
})

test("when all is done the event loop is left alone", async () => {
  const { work, loop } = world()
  void work("A", 1, 0.1)
  await loop.goRound()
  expect(loop.isIdle).toBe(true)
})
