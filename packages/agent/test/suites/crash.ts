import { decodeUtf8, toBase64Url } from "@smpkit/codec"
import type { ServerAddress } from "@smpkit/smp"
import { FakeClock, seededRandom, settle } from "@smpkit/testkit"
import { type SmpSession, TransportError } from "@smpkit/transport"
import { describe, expect, it } from "vitest"
import { Agent, AgentError, type AgentEvent, memoryRawStore, type RawStore } from "../../src/index.ts"
import { connectorTo, FakeServer } from "../scenario/fake-server.ts"
import { openStore } from "../scenario/world.ts"

type When = "before" | "after"

/** A machine with an agent on it, which loses its power at one commit. */
class Machine {
  readonly #disk = memoryRawStore()
  readonly #server: FakeServer
  readonly #servers: readonly FakeServer[]
  readonly #clock: FakeClock
  readonly #random = seededRandom("machine")
  #power = { on: true }
  #sessions: SmpSession[] = []
  commits = 0
  crashAt = Number.POSITIVE_INFINITY
  crashWhen: When = "before"
  crashed: () => void = () => undefined

  constructor(name: string, server: FakeServer, servers: readonly FakeServer[], clock: FakeClock) {
    this.#random = seededRandom(name)
    this.#server = server
    this.#servers = servers
    this.#clock = clock
  }

