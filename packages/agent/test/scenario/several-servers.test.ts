import { describe, expect, it } from "vitest"
import { formatServerAddress } from "@smpkit/smp"
import type { ServerAddress } from "@smpkit/smp"
import { parseLink } from "../../src/links.ts"
import { connectorTo, FakeServer } from "./fake-server.ts"
import { connect, FakeClock, Person, seededRandom, settle, utf8 } from "./world.ts"

interface World {
  readonly servers: readonly FakeServer[]
  readonly clock: FakeClock
  readonly open: (name: string, ...known: readonly ServerAddress[]) => Promise<Person>
}

function world(seed: string, ...names: readonly string[]): World {
  const clock = new FakeClock()
  const random = seededRandom(seed)
  const servers = names.map((name) => new FakeServer(name, { clock, random }))
  const parts = { connector: connectorTo(...servers), clock, random }
  return { servers, clock, open: (name, ...known) => Person.open(name, { ...parts, servers: known }) }
}

function pick<T>(all: readonly T[], ...places: readonly number[]): T[] {
  return places.map((place) => {
    const one = all[place]
    if (one === undefined) throw new Error("no such place")
    return one
  })
}

const made = (server: FakeServer): number => server.log.filter((command) => command === "NEW").length

async function receiveServers(person: Person, connectionId: string): Promise<string[]> {
  const { receiveQueues } = await person.agent.connectionState({ connectionId })
  return receiveQueues.map(({ server }) => server)
}

