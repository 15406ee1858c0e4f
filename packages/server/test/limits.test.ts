import type { Bytes } from "@smpkit/codec"
import { FakeClock, seededRandom, settle } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { Connections } from "../src/connections.ts"
import { expiryRound, type RoundRules } from "../src/expiry.ts"
import { defaultLimits, RateLimit } from "../src/limits.ts"
import { ServerError } from "../src/errors.ts"
import { dayOf, type QueueRecord, type QueueStep } from "../src/queue.ts"
import type { QueueKey } from "../src/store/store.ts"
import { SpaceGuard } from "../src/space-guard.ts"
import { MemoryStore } from "../src/store/memory.ts"
import { Connection } from "../src/connection.ts"
import { LooseSession, testCore } from "./support/below-transport.ts"
import { Script } from "./support/script.ts"

/** A store that fails while it is told to. */
class FailingStore extends MemoryStore {
  fails = false

  override create(record: QueueRecord): Promise<boolean> {
    return this.fails ? Promise.reject(new ServerError("STORE", "full")) : super.create(record)
  }

  override apply<R>(key: QueueKey, step: QueueStep<R>): Promise<R | undefined> {
    return this.fails ? Promise.reject(new ServerError("STORE", "full")) : super.apply(key, step)
  }
}

/** A session whose last blocks take their time to leave. */
class SlowSession extends LooseSession {
  left: () => void = () => undefined
  readonly #gone = new Promise<void>((resolve) => (this.left = resolve))

  override async close(): Promise<void> {
    await super.close()
    await this.#gone
  }
}

const hourMs = 3_600_000
const day = 86_400
const dropping = (messagesBefore: number): RoundRules => ({ messagesBefore, abandoned: undefined })

describe("creation", () => {
  test.each([
    ["switched off", { enabled: false, password: undefined }, "", "A ERR AUTH"],
    ["without the password", { enabled: true, password: "secret" }, "", "A ERR AUTH"],
    ["with another password", { enabled: true, password: "secret" }, " password guess", "A ERR AUTH"],
    ["with the password", { enabled: true, password: "secret" }, " password secret", "A IDS"],
    ["with a password that nobody wants", { enabled: true, password: undefined }, " password x", "A IDS"],
  ])("NEW %s", async (_what, creation, words, expected) => {
    const script = new Script(18, { core: { creation } })
    expect(await script.run(`A NEW messaging${words}`)).toBe(expected)
  })

  test("one connection creates so many queues, another goes on", async () => {
    const script = new Script(18, { limits: { queuesPerConnection: 2 } })
    expect(await script.run("A NEW messaging")).toBe("A IDS")
    expect(await script.run("A NEW messaging")).toBe("A IDS")
    expect(await script.run("A NEW messaging")).toBe("A ERR AUTH")
    expect(await script.run("B NEW messaging")).toBe("B IDS")
  })

  test("one connection subscribes to so many queues", async () => {
    const script = new Script(18, { limits: { queuesPerConnection: 1 } })
    await script.run("A NEW messaging subscribe")
    await script.run("B NEW messaging")
    expect(await script.run("A SUB")).toBe("A ERR QUOTA")
    expect(await script.run("A GET")).toBe("A ERR QUOTA")
  })

  test.each(["SUB", "GET"])("a %s that failed in the store does not count", async (tag) => {
    const store = new FailingStore()
    const script = new Script(18, {
      limits: { queuesPerConnection: 1 },
      core: { store, onFailure: () => undefined },
    })
    await script.run("A NEW messaging")
    store.fails = true
    expect(await script.run(`B ${tag}`)).toBe("B ERR STORE")
    expect(script.client("B").connection.activity.subscribed).toBe(false)
    store.fails = false
    await script.run("A NEW messaging")
    await script.run("C NEW messaging")
    expect(await script.run("B SUB")).toBe("B SOK")
  })

  test("a SUB that failed leaves the subscription that was there", async () => {
    const store = new FailingStore()
    const script = new Script(18, { core: { store, onFailure: () => undefined } })
    await script.run("A NEW messaging subscribe")
    store.fails = true
    expect(await script.run("A SUB")).toBe("A ERR STORE")
    store.fails = false
    expect(await script.run("B SEND m1")).toBe("A* MSG m1, B OK")
  })

  test("a NEW that failed in the store does not count", async () => {
    const store = new FailingStore()
    const script = new Script(18, {
      limits: { queuesPerConnection: 1 },
      core: { store, onFailure: () => undefined },
    })
    store.fails = true
    expect(await script.run("A NEW messaging")).toBe("A ERR STORE")
    store.fails = false
    expect(await script.run("A NEW messaging")).toBe("A IDS")
  })

  test("a rate allows a burst, and then so many a second", () => {
    const clock = new FakeClock()
    const rate = new RateLimit(clock, 2, 3)
    const taken = (n: number): boolean[] => Array.from({ length: n }, () => rate.take())
    expect(taken(4)).toEqual([true, true, true, false])
    clock.jump(500)
    expect(taken(2)).toEqual([true, false])
    clock.jump(-hourMs)
    expect(taken(1)).toEqual([false])
    clock.jump(hourMs)
    expect(taken(4)).toEqual([true, true, true, false])
  })

  test("without a rate NEW is refused", async () => {
    const script = new Script(18, { limits: { newPerSecond: 0, newBurst: 0 } })
    expect(await script.run("A NEW messaging")).toBe("A ERR AUTH")
  })
})

