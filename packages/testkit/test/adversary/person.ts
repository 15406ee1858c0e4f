import { Agent, type AgentEvent, memoryRawStore, type PostQuantumSetting, type RawStore } from "@smpkit/agent"
import type { Connector } from "@smpkit/client"
import { type Bytes, decodeUtf8, utf8 } from "@smpkit/codec"
import { type Random, sha256 } from "@smpkit/crypto"
import type { ServerAddress } from "@smpkit/smp"
import type { Clock } from "@smpkit/transport"
import { openSealedStore } from "../../../agent/src/store/sealed.ts"
import { connectorOf, EveServer } from "../../src/eve-server.ts"
import { FakeClock, seededRandom, settle } from "../../src/index.ts"

export interface PersonParts {
  readonly connector: Connector
  readonly server: ServerAddress
  readonly clock: Clock
  readonly random: Random
}

/** An honest agent with its events collected. */
export class Person implements AsyncDisposable {
  readonly name: string
  readonly agent: Agent
  readonly events: AgentEvent[] = []
  readonly #parts: PersonParts
  readonly #raw: RawStore
  readonly #reading: Promise<void>

  private constructor(
    name: string,
    agent: Agent,
    { raw, ...parts }: PersonParts & { readonly raw: RawStore },
  ) {
    this.name = name
    this.agent = agent
    this.#parts = parts
    this.#raw = raw
    this.#reading = this.#read()
  }

  static async open(name: string, parts: PersonParts, raw: RawStore = memoryRawStore()): Promise<Person> {
    const { connector, server, clock, random } = parts
    // Argon2 is not what these tests are about.
    const store = await openSealedStore(raw, { passphrase: "test", random }, (passphrase, salt) =>
      sha256(passphrase, salt),
    )
    const agent = await Agent.open({ store, connector, clock, random, servers: [server] })
    return new Person(name, agent, { ...parts, raw })
  }

  /** Closes the agent, and opens another one on its store; events are counted anew. */
  async reopened(): Promise<Person> {
    await this.close()
    return await Person.open(this.name, this.#parts, this.#raw)
  }

  async #read(): Promise<void> {
    for await (const event of this.agent.events()) this.events.push(event)
  }

  of<T extends AgentEvent["type"]>(type: T): Extract<AgentEvent, { readonly type: T }>[] {
    return this.events.filter((e): e is Extract<AgentEvent, { readonly type: T }> => e.type === type)
  }

  /** The event of a type that comes after `from` others of that type. */
  async next<T extends AgentEvent["type"]>(
    type: T,
    from = 0,
  ): Promise<Extract<AgentEvent, { readonly type: T }>> {
    for (let turn = 0; turn < 3000; turn++) {
      const event = this.of(type)[from]
      if (event !== undefined) return event
      await settle(1)
    }
    const came = this.events.map((e) => ("code" in e ? `${e.type} ${e.code}` : e.type)).join(", ")
    throw new Error(`${this.name}: no ${type} event number ${from}; there were: ${came}`)
  }

  /** What was shown, acknowledging it, so that the next message comes. */
  async read(count: number): Promise<{ readonly text: string; readonly integrity: unknown }[]> {
    for (let i = this.#acknowledged; i < count; i++) {
      const { connectionId, messageId } = await this.next("message", i)
      await this.agent.acknowledgeMessage({ connectionId, messageId })
      this.#acknowledged = i + 1
    }
    return this.of("message").map(({ body, integrity }) => ({ text: decodeUtf8(body) ?? "?", integrity }))
  }
  #acknowledged = 0

  /** The size of the store, in bytes. */
  stored(): number {
    let bytes = 0
    for (const { key, value } of this.#raw.scan(new Uint8Array(0))) bytes += key.length + value.length
    return bytes
  }

  async code(connectionId: string): Promise<string> {
    return (await this.agent.securityCode({ connectionId })).code
  }

  async close(): Promise<void> {
    await this.agent.close()
    await this.#reading
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Alice with a queue on Eve's first server, Bob with one on her second. */
export interface World extends AsyncDisposable {
  readonly clock: FakeClock
  readonly random: Random
  readonly one: EveServer
  readonly two: EveServer
  readonly alice: Person
  readonly bob: Person
  /** Every 32 bytes that an agent drew: private keys among them. For what a test hands to Eve. */
  readonly alicesDraws: readonly Bytes[]
  readonly bobsDraws: readonly Bytes[]
  readonly another: (name: string) => Promise<Person>
}

export async function world(seed: string): Promise<World> {
  const clock = new FakeClock()
  const random = seededRandom(seed)
  const one = new EveServer("one.example", { clock, random })
  const two = new EveServer("two.example", { clock, random })
  const connector = connectorOf(one, two)
  const [alicesDraws, bobsDraws]: [Bytes[], Bytes[]] = [[], []]
  const watched = (draws: Bytes[]): Random => ({
    bytes: (length) => {
      const drawn = random.bytes(length)
      if (length === 32) draws.push(drawn.slice())
      return drawn
    },
  })
  const open = (name: string, { address }: EveServer, draws: Bytes[]): Promise<Person> =>
    Person.open(name, { connector, server: address, clock, random: watched(draws) })
  const alice = await open("alice", one, alicesDraws)
  const bob = await open("bob", two, bobsDraws)
  const others: Person[] = []
  return {
    clock,
    random,
    one,
    two,
    alice,
    bob,
    alicesDraws,
    bobsDraws,
    another: async (name) => {
      const person = await Person.open(name, { connector, server: two.address, clock, random })
      others.push(person)
      return person
    },
    [Symbol.asyncDispose]: async () => {
      for (const person of [alice, bob, ...others]) await person.close()
    },
  }
}

/** Connects two people: `alice` makes the link. */
export async function connect(
  alice: Person,
  bob: Person,
  infos: { readonly alice: string; readonly bob: string } = { alice: "alice", bob: "bob" },
  bobsSetting: PostQuantumSetting = "on",
): Promise<{ readonly alice: string; readonly bob: string; readonly link: string }> {
  const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
  const joined = await bob.agent.joinConnection({ link, info: utf8(infos.bob), postQuantum: bobsSetting })
  const { confirmationId } = await alice.next("confirmation")
  await alice.agent.allowConnection({ connectionId, confirmationId, info: utf8(infos.alice) })
  await alice.next("connected")
  await bob.next("connected")
  return { alice: connectionId, bob: joined.connectionId, link }
}

/** Waits until something is so. */
export async function until(what: string, so: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 3000; turn++) {
    if (await so()) return
    await settle(1)
  }
  throw new Error(`it never came that ${what}`)
}