describe("an agent with several servers", () => {
  it("makes its queues on all of them, at random", async () => {
    const { servers, open } = world("at random", "one", "two", "three")
    const alice = await open("alice", ...servers.map(({ address }) => address))
    for (let i = 0; i < 24; i++) await alice.agent.createConnection({ mode: "invitation" })
    const counts = servers.map(made)
    expect(counts.reduce((sum, count) => sum + count)).toBe(24)
    expect(Math.min(...counts)).toBeGreaterThan(2)
    await alice.close()
  })

  it("receives where the other side does not, whichever of them that is (Q23)", async () => {
    const { servers, open } = world("apart", "one", "two")
    const addresses = servers.map(({ address }) => address)
    const [alice, bob] = [await open("alice", ...addresses), await open("bob", ...addresses)]
    for (let i = 0; i < 6; i++) {
      const ids = await connect(alice, bob)
      const [hers] = await receiveServers(alice, ids.alice)
      const [his] = await receiveServers(bob, ids.bob)
      expect(hers).not.toBe(his)
    }
    await alice.close()
    await bob.close()
  })

  it("takes a server with a second name in common, or the same key elsewhere, for the same one", async () => {
    const { servers, open } = world("one under two names", "one", "two", "three")
    const [one, two, three] = pick(servers, 0, 1, 2)
    if (one === undefined || two === undefined || three === undefined) throw new Error("three servers")
    const other = { ...two.address, hosts: ["two", "one"] } as const
    const moved = { ...one.address, hosts: ["elsewhere"] } as const
    const alice = await open("alice", one.address)
    const bob = await open("bob", one.address, other, moved, three.address)
    for (let i = 0; i < 6; i++) await connect(alice, bob)
    expect([made(one), made(two), made(three)]).toEqual([6, 0, 6])
    await alice.close()
    await bob.close()
  })

  it("makes an invitation, long and short, and an address on another one while one is down", async () => {
    const { servers, open } = world("one down", "one", "two", "three")
    const [one, two, three] = servers
    const alice = await open("alice", ...servers.map(({ address }) => address))
    const bob = await open("bob", ...pick(servers, 2).map(({ address }) => address))
    for (const server of pick(servers, 0, 1)) server.down = true
    const makers = [
      () => alice.agent.createConnection({ mode: "invitation" }),
      () => alice.agent.createConnection({ mode: "invitation", short: true, userData: utf8("hi") }),
      () => alice.agent.createConnection({ mode: "contact" }),
      () => alice.agent.createConnection({ mode: "contact", short: true }),
    ]
    for (let turn = 0; turn < 3; turn++) {
      for (const make of makers) {
        const { connectionId, link, shortLink } = await make()
        expect(parseLink(link).queues[0].server.hosts).toEqual(["three"])
        expect(shortLink ?? "three").toContain("three")
        expect((await receiveServers(alice, connectionId))[0]).toContain("three")
      }
    }
    expect([one, two, three].map((server) => server && made(server))).toEqual([0, 0, 12])
    await connect(alice, bob)
    await alice.restart()
    expect((await alice.agent.listConnections()).connections).toHaveLength(13)
    await alice.close()
    await bob.close()
  })

  it("says which server cannot be reached when none can, and leaves nothing behind", async () => {
    const { servers, open } = world("all down", "one", "two")
    const alice = await open("alice", ...servers.map(({ address }) => address))
    for (const server of servers) server.down = true
    for (const mode of ["invitation", "contact"] as const) {
      await expect(alice.agent.createConnection({ mode })).rejects.toMatchObject({
        code: "NETWORK",
        server: expect.stringMatching(/^smp:\/\/.*@(one|two)$/) as string,
      })
    }
    expect((await alice.agent.listConnections()).connections).toEqual([])
    await alice.close()
  })

  it("does not go round a refusal: a server that wants a password is told, not passed over", async () => {
    const { servers, open } = world("a password", "one", "two")
    const alice = await open("alice", ...servers.map(({ address }) => address))
    for (const server of servers) {
      server.intercept = (command) =>
        command.type === "NEW" ? { type: "ERR", error: { type: "AUTH" } } : undefined
    }
    await expect(alice.agent.createConnection({ mode: "invitation" })).rejects.toMatchObject({
      code: "AUTH",
    })
    expect(servers.map(made).reduce((sum, count) => sum + count)).toBe(1)
    await alice.close()
  })

  it("joins by a server that is up, and a request at an address is answered there, too", async () => {
    const { servers, open } = world("joiner", "one", "two", "three")
    const [one, two, three] = pick(servers, 0, 1, 2)
    if (one === undefined || two === undefined || three === undefined) throw new Error("three servers")
    const alice = await open("alice", one.address)
    const bob = await open("bob", two.address, three.address)
    two.down = true
    for (let turn = 0; turn < 4; turn++) {
      const ids = await connect(alice, bob)
      expect((await receiveServers(bob, ids.bob))[0]).toContain("three")
    }
    const address = await alice.agent.createConnection({ mode: "contact" })
    for (let turn = 0; turn < 4; turn++) {
      const { connectionId } = await bob.agent.joinConnection({ link: address.link })
      expect((await receiveServers(bob, connectionId))[0]).toContain("three")
      const { requestId } = await alice.next("contactRequest", turn)
      await alice.agent.acceptContact({ connectionId: address.connectionId, requestId })
      const { confirmationId } = await bob.next("confirmation", turn)
      await bob.agent.allowConnection({ connectionId, confirmationId })
      await bob.next("connected", 4 + turn)
    }
    expect(made(two)).toBe(0)
    await alice.close()
    await bob.close()
  })

  it("waits rather than receives beside the other side because its own server is down", async () => {
    const { servers, clock, open } = world("no downgrade", "one", "two")
    const [one, two] = pick(servers, 0, 1)
    if (one === undefined || two === undefined) throw new Error("two servers")
    const alice = await open("alice", one.address)
    const bob = await open("bob", one.address, two.address)
    const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
    two.down = true
    await expect(bob.agent.joinConnection({ link })).rejects.toMatchObject({ code: "NETWORK" })
    await clock.advance(600_000)
    await settle(50)
    expect(made(one)).toBe(1)
    two.down = false
    await clock.advance(600_000)
    const { confirmationId } = await alice.next("confirmation")
    await alice.agent.allowConnection({ connectionId, confirmationId })
    await bob.next("connected")
    expect([made(one), made(two)]).toEqual([1, 1])
    await alice.close()
    await bob.close()
  })

  it("moves a queue past a server that is down, and only to the one that was named", async () => {
    const { servers, open } = world("move", "one", "two", "three", "four")
    const [one, two, three, four] = pick(servers, 0, 1, 2, 3)
    if (one === undefined || two === undefined || three === undefined || four === undefined)
      throw new Error("four servers")
    const alice = await open("alice", one.address)
    const bob = await open("bob", two.address)
    const ids = await connect(alice, bob)
    await alice.agent.setServers({ servers: [one, three, four].map((s) => formatServerAddress(s.address)) })
    three.down = true
    const named = { connectionId: ids.alice, server: formatServerAddress(three.address) }
    await expect(alice.agent.switchQueue(named)).rejects.toMatchObject({ code: "NETWORK" })
    await alice.agent.switchQueue({ connectionId: ids.alice })
    expect(made(four)).toBe(1)
    await alice.close()
    await bob.close()
  })
})
