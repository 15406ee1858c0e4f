import { describe, expect, it } from "vitest"
import { memoryRawStore, type PostQuantumSetting, type RawStore } from "../../src/index.ts"
import { codeOf, talk } from "./talk.ts"
import { connect, type Person, settle, twoPeople } from "./world.ts"

const states = (person: Person): string[] => person.of("ratchetSync").map(({ state }) => state)

async function copyOf(raw: RawStore): Promise<RawStore> {
  const copy = memoryRawStore()
  await copy.commit([...raw.scan(new Uint8Array(0))].map(({ key, value }) => ({ type: "put", key, value })))
  return copy
}

describe("re-synchronisation", () => {
  it.each(["one", "two", "three", "four"])(
    "by either side, or both at once, makes new keys that both talk with (%s)",
    async (seed) => {
      const { alice, bob } = await twoPeople(`resync ${seed}`)
      const ids = await connect(alice, bob)
      const people: [Person, string][] = [
        [alice, ids.alice],
        [bob, ids.bob],
      ]
      await talk(people, "before")
      let code = await codeOf(alice, ids.alice)
      for (const [round, who] of [[0], [1], [0, 1]].entries()) {
        await Promise.all(
          people
            .filter((_, at) => who.includes(at))
            .map(([person, connectionId]) => person.agent.synchronizeRatchet({ connectionId, force: true })),
        )
        await talk(people, `round ${round}`)
        const now = await codeOf(alice, ids.alice)
        expect(now).not.toBe(code)
        expect(await codeOf(bob, ids.bob)).toBe(now)
        for (const [person, connectionId] of people) {
          const event = person.of("ratchetSync").filter(({ state }) => state === "agreed")[round]
          expect(event).toMatchObject({ oldCode: code, newCode: now, connectionId })
          const { ratchet } = await person.agent.connectionState({ connectionId })
          expect(ratchet).toBe("ok")
        }
        code = now
      }
      await talk(people, "after")
      expect(states(alice).filter((state) => state === "started")).toHaveLength(2)
      for (const [person, connectionId] of people) {
        expect(person.of("error")).toEqual([])
        expect((await person.agent.connectionState({ connectionId })).postQuantum).toMatchObject({
          sending: true,
          receiving: true,
        })
        expect(person.of("message").at(-1)?.postQuantum).toBe(true)
      }
      await alice.close()
      await bob.close()
    },
  )

  it("holds what is sent meanwhile, also across a restart", async () => {
    const { alice, bob, two } = await twoPeople("meanwhile")
    const ids = await connect(alice, bob)
    two.intercept = ({ type }) => (type === "SEND" ? "drop" : undefined)
    await alice.agent.synchronizeRatchet({ connectionId: ids.alice, force: true })
    await expect(alice.agent.synchronizeRatchet({ connectionId: ids.alice })).rejects.toMatchObject({
      code: "PROHIBITED",
    })
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "held" })
    await alice.restart()
    expect((await alice.agent.connectionState({ connectionId: ids.alice })).ratchet).toBe("started")
    two.intercept = () => undefined
    await alice.restart()
    expect((await bob.next("message")).text).toBe("held")
    expect((await alice.agent.connectionState({ connectionId: ids.alice })).ratchet).toBe("ok")
    expect([...alice.of("error"), ...bob.of("error")]).toEqual([])
    await alice.close()
    await bob.close()
  })

  it("is not begun without a reason", async () => {
    const { alice, bob } = await twoPeople("no reason")
    const ids = await connect(alice, bob)
    const call = alice.agent.synchronizeRatchet({ connectionId: ids.alice })
    await expect(call).rejects.toMatchObject({ code: "PROHIBITED" })
    const { connectionId } = await alice.agent.createConnection({ mode: "invitation" })
    await expect(alice.agent.synchronizeRatchet({ connectionId, force: true })).rejects.toMatchObject({
      code: "NOT_CONNECTED",
    })
    await alice.close()
    await bob.close()
  })

  it.each([{ verified: true }, { setting: "required" as PostQuantumSetting }])(
    "waits for the application where the code was compared or post-quantum encryption is required: %o",
    async ({ verified = false, setting = "on" }) => {
      const { alice, bob } = await twoPeople("verified")
      const { link, connectionId } = await alice.agent.createConnection({ mode: "invitation" })
      const joined = await bob.agent.joinConnection({ link, postQuantum: setting })
      const { confirmationId } = await alice.next("confirmation")
      await alice.agent.allowConnection({ connectionId, confirmationId })
      await bob.next("connected")
      await alice.next("connected")
      const people: [Person, string][] = [
        [alice, connectionId],
        [bob, joined.connectionId],
      ]
      await talk([...people].reverse(), "before")
      await bob.agent.setVerified({ connectionId: joined.connectionId, verified })
      const code = await codeOf(bob, joined.connectionId)
      await alice.agent.synchronizeRatchet({ connectionId, force: true })
      await alice.agent.sendMessage({ connectionId, text: "waits for bob" })
      await bob.next("ratchetSync")
      expect(states(bob)).toEqual(["allowed"])
      expect(bob.of("error")).toMatchObject([
        { code: "A_CRYPTO", message: expect.stringContaining("new keys") as string },
      ])
      await bob.restart()
      expect(await codeOf(bob, joined.connectionId)).toBe(code)
      expect(states(alice)).toEqual(["started"])
      await bob.agent.synchronizeRatchet({ connectionId: joined.connectionId })
      expect((await bob.next("message", 1)).text).toBe("waits for bob")
      expect((await bob.agent.connectionState({ connectionId: joined.connectionId })).verified).toBe(false)
      expect(await codeOf(bob, joined.connectionId)).toBe(await codeOf(alice, connectionId))
      await talk(people, "after")
      await alice.close()
      await bob.close()
    },
  )

  it("follows a restored copy: both sides report it, and continue after a message each way", async () => {
    const { alice, bob, clock } = await twoPeople("yesterday")
    const ids = await connect(alice, bob)
    const people: [Person, string][] = [
      [alice, ids.alice],
      [bob, ids.bob],
    ]
    await talk(people, "before")
    const yesterday = await copyOf(bob.raw)
    await talk(people, "today 1")
    await talk(people, "today 2")
    await bob.close()
    const restored = await bob.another("bob", yesterday)
    people[1] = [restored, ids.bob]
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "lost" })
    await restored.next("ratchetSync")
    expect(states(restored)[0]).toBe("allowed")
    await restored.agent.synchronizeRatchet({ connectionId: ids.bob })
    await alice.next("ratchetSync")
    await restored.next("ratchetSync", 2)
    await talk(people, "again")
    expect(states(alice)).toEqual(["agreed", "ok"])
    expect(states(restored)).toEqual(["allowed", "started", "agreed", "ok"])
    await clock.advance(1000)
    await settle(20)
    expect(await codeOf(alice, ids.alice)).toBe(await codeOf(restored, ids.bob))
    await alice.close()
    await restored.close()
  })
})
