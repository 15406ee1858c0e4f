import { generateKeyPair, systemRandom } from "@smpkit/crypto"
import type { BrokerMessage } from "@smpkit/smp"
import { FakeClock, seededRandom, settle } from "@smpkit/testkit"
import { TransportError } from "@smpkit/transport"
import { describe, expect, test } from "vitest"
import { type ClientOptions, type PoolEvent, ServerPool } from "../src/index.ts"
import { FakeNetwork, id, msg, server } from "./fake-server.ts"

const key = generateKeyPair("ed25519", systemRandom)
const broken = new TransportError("NETWORK", "no way")

function pool(options?: ClientOptions): {
  pool: ServerPool
  network: FakeNetwork
  clock: FakeClock
  events: PoolEvent[]
  listen: () => void
} {
  const clock = new FakeClock()
  const network = new FakeNetwork(clock)
  const made = new ServerPool({ connector: network, clock, random: seededRandom("pool") }, options)
  const events: PoolEvent[] = []
  const listen = (): void => {
    void (async () => {
      for await (const event of made.events()) events.push(event)
    })()
  }
  return { pool: made, network, clock, events, listen }
}

function answerFirst({ session }: FakeNetwork, message: BrokerMessage): void {
  const [arrived] = session.commands
  if (arrived === undefined) throw new Error("nothing came")
  session.answer(arrived, message)
}

const types = (events: readonly PoolEvent[]): string[] => events.map(({ type, role }) => `${type} ${role}`)

describe("connections", () => {
  test("there is one for each server and role, shared by all who ask, with and without the password", async () => {
    const { pool: p, network } = pool()
    const [a, b, c, d] = await Promise.all([
      p.client(server, "receive"),
      p.client({ ...server, basicAuth: "pw" }, "receive"),
      p.client(server, "send"),
      p.client({ ...server, port: "5224" }, "send"),
    ])
    expect(a).toBe(b)
    expect(new Set([a, c, d]).size).toBe(3)
    expect(network.sessions.length).toBe(3)
    expect(p.current(server, "send")).toBe(c)
    expect(p.current({ ...server, port: "5225" }, "send")).toBeUndefined()
    await p.close()
  })

  test("a request connects, and fails as connecting does; another attempt so soon gets the same error", async () => {
    const { pool: p, network, clock } = pool()
    network.down = broken
    const ping = (): Promise<unknown> =>
      p.request(server, "send", { type: "PING" }, { entityId: new Uint8Array() })
    await expect(ping()).rejects.toBe(broken)
    await expect(ping()).rejects.toBe(broken)
    expect(network.attempts.length).toBe(1)
    await clock.advance(1_000)
    network.down = undefined
    const answer = ping()
    await settle()
    const [arrived] = network.session.commands
    if (arrived === undefined) throw new Error("nothing came")
    network.session.answer(arrived, { type: "PONG" })
    expect(await answer).toEqual({ type: "PONG" })
    await p.close()
  })

  test("one that is not kept is made again only when it is needed", async () => {
    const { pool: p, network, clock, events, listen } = pool()
    listen()
    await p.client(server, "send")
    network.session.end({ type: "ended" })
    await clock.advance(600_000)
    expect(network.sessions.length).toBe(1)
    expect(types(events)).toEqual(["up send", "down send"])
    await p.client(server, "send")
    expect(network.sessions.length).toBe(2)
    await p.close()
  })

  test("one that is kept comes back at once, then with growing delays", async () => {
    const { pool: p, network, clock, events, listen } = pool()
    listen()
    p.keep(server, "receive")
    await clock.advance(20_000)
    expect(network.sessions.length).toBe(1)
    network.down = broken
    const dropped = clock.now()
    network.session.end({ type: "error", code: "NETWORK", message: "reset" })
    await clock.advance(60_000)
    const waits = network.attempts.slice(1).map((at, i, all) => at - (all[i - 1] ?? dropped))
    expect(waits[0]).toBeLessThanOrEqual(250)
    expect(waits.length).toBeGreaterThan(6)
    waits.slice(1, 6).forEach((wait) => {
      expect(wait).toBeGreaterThanOrEqual(1_500)
      expect(wait).toBeLessThanOrEqual(2_500)
    })
    expect(waits.at(-1)).toBeGreaterThan(3_000)
    network.down = undefined
    await clock.advance(60_000)
    expect(types(events)).toEqual(["up receive", "down receive", "up receive"])
    await p.close()
  })

  test("one that is dropped as soon as it is there is not tried in a loop", async () => {
    const { pool: p, network, clock } = pool()
    p.keep(server, "receive")
    await settle()
    for (let i = 0; i < 60; i++) {
      if (p.current(server, "receive") !== undefined) network.session.end({ type: "ended" })
      await clock.advance(500)
    }
    expect(network.attempts.length).toBeGreaterThan(3)
    expect(network.attempts.length).toBeLessThan(16)
    await p.close()
  })

  test("who asks while the pool waits gets an attempt at once", async () => {
    const { pool: p, network, clock } = pool()
    network.down = broken
    p.keep(server, "receive")
    await clock.advance(120_000)
    network.down = undefined
    await clock.advance(1_001)
    const before = network.attempts.length
    if (p.current(server, "receive") === undefined) {
      await p.client(server, "receive")
      expect(network.attempts.length).toBe(before + 1)
    }
    await p.close()
    expect(clock.pending).toBe(0)
  })

  test("one caller who gives up does not take it from the others", async () => {
    const { pool: p, network } = pool()
    let go = (): void => undefined
    network.hold = new Promise((resolve) => {
      go = resolve
    })
    const controller = new AbortController()
    const given = p.client(server, "send", { signal: controller.signal })
    const other = p.client(server, "send")
    controller.abort(new Error("enough"))
    await expect(given).rejects.toThrow("enough")
    go()
    expect(await other).toBe(p.current(server, "send"))
    await p.close()
  })

  test("one that is given up is closed when its requests are answered, and forgotten", async () => {
    const { pool: p, network } = pool()
    p.keep(server, "receive")
    const first = await p.client(server, "receive")
    const answer = p.request(server, "receive", { type: "DEL" }, { entityId: id(1), key })
    await settle()
    const released = p.release(server, "receive")
    await settle()
    expect(p.current(server, "receive")).toBe(first)
    answerFirst(network, { type: "OK" })
    await answer
    await released
    expect(await first.closed).toEqual({ type: "local" })
    expect(p.size).toBe(0)
    await p.release(server, "receive")
    expect(await p.client(server, "receive")).not.toBe(first)
    await p.close()
  })

  test("one that is given up stays where somebody asks for it meanwhile", async () => {
    const { pool: p, network } = pool()
    const first = await p.client(server, "send")
    const answer = p.request(server, "send", { type: "PING" }, { entityId: new Uint8Array(0) })
    await settle()
    const released = p.release(server, "send")
    expect(await p.client(server, "send")).toBe(first)
    answerFirst(network, { type: "PONG" })
    await answer
    await released
    expect(p.current(server, "send")).toBe(first)
    await p.close()
  })

  test("one that is given up while it is tried, or waits for its next attempt, is forgotten as well", async () => {
    const { pool: p, network, clock } = pool()
    network.down = broken
    p.keep(server, "receive")
    await p.release(server, "receive")
    expect(p.size).toBe(0)
    p.keep(server, "receive")
    await settle()
    await p.release(server, "receive")
    expect([p.size, clock.pending]).toEqual([0, 0])
    await p.close()
  })

  test("keep(false) ends the attempts", async () => {
    const { pool: p, network, clock } = pool()
    network.down = broken
    p.keep(server, "receive")
    await clock.advance(5_000)
    p.keep(server, "receive", false)
    const before = network.attempts.length
    await clock.advance(600_000)
    expect(network.attempts.length).toBe(before)
    expect(clock.pending).toBe(0)
    await p.close()
  })
})