describe("a store that is full", () => {
  test("NEW is refused and SEND finds its queue full; reading goes on, and what it frees can be used", async () => {
    let full = false
    const script = new Script(18, { core: { isFull: () => full } })
    await script.run("A NEW messaging subscribe")
    expect(await script.run("B SEND m1")).toBe("A* MSG m1, B OK")
    full = true
    expect(await script.run("B SEND m2")).toBe("B ERR QUOTA")
    expect(await script.run("C NEW messaging")).toBe("C ERR AUTH")
    expect(await script.run("A ACK last")).toBe("A OK")
    full = false
    expect(await script.run("B SEND m3")).toBe("A* MSG m3, B OK")
  })

  test.each([
    [{ used: 10, free: undefined }, false],
    [{ used: 100, free: undefined }, true],
    [{ used: 10, free: 49 }, true],
    [{ used: 10, free: 50 }, false],
  ])("%o: %s", async (space, full) => {
    const store = new MemoryStore()
    store.space = () => Promise.resolve(space)
    const guard = new SpaceGuard(store, { storeBytes: 100, freeDiskBytes: 50 })
    await guard.measure()
    expect(guard.full).toBe(full)
  })
})

describe("messages that are old", () => {
  test("are dropped by the round; a marker and what is behind it stays", async () => {
    const clock = new FakeClock()
    const script = new Script(18, { clock, limits: { quota: 2 } })
    await script.run("A NEW messaging")
    await script.run("B SEND m1")
    clock.jump(day * 1000)
    await script.run("B SEND m2")
    await script.run("B SEND m3")
    const seconds = Math.floor(clock.now() / 1000)
    expect(await expiryRound(script.core.store, dropping(seconds - day + 1))).toEqual({
      messages: 1,
      queues: 0,
    })
    expect(await script.run("A GET")).toBe("A MSG m2")
    expect(await expiryRound(script.core.store, dropping(seconds + 1))).toEqual({ messages: 1, queues: 0 })
    expect(await script.run("A GET")).toBe("A MSG (quota)")
    expect(await expiryRound(script.core.store, dropping(seconds + day))).toEqual({ messages: 0, queues: 0 })
  })

  test("are dropped by a SEND where that is switched on", async () => {
    const clock = new FakeClock()
    const script = new Script(18, { clock, core: { expireOnSend: true, messageTtl: 21 * day } })
    await script.run("A NEW messaging")
    await script.run("B SEND m1")
    await script.run("B SEND m2")
    clock.jump(21 * day * 1000 + 1000)
    await script.run("B SEND m3")
    expect(await script.run("A GET")).toBe("A MSG m3")
  })
})

describe("a queue that nobody secures", () => {
  const dayMs = day * 1000
  const days = 21
  interface World {
    readonly clock: FakeClock
    readonly script: Script
    readonly round: () => Promise<number>
  }
  function world(): World {
    const clock = new FakeClock()
    const script = new Script(18, { clock })
    const { store, subscribers } = script.core
    const round = async (): Promise<number> => {
      const today = dayOf(clock.now())
      const isSubscribed = (id: Bytes): boolean => subscribers.has(id)
      const abandoned = { before: today - days, today, isSubscribed }
      return (await expiryRound(store, { messagesBefore: undefined, abandoned })).queues
    }
    return { clock, script, round }
  }

  test("goes after its days, not before, and answers AUTH from then on", async () => {
    const { clock, script, round } = world()
    await script.run("A NEW messaging")
    clock.jump(days * dayMs)
    expect(await round()).toBe(0)
    clock.jump(dayMs)
    expect(await round()).toBe(1)
    expect(await script.run("A SUB")).toBe("A ERR AUTH")
    expect(await script.run("B SEND m1")).toBe("B ERR AUTH")
  })

  test.each([
    ["contact", "A NEW contact", []],
    ["no mode", "A NEW", []],
    ["secured by its recipient", "A NEW messaging", ["A KEY k"]],
    ["secured by its sender", "A NEW messaging", ["B SKEY k"]],
    ["with a message", "A NEW messaging", ["B SEND m1"]],
  ])("stays: %s", async (_why, made, lines) => {
    const { clock, script, round } = world()
    expect(await script.run(made)).toBe("A IDS")
    for (const line of lines) expect(await script.run(line)).toMatch(/ OK$/)
    clock.jump(1_000 * dayMs)
    expect(await round()).toBe(0)
    expect(await script.run("A SUB")).toMatch(/^A SOK/)
  })

  test("stays while it is subscribed, and has all its days after that", async () => {
    const { clock, script, round } = world()
    await script.run("A NEW messaging subscribe")
    clock.jump(100 * dayMs)
    expect(await round()).toBe(0)
    await script.run("A close")
    clock.jump(days * dayMs)
    expect(await round()).toBe(0)
    clock.jump(dayMs)
    expect(await round()).toBe(1)
  })

  test.each(["SUB", "GET"])("begins its days anew with %s", async (tag) => {
    const { clock, script, round } = world()
    await script.run("A NEW messaging")
    clock.jump(20 * dayMs)
    expect(await script.run(`A ${tag}`)).toMatch(/^A (SOK|OK)/)
    await script.run("A close")
    clock.jump(20 * dayMs)
    expect(await round()).toBe(0)
    clock.jump(2 * dayMs)
    expect(await round()).toBe(1)
  })
})

