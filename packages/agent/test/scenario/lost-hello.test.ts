import { expect, it } from "vitest"
import { connectorTo, FakeServer } from "./fake-server.ts"
import { FakeClock, Person, seededRandom, settle } from "./world.ts"

it("a slow handshake whose HELLO is lost ends on both sides, and both say so", async () => {
  const clock = new FakeClock()
  const random = seededRandom("lost hello")
  const one = new FakeServer("one.example", { clock, random })
  const two = new FakeServer("two.example", { clock, random })
  one.slow = two.slow = true
  const parts = {
    connector: connectorTo(one, two),
    clock,
    random,
    options: { noAnswerMs: 2 * 3600_000 },
  }
  const alice = await Person.open("alice", { ...parts, servers: [one.address] })
  const bob = await Person.open("bob", { ...parts, servers: [two.address] })
  const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
  // The time is the handshake's, not the invitation's.
  for (let i = 0; i < 3; i++) await clock.advance(3600_000)
  const joined = await bob.agent.joinConnection({ link })
  const { confirmationId } = await alice.next("confirmation")
  one.intercept = ({ type }) => (type === "SEND" ? { type: "OK" } : undefined)
  await alice.agent.allowConnection({ connectionId, confirmationId })
  await bob.next("info")
  await settle(50)
  for (const [person, id] of [
    [alice, connectionId],
    [bob, joined.connectionId],
  ] as const)
    expect((await person.agent.connectionState({ connectionId: id })).status).toBe("waiting")
  await clock.advance(3600_000)
  expect([...alice.of("closed"), ...bob.of("closed")]).toEqual([])
  await clock.advance(2 * 3600_000)
  expect(bob.of("closed")).toMatchObject([{ connectionId: joined.connectionId, code: "NO_ANSWER" }])
  expect(alice.of("closed")).toMatchObject([{ connectionId, code: "NO_ANSWER" }])
  await alice.close()
  await bob.close()
})