describe("events", () => {
  test("what a server says comes between up and down, in order", async () => {
    const { pool: p, network, events, listen } = pool()
    listen()
    await p.client(server, "receive")
    for (let n = 1; n <= 5; n++) network.session.say({ entityId: id(n), message: msg(n) })
    await settle()
    network.session.end({ type: "ended" })
    await settle()
    expect(types(events)).toEqual([
      "up receive",
      ...Array.from({ length: 5 }, () => "event receive"),
      "down receive",
    ])
    expect(events.flatMap((e) => (e.type === "event" ? [e.event.entityId.at(-1)] : []))).toEqual([
      1, 2, 3, 4, 5,
    ])
    await p.close()
  })

  test("a slow consumer stops the reading of the sockets; nothing is lost", async () => {
    const { pool: p, network, events, listen } = pool({ eventLimit: 3 })
    await p.client(server, "receive")
    for (let n = 1; n <= 50; n++) network.session.say({ entityId: id(n), message: msg(n) })
    await settle(60)
    expect(network.session.reads).toBeLessThan(12)
    listen()
    await settle(200)
    expect(events.filter(({ type }) => type === "event").length).toBe(50)
    await p.close()
  })

  test("close settles all: requests, attempts, waits, consumers", async () => {
    const { pool: p, network, clock } = pool({ eventLimit: 1 })
    await p.client(server, "receive")
    for (let n = 1; n <= 10; n++) network.session.say({ entityId: id(n), message: msg(n) })
    const request = p
      .request(server, "receive", { type: "SUB" }, { entityId: id(1), key })
      .catch((e: unknown) => e)
    await settle()
    network.hold = new Promise(() => undefined)
    let release = (): void => undefined
    network.hold = new Promise((resolve) => {
      release = resolve
    })
    const attempt = p.client(server, "send").catch((e: unknown) => e)
    await settle()
    const closing = p.close()
    release()
    await closing
    expect(await request).toMatchObject({ code: "CLOSED" })
    expect(await attempt).toMatchObject({ code: "CLOSED" })
    for await (const event of p.events()) expect(["up", "event", "down"]).toContain(event.type)
    await expect(p.client(server, "receive")).rejects.toMatchObject({ code: "CLOSED" })
    expect(() => {
      p.keep(server, "receive")
    }).toThrow("closed")
    expect(clock.pending).toBe(0)
  })
})
