import { decodeUtf8, utf8 } from "@smpkit/codec"
import { type Random, sha256 } from "@smpkit/crypto"
import { FakeClock, seededRandom, settle } from "@smpkit/testkit"
import type { Connector } from "@smpkit/client"
import type { ServerAddress } from "@smpkit/smp"
import { connectorTo, FakeServer } from "./fake-server.ts"
import {
  Agent,
  type AgentEvent,
  type AgentOptions,
  memoryRawStore,
  type RawStore,
  type SealedStore,
} from "../../src/index.ts"
import { openSealedStore } from "../../src/store/sealed.ts"

/** Opens a store fast: no test here is about Argon2. */
export function openStore(raw: RawStore, random: Random): Promise<SealedStore> {
  return openSealedStore(raw, { passphrase: "test", random }, (passphrase, salt) => sha256(passphrase, salt))
}

/** An agent with its events collected, and what it needs to be opened again. */
export class Person {
  readonly name: string
  readonly events: AgentEvent[] = []
  readonly raw: RawStore
  agent: Agent
  readonly #parts: PersonParts
  #reading: Promise<void>

  private constructor(name: string, agent: Agent, raw: RawStore, parts: PersonParts) {
    this.name = name
    this.agent = agent
    this.raw = raw
    this.#parts = parts
    this.#reading = this.#read(agent)
  }

  static async open(name: string, parts: PersonParts, raw: RawStore = memoryRawStore()): Promise<Person> {
    return new Person(name, await openAgent(parts, raw), raw, parts)
  }

  /** Somebody else with the same servers and clock. */
  another(name: string, raw?: RawStore): Promise<Person> {
    return Person.open(name, this.#parts, raw)
  }

  /** Closes the agent and opens it again on the same store. */
  async restart(): Promise<void> {
    await this.close()
    this.agent = await openAgent(this.#parts, this.raw)
    this.#reading = this.#read(this.agent)
  }

  async close(): Promise<void> {
    await this.agent.close()
    await this.#reading
  }

  async #read(agent: Agent): Promise<void> {
    for await (const event of agent.events()) {
      this.events.push(event)
      await this.#parts.onEvent?.(event, agent)
    }
  }

  of<T extends AgentEvent["type"]>(type: T): Extract<AgentEvent, { readonly type: T }>[] {
    return this.events.filter((e): e is Extract<AgentEvent, { readonly type: T }> => e.type === type)
  }

  /** The next event of a type, from the one after `from` of that type on. */
  async next<T extends AgentEvent["type"]>(
    type: T,
    from = 0,
  ): Promise<Extract<AgentEvent, { readonly type: T }>> {
    for (let turn = 0; turn < 2000; turn++) {
      const event = this.of(type)[from]
      if (event !== undefined) return event
      await settle(1)
    }
    throw new Error(
      `${this.name}: no ${type} event number ${from}; there were ${this.events.map((e) => e.type).join(" ")}`,
    )
  }

  texts(): string[] {
    return this.of("message").map(({ body }) => decodeUtf8(body) ?? "?")
  }
}

export interface PersonParts {
  readonly connector: Connector
  readonly servers: readonly ServerAddress[]
  readonly clock: FakeClock
  readonly random: Random
  readonly options?: AgentOptions
  /** What the application does with an event. */
  readonly onEvent?: (event: AgentEvent, agent: Agent) => Promise<void> | void
}

async function openAgent(parts: PersonParts, raw: RawStore): Promise<Agent> {
  const { connector, servers, clock, random, options } = parts
  const store = await openStore(raw, random)
  return await Agent.open({
    store,
    connector,
    clock,
    random,
    servers,
    ...(options === undefined ? {} : { options }),
  })
}

/** Connects two people: `alice` makes the link. */
export async function connect(alice: Person, bob: Person): Promise<{ alice: string; bob: string }> {
  const before = alice.of("confirmation").length
  const [a, b] = [alice.of("connected").length, bob.of("connected").length]
  const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
  const joined = await bob.agent.joinConnection({ link, info: utf8("bob") })
  const { confirmationId } = await alice.next("confirmation", before)
  await alice.agent.allowConnection({ connectionId, confirmationId, info: utf8("alice") })
  await alice.next("connected", a)
  await bob.next("connected", b)
  return { alice: connectionId, bob: joined.connectionId }
}

/** Alice with server one, Bob with server two. */
export async function twoPeople(
  seed: string,
  {
    quota = 128,
    onEvent,
    options,
  }: { quota?: number; onEvent?: PersonParts["onEvent"]; options?: AgentOptions } = {},
): Promise<{ alice: Person; bob: Person; one: FakeServer; two: FakeServer; clock: FakeClock }> {
  const clock = new FakeClock()
  const random = seededRandom(seed)
  const one = new FakeServer("one.example", { clock, random, quota })
  const two = new FakeServer("two.example", { clock, random, quota })
  const parts = {
    connector: connectorTo(one, two),
    clock,
    random,
    ...(onEvent === undefined ? {} : { onEvent }),
    ...(options === undefined ? {} : { options }),
  }
  const alice = await Person.open("alice", { ...parts, servers: [one.address] })
  const bob = await Person.open("bob", { ...parts, servers: [two.address] })
  return { alice, bob, one, two, clock }
}

export { FakeClock, seededRandom, settle, utf8 }
