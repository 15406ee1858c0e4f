import { describe, expect, it } from "vitest"
import { connectorTo, FakeServer } from "./fake-server.ts"
import { connect, FakeClock, Person, seededRandom, settle, utf8 } from "./world.ts"

async function world(seed: string): Promise<{ alice: Person; bob: Person; one: FakeServer; two: FakeServer; clock: FakeClock }> {
  const clock = new FakeClock()
  const random = seededRandom(seed)
  const one = new FakeServer("one.example", { clock, random })
  const two = new FakeServer("two.example", { clock, random })
  const parts = { connector: connectorTo(one, two), clock, random }
  const alice = await Person.open("alice", { ...parts, servers: [one.address] })
  const bob = await Person.open("bob", { ...parts, servers: [two.address] })
  return { alice, bob, one, two, clock }
}

describe("two agents", () => {
  it("connect in the fast way and talk", async () => {
    const { alice, bob, one, two } = await world("fast")
    const ids = await connect(alice, bob)
    expect(alice.of("confirmation")[0]?.info).toEqual(utf8("bob"))
    expect(bob.of("info")[0]?.info).toEqual(utf8("alice"))
    const sent = await alice.agent.sendMessage({ connectionId: ids.alice, text: "hello" })
    const message = await bob.next("message")
    expect(message).toMatchObject({ body: utf8("hello"), integrity: { type: "ok" }, redelivered: false })
    expect((await alice.next("sent")).messageId).toBe(sent.messageId)
    await bob.agent.acknowledgeMessage({ connectionId: ids.bob, messageId: message.messageId })
    await bob.agent.sendMessage({ connectionId: ids.bob, text: "hi" })
    const answer = await alice.next("message")
    expect(answer).toMatchObject({ body: utf8("hi"), integrity: { type: "ok" } })
    const codes = await Promise.all([
      alice.agent.securityCode({ connectionId: ids.alice }),
      bob.agent.securityCode({ connectionId: ids.bob }),
    ])
    expect(codes[0]).toEqual(codes[1])
    expect(codes[0].code).toMatch(/^(\d{5} ){15}\d{5}$/)
    expect(one.log).not.toContain("KEY")
    expect([...one.log, ...two.log].filter((c) => c === "SKEY")).toHaveLength(2)
    await settle()
    await alice.close()
    await bob.close()
  })
})
