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
