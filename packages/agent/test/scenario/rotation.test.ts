import { describe, expect, it } from "vitest"
import type { PersonParts } from "./world.ts"
import { connectorTo, FakeServer } from "./fake-server.ts"
import { connect, FakeClock, Person, seededRandom } from "./world.ts"

interface World {
  readonly alice: Person
  readonly bob: Person
  /** Their names are those of the hosts, in order. */
  readonly servers: readonly [FakeServer, FakeServer, FakeServer, FakeServer]
  readonly clock: FakeClock
  readonly ids: { readonly alice: string; readonly bob: string }
}

/** Alice receives at one and may go to three, Bob receives at two and may go to four. */
async function connected(seed: string, onEvent?: PersonParts["onEvent"]): Promise<World> {
  const clock = new FakeClock()
  const random = seededRandom(seed)
  const make = (name: string): FakeServer => new FakeServer(`${name}.example`, { clock, random })
  const servers = [make("one"), make("two"), make("three"), make("four")] as const
  const parts = { connector: connectorTo(...servers), clock, random, onEvent: onEvent ?? acknowledge }
  const alice = await Person.open("alice", { ...parts, servers: [servers[0].address] })
  const bob = await Person.open("bob", { ...parts, servers: [servers[1].address] })
  const ids = await connect(alice, bob)
  const text = (server: FakeServer): string =>
    `smp://${base64(server.address.keyHash)}@${server.address.hosts[0]}`
  await alice.agent.setServers({ servers: [text(servers[0]), text(servers[2])] })
  await bob.agent.setServers({ servers: [text(servers[1]), text(servers[3])] })
  return { alice, bob, servers, clock, ids }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url")
}

const acknowledge: NonNullable<PersonParts["onEvent"]> = async (event, agent) => {
  if (event.type === "message") await agent.acknowledgeMessage({ ...event, receipt: true })
}

function phases(person: Person, direction: "receive" | "send"): string[] {
  return person
    .of("queueSwitched")
    .filter((e) => e.direction === direction)
    .map(({ phase }) => phase)
}

/** Lets time go on until `done`. */
async function until(clock: FakeClock, done: () => boolean, turns = 300): Promise<void> {
  for (let turn = 0; turn < turns && !done(); turn++) await clock.advance(500)
  expect(done()).toBe(true)
}

async function say(person: Person, connectionId: string, from: number, to: number): Promise<string[]> {
  const texts = Array.from({ length: to - from }, (_, i) => `${person.name} ${from + i}`)
  for (const text of texts) await person.agent.sendMessage({ connectionId, text })
  return texts
}

async function close({ alice, bob }: World): Promise<void> {
  await alice.close()
  await bob.close()
}

describe("moving a queue", () => {
  it("goes through its phases on both sides, to a server that was not in use, and messages go on", async () => {
    const world = await connected("phases")
    const { alice, bob, servers, clock, ids } = world
    const [one, , three] = servers
    await alice.agent.switchQueue({ connectionId: ids.alice })
    await until(clock, () => one.queues.length === 0)
    expect(phases(alice, "receive")).toEqual(["started", "confirmed", "secured", "completed"])
    expect(phases(bob, "send")).toEqual(["started", "confirmed", "secured", "completed"])
    expect(alice.of("queueSwitched").every(({ server }) => server.includes("three.example"))).toBe(true)
    expect(three.queues.length).toBe(1)
    const state = await alice.agent.connectionState({ connectionId: ids.alice })
    expect(state.receiveQueues.map(({ status }) => status)).toEqual(["confirmed"])
    expect(state.receiveQueues[0]?.server).toContain("three.example")
    const said = [...(await say(bob, ids.bob, 0, 3)), ...(await say(alice, ids.alice, 0, 3))]
    await until(clock, () => alice.texts().length + bob.texts().length === 6)
    expect([...alice.texts(), ...bob.texts()]).toEqual(said)
    expect([...alice.of("error"), ...bob.of("error")]).toEqual([])
    await until(clock, () => one.sessionCount === 0)
    await close(world)
  })

  it.each(["alice", "bob"] as const)(
    "loses and repeats none of 100 messages in flight each way when %s moves",
    { timeout: 60_000 },
    async (mover) => {
      const world = await connected(`flight ${mover}`)
      const { alice, bob, servers, clock, ids } = world
      const said: string[] = []
      const heard: string[] = []
      const talk = async (from: number, to: number): Promise<void> => {
        said.push(...(await say(alice, ids.alice, from, to)))
        heard.push(...(await say(bob, ids.bob, from, to)))
      }
      await talk(0, 40)
      await world[mover].agent.switchQueue({ connectionId: ids[mover] })
      await talk(40, 100)
      const old = mover === "alice" ? servers[0] : servers[1]
      await until(
        clock,
        () => old.queues.length === 0 && bob.texts().length >= 100 && alice.texts().length >= 100,
      )
      await clock.advance(30_000)
      expect(bob.texts()).toEqual(said)
      expect(alice.texts()).toEqual(heard)
      for (const person of [alice, bob])
        expect(person.of("message").filter(({ integrity }) => integrity.type !== "ok")).toEqual([])
      expect([...alice.of("error"), ...bob.of("error")]).toEqual([])
      expect([...alice.of("failed"), ...bob.of("failed")]).toEqual([])
      for (const person of [alice, bob]) {
        const sent = person.of("sent").map(({ messageId }) => messageId)
        expect(new Set(sent).size).toBe(100)
        expect(sent.length).toBe(100)
        expect(person.of("delivered").length).toBe(100)
      }
      await close(world)
    },
  )
})
