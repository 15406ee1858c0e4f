import { FakeClock } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { type Asker, NewQueues } from "../src/new-queues.ts"
import { Script } from "./support/script.ts"

interface World {
  readonly clock: FakeClock
  readonly queues: NewQueues
  /** Who was answered, in order; `-` before who was refused. */
  readonly answered: string[]
  readonly ask: (name: string, times?: number, prefix?: string) => void
  readonly leave: (name: string) => void
}

function world({ newPerSecond = 10, newBurst = 1, newWaiting = 100 } = {}): World {
  const clock = new FakeClock()
  const queues = new NewQueues(clock, { newPerSecond, newBurst, newWaiting })
  const askers = new Map<string, Asker>()
  const answered: string[] = []
  const asker = (name: string, prefix?: string): Asker => {
    const known = askers.get(name) ?? { prefix }
    askers.set(name, known)
    return known
  }
  return {
    clock,
    queues,
    answered,
    ask: (name, times = 1, prefix?: string) => {
      for (let i = 0; i < times; i++)
        void queues.take(asker(name, prefix)).then((may) => answered.push(may ? name : `-${name}`))
    },
    leave: (name) => {
      queues.leave(asker(name))
    },
  }
}

describe("new queues above the rate", () => {
  test("wait, and come at the rate", async () => {
    const { clock, answered, ask, queues } = world()
    ask("A", 4)
    await clock.advance(0)
    expect(answered).toEqual(["A"])
    await clock.advance(200)
    expect(answered).toEqual(["A", "A", "A"])
    await clock.advance(1_000)
    expect(answered).toHaveLength(4)
    expect([queues.waiting, clock.pending]).toEqual([0, 0])
  })

  test("of one who floods do not keep another from its turn", async () => {
    const { clock, answered, ask } = world()
    ask("flood", 50)
    await clock.advance(1_000)
    answered.length = 0
    ask("honest")
    await clock.advance(200)
    expect(answered).toContain("honest")
  })

  test("come in turn among prefixes: one with many connections has the share of one", async () => {
    const { clock, answered, ask } = world()
    for (let i = 0; i < 20; i++) ask(`flood ${i}`, 2, "192.0.2.1")
    ask("honest", 3, "192.0.2.2")
    await clock.advance(600)
    expect(answered.filter((name) => name === "honest")).toHaveLength(3)
  })

  test("come in turn among the connections of one prefix", async () => {
    const { clock, answered, ask } = world()
    ask("flood", 40, "192.0.2.1")
    ask("honest", 1, "192.0.2.1")
    await clock.advance(200)
    expect(answered).toEqual(["flood", "flood", "honest"])
  })

  test("are refused when too many wait, but for those who have none waiting", async () => {
    const { clock, answered, ask, queues } = world({ newWaiting: 5 })
    ask("flood", 8)
    ask("honest")
    await clock.advance(0)
    expect(answered).toEqual(["flood", "-flood", "-flood"])
    expect(queues.waiting).toBe(6)
    await clock.advance(200)
    expect(answered).toContain("honest")
  })

  test("of a connection that leaves are refused, and nothing is held for it", async () => {
    const { clock, answered, ask, leave, queues } = world()
    ask("A", 3)
    ask("B", 2)
    leave("A")
    expect(queues.waiting).toBe(2)
    await clock.advance(200)
    expect(answered).toEqual(["A", "-A", "-A", "B", "B"])
    leave("A")
    leave("nobody")
  })

  test("are refused where no rate is allowed", async () => {
    const { clock, answered, ask } = world({ newPerSecond: 0, newBurst: 1 })
    ask("A", 2)
    await clock.advance(0)
    expect(answered).toEqual(["A", "-A"])
  })
})

describe("NEW above the rate", () => {
  const limits = { newPerSecond: 1, newBurst: 1 }

  test("is answered later, and other commands of the connection are not held up", async () => {
    const clock = new FakeClock()
    const script = new Script(18, { clock, limits })
    expect(await script.run("A NEW messaging")).toBe("A IDS")
    expect(await script.run("A NEW messaging")).toBe("")
    expect(await script.run("A PING")).toBe("A PONG")
    await clock.advance(1_000)
    expect(script.take()).toBe("A IDS")
  })

  test("does not keep a connection that closes", async () => {
    const clock = new FakeClock()
    const script = new Script(18, { clock, limits })
    await script.run("A NEW messaging")
    await script.run("B NEW messaging")
    expect(script.core.newQueues.waiting).toBe(1)
    await script.run("B close")
    expect(script.core.newQueues.waiting).toBe(0)
  })
})