  async start(): Promise<Agent> {
    const power = { on: true }
    this.#power = power
    this.#sessions = []
    const inner = connectorTo(...this.#servers)
    return await Agent.open({
      store: await openStore(this.#wired(power), this.#random),
      clock: this.#clock,
      random: this.#random,
      servers: [this.#server.address],
      connector: {
        connect: async (address, options) => {
          if (!power.on) throw new TransportError("NETWORK", "no power")
          const session = await inner.connect(address, options)
          this.#sessions.push(session)
          return session
        },
      },
    })
  }

  /** The disk as an agent under power sees it: when the power goes, nothing is written and nothing answers any more. */
  #wired(power: { on: boolean }): RawStore {
    const never = new Promise<never>(() => undefined)
    return {
      get: (key) => this.#disk.get(key),
      scan: (prefix) => this.#disk.scan(prefix),
      commit: async (changes, expected) => {
        if (!power.on) return await never
        const crash = ++this.commits === this.crashAt
        if (crash && this.crashWhen === "before") return await this.#cut(never)
        await this.#disk.commit(changes, expected)
        if (crash) return await this.#cut(never)
      },
      [Symbol.asyncDispose]: async () => {
        await Promise.resolve()
      },
    }
  }

  async #cut(never: Promise<never>): Promise<never> {
    this.#power.on = false
    for (const session of this.#sessions) void session.close()
    this.crashed()
    return await never
  }
}

/** An application that does its part of a conversation, whatever happens to the machine under it. */
class Application {
  readonly name: string
  readonly machine: Machine
  agent: Agent | undefined
  connectionId: string | undefined
  link: string | undefined
  connected = false
  moved = false
  /** Texts whose `sendMessage` has resolved. */
  readonly accepted: string[] = []
  readonly sent = new Set<number>()
  readonly delivered = new Set<number>()
  readonly acceptedIds: number[] = []
  readonly shown: string[] = []
  readonly acknowledged = new Set<string>()
  readonly violations: string[] = []
  #attempt = 0
  #generation = 0

  constructor(name: string, machine: Machine) {
    this.name = name
    this.machine = machine
    machine.crashed = () => {
      this.agent = undefined
      this.#generation++
    }
  }

  async start(): Promise<void> {
    const generation = this.#generation
    const starting = this.machine.start()
    const agent = await Promise.race([starting, this.#crash()])
    if (agent === undefined || generation !== this.#generation) return
    this.agent = agent
    void this.#read(agent, generation)
  }

  async #crash(): Promise<undefined> {
    const generation = this.#generation
    while (generation === this.#generation) await settle(1)
    return undefined
  }

  async #read(agent: Agent, generation: number): Promise<void> {
    for await (const event of agent.events()) {
      if (generation !== this.#generation) return
      await this.#on(agent, event)
    }
  }

  async #on(agent: Agent, event: AgentEvent): Promise<void> {
    switch (event.type) {
      case "confirmation": {
        const { connectionId, confirmationId } = event
        await agent.allowConnection({ connectionId, confirmationId }).catch((error: unknown) => {
          // It was accepted before the power went.
          if (!AgentError.is(error, "PROHIBITED")) throw error
        })
        return
      }
      case "contactRequest":
        await agent.acceptContact(event)
        return
      case "connected":
        // At an address, the connection is that of the request.
        this.connectionId = event.connectionId
        this.connected = true
        return
      case "message": {
        const text = decodeUtf8(event.body) ?? "?"
        if (this.acknowledged.has(text)) this.violations.push(`${text} came again after it was acknowledged`)
        if (!event.redelivered && this.shown.includes(text)) this.violations.push(`${text} came twice`)
        if (!this.shown.includes(text)) this.shown.push(text)
        await agent.acknowledgeMessage({ ...event, receipt: true })
        this.acknowledged.add(text)
        return
      }
      case "sent":
        this.sent.add(event.messageId)
        return
      case "delivered":
        if (!event.hashOk) this.violations.push("a receipt with a wrong hash")
        this.delivered.add(event.messageId)
        return
      case "failed":
      case "closed":
        this.violations.push(`${event.type} ${event.code}`)
        return
      case "error":
        this.violations.push(`error ${event.code}: ${event.message}`)
        return
      default:
        return
    }
  }

  /** One call of the application; `undefined` when the power went meanwhile, or the network was away. */
  async call<T>(f: (agent: Agent) => Promise<T>): Promise<T | undefined> {
    const { agent } = this
    if (agent === undefined) return undefined
    return await Promise.race([
      f(agent).catch((error: unknown) => {
        if (AgentError.is(error, "NETWORK") || AgentError.is(error, "CLOSED")) return undefined
        throw error
      }),
      this.#crash(),
    ])
  }

  /** Moves the queue unless it moves already, or has moved. */
  async move({ hosts, keyHash }: ServerAddress): Promise<void> {
    const { connectionId } = this
    if (connectionId === undefined || this.moved) return
    const server = `smp://${toBase64Url(keyHash)}@${hosts[0]}`
    const state = await this.call((agent) => agent.connectionState({ connectionId }))
    const [queue, other] = state?.receiveQueues ?? []
    this.moved = queue?.server === server && other === undefined
    if (queue === undefined || queue.server === server || other !== undefined) return
    await this.call((agent) => agent.switchQueue({ connectionId, server }))
  }

  async send(): Promise<void> {
    const { connectionId } = this
    if (connectionId === undefined) return
    const text = `${this.name} ${++this.#attempt}`
    const result = await this.call((agent) => agent.sendMessage({ connectionId, text }))
    if (result === undefined) return
    this.accepted.push(text)
    this.acceptedIds.push(result.messageId)
  }
}

const messages = 2

interface Plan {
  readonly victim: "alice" | "bob" | undefined
  readonly crashAt: number
  readonly when: When
  /** Queues whose sender cannot set its key. */
  readonly slow: boolean
  /** What Alice makes for Bob. */
  readonly way: Way
}

/** `moved`: an invitation, and both move their queues to a third server when they are connected. */
type Way = "invitation" | "short invitation" | "address" | "short address" | "moved"

/** Runs a conversation to its end through one crash; the answer is how many commits the victim has made. */
async function conversation({ victim, crashAt, when, slow, way }: Plan): Promise<number> {
  const clock = new FakeClock()
  const random = seededRandom("servers")
  const one = new FakeServer("one.example", { clock, random })
  const two = new FakeServer("two.example", { clock, random })
  const three = new FakeServer("three.example", { clock, random })
  one.slow = two.slow = slow
  const all = [one, two, three]
  const alice = new Application("alice", new Machine("alice", one, all, clock))
  const bob = new Application("bob", new Machine("bob", two, all, clock))
  const unlucky = victim === "bob" ? bob : alice
  if (victim !== undefined) {
    unlucky.machine.crashAt = crashAt
    unlucky.machine.crashWhen = when
  }
  const people = [alice, bob]
  const done = (): boolean =>
    people.every(
      (p) =>
        p.connected &&
        p.accepted.length >= messages &&
        p.acceptedIds.every((id) => p.sent.has(id) && p.delivered.has(id)),
    ) &&
    alice.accepted.every((text) => bob.shown.includes(text)) &&
    bob.accepted.every((text) => alice.shown.includes(text)) &&
    (way !== "moved" || people.every(({ moved }) => moved))
  for (let turn = 0; turn < 300 && !done(); turn++) {
    for (const person of people) if (person.agent === undefined) await person.start()
    if (alice.link === undefined) {
      const made = await alice.call((agent) =>
        agent.createConnection({
          mode: way.endsWith("address") ? "contact" : "invitation",
          short: way.startsWith("short"),
        }),
      )
      alice.link = made?.shortLink ?? made?.link
    } else if (bob.connectionId === undefined) {
      const { link } = alice
      const joined = await bob.call(async (agent) => {
        try {
          return await agent.joinConnection({ link })
        } catch (error) {
          // The answer to an earlier call was lost with the power.
          if (AgentError.is(error, "LINK_ALREADY_USED") && error.connectionId !== undefined)
            return { connectionId: error.connectionId }
          throw error
        }
      })
      bob.connectionId = joined?.connectionId
    }
    for (const person of people) {
      if (way === "moved" && person.connected) await person.move(three.address)
      if (person.connected && person.accepted.length < messages) await person.send()
    }
    await clock.advance(1000)
  }
  // Receipts, and whatever should not happen any more.
  await clock.advance(30_000)
  const violations = people.flatMap((p) => p.violations)
  expect({ victim, crashAt, when, slow, way, done: done(), violations }).toEqual({
    victim,
    crashAt,
    when,
    slow,
    way,
    done: true,
    violations: [],
  })
  const order = (shown: readonly string[], accepted: readonly string[]): readonly string[] =>
    shown.filter((t) => accepted.includes(t))
  expect(order(bob.shown, alice.accepted)).toEqual(alice.accepted)
  expect(order(alice.shown, bob.accepted)).toEqual(bob.accepted)
  const { commits } = unlucky.machine
  for (const person of people) await person.agent?.close()
  return commits
}

/** Everything that is sent between two commits is tried with a crash on either side of it, or, to be faster, only where `chosen` says so. */
export function crashSuite(chosen: (crashAt: number, when: When) => boolean): void {
  describe("a crash at any commit", () => {
    it.each([
      ["alice", "invitation", false],
      ["bob", "invitation", false],
      ["alice", "invitation", true],
      ["bob", "invitation", true],
      ["alice", "short invitation", false],
      ["bob", "short invitation", false],
      ["alice", "address", false],
      ["bob", "address", false],
      ["alice", "address", true],
      ["bob", "address", true],
      ["alice", "short address", false],
      ["bob", "short address", false],
      ["alice", "moved", false],
      ["bob", "moved", false],
    ] as const)(
      "of %s loses nothing and shows nothing twice (by %s, slow handshake: %s)",
      { timeout: 240_000 },
      async (victim, way, slow) => {
        const commits = await conversation({ victim, crashAt: Infinity, when: "before", slow, way })
        expect(commits).toBeGreaterThan(10)
        for (let crashAt = 1; crashAt <= commits + 5; crashAt++) {
          for (const when of ["before", "after"] as const)
            if (chosen(crashAt, when)) await conversation({ victim, crashAt, when, slow, way })
        }
      },
    )
  })
}