describe("connections", () => {
  const random = seededRandom("connections")
  async function opened(connections: Connections, clock: FakeClock): Promise<LooseSession> {
    const place = connections.reserve()
    if (place === undefined) throw new Error("no place")
    const session = new LooseSession(18, random.bytes(32))
    void connections.serve(new Connection(testCore({ random, clock }), session))
    place[Symbol.dispose]()
    await settle()
    return session
  }

  test("so many at a time; a silent one without subscriptions makes room, a busy one does not", async () => {
    const clock = new FakeClock()
    const connections = new Connections(clock, 2)
    const first = await opened(connections, clock)
    clock.jump(20_000)
    const second = await opened(connections, clock)
    expect(connections.reserve()).toBeUndefined()
    clock.jump(20_000)
    const third = await opened(connections, clock)
    expect(first.isClosed).toBe(true)
    expect(second.isClosed).toBe(false)
    expect(connections.reserve()).toBeUndefined()
    expect(third.isClosed).toBe(false)
  })

  test("one that made room is waited for at the end", async () => {
    const clock = new FakeClock()
    const connections = new Connections(clock, 1)
    const place = connections.reserve()
    const session = new SlowSession(18, random.bytes(32))
    void connections.serve(new Connection(testCore({ random, clock }), session))
    place?.[Symbol.dispose]()
    await settle()
    clock.jump(40_000)
    expect(connections.reserve()).toBeDefined()
    let finished = false
    void connections.finish(1_000).then(() => (finished = true))
    await settle(8)
    expect([session.isClosed, finished]).toEqual([true, false])
    session.left()
    await settle(8)
    expect(finished).toBe(true)
  })

  test("idle ones are closed, those with subscriptions are not", async () => {
    const clock = new FakeClock()
    const script = new Script(18, { clock })
    await script.run("A NEW messaging subscribe")
    await script.run("B PING")
    const connections = new Connections(clock, 10)
    for (const name of ["A", "B"]) void connections.serve(script.client(name).connection)
    clock.jump(6 * hourMs - 1)
    connections.closeIdle(6 * hourMs)
    expect(script.client("B").session.isClosed).toBe(false)
    clock.jump(1)
    connections.closeIdle(6 * hourMs)
    expect(script.client("B").session.isClosed).toBe(true)
    expect(script.client("A").session.isClosed).toBe(false)
  })

  test("a peer that does not read is paused: neither commands nor messages pile up, and nothing is lost", async () => {
    const script = new Script(18, { limits: { outboxBytes: 40_000, blocksInFlight: 2 } })
    await script.run("A NEW messaging subscribe")
    let resume = (): void => undefined
    const { session, client } = script.client("A")
    session.stalled = new Promise((resolve) => {
      resume = resolve
    })
    const pings = 20_000
    for (let i = 0; i < pings; i += 200)
      session.putItems(...Array.from({ length: 200 }, () => client.transmission({ type: "PING" })))
    await settle(50)
    expect(session.unread).toBeGreaterThan(50)
    // A message that arrives meanwhile waits in the store.
    expect(await script.run("B SEND m1")).toBe("B OK")
    session.stalled = undefined
    resume()
    await settle(2_000)
    const said = script.take().split(", ")
    expect(said.filter((line) => line === "A PONG")).toHaveLength(pings)
    expect(said.filter((line) => line === "A* MSG m1")).toHaveLength(1)
    expect(await script.run("A ACK last")).toBe("A OK")
  })

  test("a connection that finishes answers what it has received", async () => {
    const script = new Script(18)
    await script.run("A NEW messaging subscribe")
    const { session, client, connection } = script.client("B")
    session.putItems(client.transmission({ type: "PING" }))
    await settle(2)
    await connection.finish()
    expect(script.take()).toBe("B PONG")
    expect(session.isClosed).toBe(true)
  })
})

test("the defaults are those of the specification", () => {
  expect(defaultLimits.quota).toBe(128)
})

test("a peer that asks much in few bytes and reads nothing is paused early", async () => {
  const script = new Script(18, { limits: { outboxBytes: 1 << 16 } })
  const { session, client } = script.client("A")
  session.stalled = new Promise(() => undefined)
  const ping = client.transmission({ type: "PING" }, { corrId: new Uint8Array(0) })
  session.putItems(...Array.from({ length: 255 * 100 }, () => ping))
  await settle(400)
  expect(session.unread).toBeGreaterThan(90)
})
