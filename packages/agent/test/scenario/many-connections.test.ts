import type { Connector } from "@smpkit/client"
import { parseBatch, parseCommand, parseTransmission } from "@smpkit/smp"
import type { SmpSession } from "@smpkit/transport"
import { afterEach, describe, expect, it } from "vitest"
import { connectorTo, FakeServer } from "./fake-server.ts"
import { talk } from "./talk.ts"
import { connect, FakeClock, Person, seededRandom, settle } from "./world.ts"

/** More than may be on the way at a time, and no multiple of what fits into a block. */
const many = 650

/** What an agent sends to a server, and whether it hears answers. */
class Wire implements Connector {
  readonly #to: Connector
  /** The commands of each block. */
  blocks: (readonly string[])[] = []
  #open = true
  #wake: (() => void)[] = []

  constructor(to: Connector) {
    this.#to = to
  }

  /** From now on answers wait, or do not any more. */
  hold(held: boolean): void {
    this.#open = !held
    if (!held) for (const wake of this.#wake.splice(0)) wake()
  }

  get subscriptions(): readonly (readonly string[])[] {
    return this.blocks.filter((block) => block.includes("SUB"))
  }

  connect(...parameters: Parameters<Connector["connect"]>): Promise<SmpSession> {
    return this.#to.connect(...parameters).then((session) => this.#watched(session))
  }

  #watched(session: SmpSession): SmpSession {
    return new Proxy(session, {
      get: (target, name) => {
        if (name === "send") {
          return (content: Parameters<SmpSession["send"]>[0]) => {
            this.blocks.push(
              parseBatch(content).map((item) => {
                const { command } = parseTransmission(target.version, target.sessionId, item)
                return parseCommand(target.version, command).type
              }),
            )
            return target.send(content)
          }
        }
        if (name === "receive") {
          return async () => {
            if (!this.#open) await new Promise<void>((resolve) => this.#wake.push(resolve))
            return await target.receive()
          }
        }
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === "function" ? (value.bind(target) as unknown) : value
      },
    })
  }
}

const opened: Person[] = []
afterEach(async () => {
  for (const person of opened.splice(0)) await person.close()
})

/** Opens an agent on a store with many connections; with `held` it hears no answers yet. */
async function personWithMany({ held = false } = {}): Promise<{
  person: Person
  server: FakeServer
  wire: Wire
  clock: FakeClock
}> {
  const clock = new FakeClock()
  const random = seededRandom("many connections")
  const server = new FakeServer("one.example", { clock, random })
  const wire = new Wire(connectorTo(server))
  const person = await Person.open("alice", { connector: wire, servers: [server.address], clock, random })
  for (let i = 0; i < many; i++) {
    await person.agent.createConnection({ mode: "invitation", postQuantum: "off" })
  }
  await person.close()
  server.log.length = 0
  wire.blocks = []
  wire.hold(held)
  const again = await person.another("alice", person.raw)
  opened.push(again)
  return { person: again, server, wire, clock }
}

describe("an agent with many connections", () => {
  it("subscribes to them in full blocks, few of which are on the way at a time, and lets other commands between", async () => {
    const { person, server, wire } = await personWithMany({ held: true })
    await settle(20)
    expect(wire.subscriptions.flat()).toHaveLength(400)
    expect(wire.subscriptions.length).toBeLessThanOrEqual(4)
    const link = person.agent.createConnection({ mode: "invitation", postQuantum: "off" })
    await settle(20)
    // It does not wait for the 250 that are not on their way.
    expect(wire.blocks.at(-1)).toEqual(["NEW"])
    expect(person.of("serverUp")).toHaveLength(0)
    wire.hold(false)
    await link
    await person.next("serverUp")
    const up = person.events.find((event) => "connectionIds" in event)
    expect(up).toMatchObject({ type: "serverUp" })
    expect(up !== undefined && "connectionIds" in up && up.connectionIds).toHaveLength(many + 1)
    expect(wire.subscriptions.flat()).toHaveLength(many)
    expect(wire.subscriptions.length).toBeLessThanOrEqual(7)
    expect(server.queues.filter(({ subscriber }) => subscriber === undefined)).toEqual([])
  })

  it("tries each queue by itself that the server does not subscribe to at first", async () => {
    const { person, server, clock } = await personWithMany()
    await person.next("serverUp")
    const [gone, slow] = server.queues
    if (gone === undefined || slow === undefined) throw new Error("two queues")
    server.remove(gone)
    server.log.length = 0
    let failures = 2
    server.intercept = (command, entityId) =>
      command.type === "SUB" && Buffer.from(entityId).equals(slow.recipientId) && failures-- > 0
        ? { type: "ERR", error: { type: "INTERNAL" } }
        : undefined
    server.drop()
    await clock.advance(3_000)
    await person.next("serverUp", 1)
    expect(person.of("error").map(({ code }) => code)).toEqual(["QUEUE_DELETED"])
    expect(server.log.filter((type) => type === "SUB")).toHaveLength(many)
    expect(server.queues.filter(({ subscriber }) => subscriber === undefined)).toEqual([slow])
    await clock.advance(10_000)
    expect(server.queues.filter(({ subscriber }) => subscriber === undefined)).toEqual([])
    expect(server.log.filter((type) => type === "SUB")).toHaveLength(many + 2)
  })

  it("leaves a server in peace that takes no more subscriptions from a session, and says so once", async () => {
    const { person, server, clock } = await personWithMany()
    await person.next("serverUp")
    let room = 600
    server.intercept = (command) =>
      command.type === "SUB" && room-- <= 0 ? { type: "ERR", error: { type: "QUOTA" } } : undefined
    server.log.length = 0
    server.drop()
    await clock.advance(3_000)
    await person.next("serverUp", 1)
    await clock.advance(240_000)
    expect(server.log.filter((type) => type === "SUB")).toHaveLength(many)
    expect(person.of("error").map(({ code, connectionId }) => [code, connectionId])).toEqual([
      ["QUOTA", undefined],
    ])
    room = many
    await clock.advance(120_000)
    expect(server.log.filter((type) => type === "SUB")).toHaveLength(many + 50)
    expect(server.queues.filter(({ subscriber }) => subscriber === undefined)).toEqual([])
    expect(person.of("error")).toHaveLength(1)
  })

  it("goes on with connections that it had put away, and with what they had just begun", async () => {
    const clock = new FakeClock()
    const random = seededRandom("put away")
    const server = new FakeServer("one.example", { clock, random })
    const connector = connectorTo(server)
    const parts = {
      connector,
      servers: [server.address],
      clock,
      random,
      options: { connectionsAtHand: 1 },
    }
    const alice = await Person.open("alice", parts)
    const bob = await Person.open("bob", parts)
    opened.push(alice, bob)
    const pairs = []
    for (let i = 0; i < 12; i++) pairs.push(await connect(alice, bob))
    for (let round = 0; round < 2; round++) {
      for (const ids of pairs) {
        await talk(
          [
            [alice, ids.alice],
            [bob, ids.bob],
          ],
          `round ${round}`,
        )
      }
      await alice.restart()
    }
    // All at once, so that each is put away while its message is on the way.
    const before = bob.of("message").length
    await Promise.all(
      pairs.map((ids) => alice.agent.sendMessage({ connectionId: ids.alice, text: ids.alice })),
    )
    await bob.next("message", before + pairs.length - 1)
    expect(new Set(bob.texts().slice(before))).toEqual(new Set(pairs.map((ids) => ids.alice)))
    expect(alice.of("error")).toEqual([])
    expect(bob.of("error")).toEqual([])
  })
})
