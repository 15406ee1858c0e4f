import type { Bytes } from "@smpkit/codec"
import { expect, it } from "vitest"
import { codeOf, talk } from "./talk.ts"
import { connect, type Person, settle, twoPeople } from "./world.ts"

/** How the two come to be apart: which of the keys that go to a side never arrive. */
const losses: readonly { readonly to: "alice" | "bob"; readonly both: boolean }[] = [
  { to: "bob", both: false },
  { to: "alice", both: false },
  { to: "alice", both: true },
  { to: "bob", both: true },
]

it.each(losses)("keys that a server loses can be asked for anew: %o", async ({ to, both }) => {
  const { alice, bob, one, two } = await twoPeople(`lost keys ${to} ${String(both)}`)
  const ids = await connect(alice, bob)
  const people: [Person, string][] = [
    [alice, ids.alice],
    [bob, ids.bob],
  ]
  await talk(people, "before")
  await settle(20)
  const server = to === "alice" ? one : two
  server.intercept = ({ type }) => {
    if (type !== "SEND") return undefined
    server.intercept = () => undefined
    return { type: "OK" }
  }
  await Promise.all(
    people
      .slice(0, both ? 2 : 1)
      .map(([person, connectionId]) => person.agent.synchronizeRatchet({ connectionId, force: true })),
  )
  await settle(50)
  // Applications: whoever waits in vain begins anew, whoever is asked to answers.
  for (let round = 0; round < 3; round++) {
    for (const [person, connectionId] of people) {
      const { ratchet } = await person.agent.connectionState({ connectionId })
      if (ratchet === "started" || ratchet === "required")
        await person.agent.synchronizeRatchet({ connectionId, force: true })
      await settle(50)
    }
  }
  await talk(people, "after")
  expect(await codeOf(alice, ids.alice)).toBe(await codeOf(bob, ids.bob))
  for (const [person, connectionId] of people)
    expect((await person.agent.connectionState({ connectionId })).ratchet).toBe("ok")
  await alice.close()
  await bob.close()
})

it("what does not decrypt makes nothing better: `required` stays until new keys are there", async () => {
  const { alice, bob, two } = await twoPeople("required stays")
  const ids = await connect(alice, bob)
  const people: [Person, string][] = [
    [alice, ids.alice],
    [bob, ids.bob],
  ]
  await talk(people, "before")
  two.down = true
  two.drop()
  for (let i = 0; i < 2; i++) await alice.agent.synchronizeRatchet({ connectionId: ids.alice, force: true })
  await alice.agent.sendMessage({ connectionId: ids.alice, text: "under keys that bob has not got" })
  two.down = false
  await alice.restart()
  await bob.restart()
  await settle(100)
  expect(bob.of("ratchetSync").map(({ state }) => state)).toEqual(["agreed", "required"])
  expect(bob.of("error").map(({ code }) => code)).toContain("A_CRYPTO")
  await bob.agent.synchronizeRatchet({ connectionId: ids.bob })
  await settle(100)
  await talk(people, "after")
  await alice.close()
  await bob.close()
})

it.each(["started", "agreed"])("no queue moves while keys are replaced: %s", async (state) => {
  const { alice, bob, one } = await twoPeople("no move meanwhile 1")
  const ids = await connect(alice, bob)
  const people: [Person, string][] = [
    [alice, ids.alice],
    [bob, ids.bob],
  ]
  await talk(people, "before")
  // What Bob's agent sends does not arrive. With these keys his ratchet is the one that receives first.
  one.intercept = ({ type }) => (type === "SEND" ? "silence" : undefined)
  await alice.agent.synchronizeRatchet({ connectionId: ids.alice, force: true })
  await bob.next("ratchetSync")
  const [person, connectionId] = state === "started" ? [alice, ids.alice] : [bob, ids.bob]
  expect((await person.agent.connectionState({ connectionId })).ratchet).toBe(state)
  await expect(person.agent.switchQueue({ connectionId })).rejects.toMatchObject({
    name: "AgentError",
    code: "PROHIBITED",
  })
  one.intercept = () => undefined
  await alice.restart()
  await bob.restart()
  await settle(50)
  await talk(people, "after")
  await alice.close()
  await bob.close()
})

it("keys that come in another order than they were sent can be replaced by newer ones", async () => {
  const { alice, bob, two } = await twoPeople("keys in another order")
  const ids = await connect(alice, bob)
  const people: [Person, string][] = [
    [alice, ids.alice],
    [bob, ids.bob],
  ]
  await talk(people, "before")
  await settle(20)
  const held: Bytes[] = []
  two.intercept = (command) => {
    if (command.type !== "SEND") return undefined
    held.push(command.body)
    return { type: "OK" }
  }
  for (const [person, connectionId] of people)
    await person.agent.synchronizeRatchet({ connectionId, force: true })
  await settle(20)
  await alice.agent.synchronizeRatchet({ connectionId: ids.alice, force: true })
  await settle(20)
  two.intercept = () => undefined
  const [queue] = two.queues
  if (queue === undefined) throw new Error("no queue")
  for (const body of held.toReversed()) two.inject(queue, body)
  await settle(50)
  // Bob's application answers what came last, the older keys; when nothing can be read, it begins anew.
  await bob.agent.synchronizeRatchet({ connectionId: ids.bob })
  await settle(50)
  await bob.agent.synchronizeRatchet({ connectionId: ids.bob, force: true })
  await settle(50)
  if ((await alice.agent.connectionState({ connectionId: ids.alice })).ratchet === "required")
    await alice.agent.synchronizeRatchet({ connectionId: ids.alice })
  await settle(50)
  await talk(people, "after")
  expect(await codeOf(alice, ids.alice)).toBe(await codeOf(bob, ids.bob))
  await alice.close()
  await bob.close()
})
