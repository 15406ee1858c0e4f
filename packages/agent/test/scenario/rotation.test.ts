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

const all = ["started", "confirmed", "secured", "completed"]

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
    expect(phases(alice, "receive")).toEqual(all)
    expect(phases(bob, "send")).toEqual(all)
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

  it("moves both queues at once, and each again an hour later: one an hour is answered", async () => {
    const world = await connected("both")
    const { alice, bob, servers, clock, ids } = world
    await Promise.all([
      alice.agent.switchQueue({ connectionId: ids.alice }),
      bob.agent.switchQueue({ connectionId: ids.bob }),
    ])
    const gone = (): boolean => servers[0].queues.length + servers[1].queues.length === 0
    await until(clock, gone)
    await alice.agent.switchQueue({ connectionId: ids.alice })
    await clock.advance(30 * 60_000)
    expect(phases(bob, "send")).toEqual([...all, "started"])
    const waiting = await bob.agent.connectionState({ connectionId: ids.bob })
    expect(waiting.sendQueues.map(({ status }) => status)).toEqual(["secured", "asked"])
    await expect(alice.agent.switchQueue({ connectionId: ids.alice })).rejects.toMatchObject({
      code: "PROHIBITED",
    })
    await say(bob, ids.bob, 0, 2)
    await clock.advance(31 * 60_000)
    await until(clock, () => servers[2].queues.length === 0)
    expect(phases(alice, "receive")).toEqual([...all, ...all])
    expect(servers[0].queues.length).toBe(1)
    await say(bob, ids.bob, 2, 4)
    await until(clock, () => alice.texts().length === 4)
    expect(alice.texts()).toEqual(["bob 0", "bob 1", "bob 2", "bob 3"])
    expect([...alice.of("error"), ...bob.of("error")]).toEqual([])
    await close(world)
  })

  it("loses none where the other side deletes its old queue, with what is in it, at the first message on the new one", async () => {
    const world = await connected("reference", async (event, agent) => {
      if (event.type === "message" && event.connectionId === world.ids.bob) await acknowledge(event, agent)
    })
    const { alice, bob, servers, clock, ids } = world
    const [one, , three] = servers
    // Alice does not acknowledge, so that what comes after her 16th waits on the server; then her old queue is gone.
    let ready = false
    three.intercept = (command) => {
      if (command.type !== "SEND") return undefined
      if (!ready) return { type: "ERR", error: { type: "INTERNAL" } }
      for (const queue of one.queues) one.remove(queue)
      return undefined
    }
    await alice.agent.switchQueue({ connectionId: ids.alice })
    await until(clock, () => phases(alice, "receive").includes("secured"))
    await say(bob, ids.bob, 0, 60)
    await until(clock, () => bob.of("sent").length === 60)
    expect(one.queues[0]?.messages.length).toBeGreaterThan(40)
    expect(phases(bob, "send")).not.toContain("completed")
    ready = true
    await until(clock, () => phases(bob, "send").includes("completed"))
    for (let i = 0; i < 60; i++) {
      await until(clock, () => alice.of("message").length > i)
      const message = alice.of("message")[i]
      if (message !== undefined) await alice.agent.acknowledgeMessage(message)
    }
    await clock.advance(60_000)
    expect(alice.texts()).toEqual(Array.from({ length: 60 }, (_, i) => `bob ${i}`))
    expect([...bob.of("failed"), ...bob.of("error")]).toEqual([])
    expect(bob.of("sent").length).toBe(60)
    await close(world)
  })

  it("goes on when the old server vanishes once the other side knows the new queue: what waits goes there", async () => {
    const world = await connected("vanished")
    const { alice, bob, servers, clock, ids } = world
    const [one, , three] = servers
    // QTEST waits until the old server is gone.
    three.intercept = (command) =>
      command.type === "SEND" && !one.down ? { type: "ERR", error: { type: "INTERNAL" } } : undefined
    await alice.agent.switchQueue({ connectionId: ids.alice })
    await until(clock, () => phases(bob, "send").includes("secured"))
    one.down = true
    one.drop()
    await say(bob, ids.bob, 0, 30)
    await until(clock, () => alice.texts().length === 30)
    expect(alice.texts()).toEqual(Array.from({ length: 30 }, (_, i) => `bob ${i}`))
    expect(phases(alice, "receive")).toEqual(all)
    const state = await alice.agent.connectionState({ connectionId: ids.alice })
    expect(state.receiveQueues.map(({ status }) => status)).toEqual(["confirmed", "draining"])
    expect([...bob.of("failed"), ...bob.of("error"), ...alice.of("error")]).toEqual([])
    // Two days later it is not waited for any more; when the server is back, the queue goes.
    await clock.advance(49 * 3600_000)
    const later = await alice.agent.connectionState({ connectionId: ids.alice })
    expect(later.receiveQueues.map(({ status }) => status)).toEqual(["confirmed"])
    one.down = false
    await until(clock, () => one.queues.length === 0)
    await close(world)
  })

  it("ends in a clear state where the old server is gone before the other side can answer", async () => {
    const world = await connected("unreachable")
    const { alice, bob, servers, clock, ids } = world
    const [one, , three] = servers
    one.down = true
    one.drop()
    await alice.agent.switchQueue({ connectionId: ids.alice })
    await clock.advance(47 * 3600_000)
    expect(phases(alice, "receive")).toEqual(["started"])
    await clock.advance(2 * 3600_000)
    expect(alice.of("error")).toMatchObject([{ code: "SWITCH_FAILED", connectionId: ids.alice }])
    const state = await alice.agent.connectionState({ connectionId: ids.alice })
    expect(state.receiveQueues.map(({ status }) => status)).toEqual(["confirmed"])
    await until(clock, () => three.queues.length === 0)
    // The answer comes late, when the server is back: it is refused, and all goes on by the old queue.
    one.down = false
    await say(bob, ids.bob, 0, 2)
    await until(clock, () => alice.texts().length === 2)
    await clock.advance(8 * 24 * 3600_000)
    const theirs = await bob.agent.connectionState({ connectionId: ids.bob })
    expect(theirs.sendQueues.map(({ status }) => status)).toEqual(["secured"])
    await close(world)
  })

  it("ends at once where the server says that the old queue is deleted", async () => {
    const world = await connected("deleted")
    const { alice, servers, clock, ids } = world
    const [one, , three] = servers
    for (const queue of one.queues) one.remove(queue)
    await alice.agent.switchQueue({ connectionId: ids.alice })
    one.drop()
    await until(clock, () => alice.of("error").some(({ code }) => code === "SWITCH_FAILED"))
    await until(clock, () => three.queues.length === 0)
    await close(world)
  })

  it("is refused before the connection is complete, and leaves nothing behind where the server cannot be reached", async () => {
    const world = await connected("refused")
    const { alice, servers, ids } = world
    const { connectionId } = await alice.agent.createConnection({ mode: "invitation" })
    await expect(alice.agent.switchQueue({ connectionId })).rejects.toMatchObject({ code: "NOT_CONNECTED" })
    servers[2].down = true
    await expect(alice.agent.switchQueue({ connectionId: ids.alice })).rejects.toMatchObject({
      code: "NETWORK",
    })
    expect(alice.of("queueSwitched")).toEqual([])
    await expect(
      alice.agent.switchQueue({ connectionId: ids.alice, server: "nonsense" }),
    ).rejects.toMatchObject({ code: "BAD_PARAMETER" })
    await close(world)
  })

  it("waits for messages that an application is slow to acknowledge before it deletes the old queue", async () => {
    const world = await connected("slow", () => undefined)
    const { alice, bob, servers, clock, ids } = world
    const [one] = servers
    await say(bob, ids.bob, 0, 30)
    await until(clock, () => alice.of("message").length >= 16)
    await alice.agent.switchQueue({ connectionId: ids.alice })
    await clock.advance(60_000)
    expect(one.queues.length).toBe(1)
    for (let i = 0; i < 30; i++) {
      await until(clock, () => alice.of("message").length > i)
      const message = alice.of("message")[i]
      if (message !== undefined) await alice.agent.acknowledgeMessage(message)
    }
    await until(clock, () => one.queues.length === 0)
    expect(alice.texts()).toEqual(Array.from({ length: 30 }, (_, i) => `bob ${i}`))
    await close(world)
  })

  it("reads everything where far more waits than can be bridged: QTEST keeps its place then", async () => {
    const world = await connected("backlog", async (event, agent) => {
      if (event.type === "message" && event.connectionId === world.ids.bob) await acknowledge(event, agent)
    })
    const { alice, bob, servers, clock, ids } = world
    const three = servers[2]
    // KEY is answered late, so that much waits before QUSE comes.
    let ready = false
    three.intercept = (command) =>
      command.type === "KEY" && !ready ? { type: "ERR", error: { type: "INTERNAL" } } : undefined
    await alice.agent.switchQueue({ connectionId: ids.alice })
    await until(clock, () => phases(alice, "receive").includes("confirmed"))
    await say(bob, ids.bob, 0, 700)
    ready = true
    await until(clock, () => phases(bob, "send").includes("secured"), 2000)
    for (let i = 0; i < 700; i++) {
      await until(clock, () => alice.of("message").length > i)
      const message = alice.of("message")[i]
      if (message !== undefined) await alice.agent.acknowledgeMessage(message)
    }
    await until(clock, () => servers[0].queues.length === 0)
    expect(alice.texts()).toEqual(Array.from({ length: 700 }, (_, i) => `bob ${i}`))
    expect(alice.of("message").filter(({ integrity }) => integrity.type !== "ok")).toEqual([])
    expect([...alice.of("error"), ...bob.of("error"), ...bob.of("failed")]).toEqual([])
    await close(world)
  }, 60_000)

  it("deletes both queues with the connection", async () => {
    const world = await connected("deletion")
    const { alice, servers, clock, ids } = world
    const [one, two, three] = servers
    two.down = true
    two.drop()
    await alice.agent.switchQueue({ connectionId: ids.alice })
    expect([one.queues.length, three.queues.length]).toEqual([1, 1])
    await alice.agent.deleteConnection({ connectionId: ids.alice })
    await until(clock, () => one.queues.length + three.queues.length === 0)
    await until(clock, () => three.sessionCount === 0)
    await close(world)
  })

  it("ends where the other side never uses the new queue, and may be tried again", async () => {
    const world = await connected("unused")
    const { alice, bob, servers, clock, ids } = world
    const [one, , three] = servers
    // Bob does not reach the new queue with anything.
    three.intercept = (command) =>
      command.type === "SEND" ? { type: "ERR", error: { type: "INTERNAL" } } : undefined
    await alice.agent.switchQueue({ connectionId: ids.alice })
    await clock.advance(7 * 24 * 3600_000 + 600_000)
    expect(alice.of("error")).toMatchObject([{ code: "SWITCH_FAILED" }])
    await until(clock, () => three.queues.length === 0)
    three.intercept = () => undefined
    await clock.advance(600_000)
    expect(bob.of("error")).toMatchObject([{ code: "SWITCH_FAILED" }])
    await say(bob, ids.bob, 0, 2)
    await until(clock, () => alice.texts().length === 2)
    await alice.agent.switchQueue({ connectionId: ids.alice })
    await until(clock, () => one.queues.length === 0)
    await close(world)
  })
})
