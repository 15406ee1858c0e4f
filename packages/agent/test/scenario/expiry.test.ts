import { describe, expect, it } from "vitest"
import { talk } from "./talk.ts"
import { connect, type Person, settle, twoPeople } from "./world.ts"

const hour = 3600_000

async function send(person: Person, connectionId: string, text: string): Promise<number> {
  return (await person.agent.sendMessage({ connectionId, text })).messageId
}

describe("a message that cannot be delivered", () => {
  it.each([{ restarted: false }, { restarted: true }])(
    "ends as failed after two days, and what was sent later arrives: %o",
    async ({ restarted }) => {
      const { alice, bob, two, clock } = await twoPeople("expiry")
      const ids = await connect(alice, bob)
      two.down = true
      two.drop()
      const old = await send(alice, ids.alice, "old")
      const older = await send(alice, ids.alice, "old as well")
      await clock.advance(30 * hour)
      if (restarted) await alice.restart()
      const young = await send(alice, ids.alice, "young")
      await clock.advance(17 * hour)
      expect(alice.of("failed")).toEqual([])
      if (restarted) await alice.close()
      await clock.advance(2 * hour)
      if (restarted) await alice.restart()
      await clock.advance(5 * 60_000)
      expect(alice.of("failed")).toMatchObject(
        [old, older].map((messageId) => ({ connectionId: ids.alice, messageId, code: "EXPIRED" })),
      )
      for (const { server, message } of alice.of("failed")) {
        expect(server).toContain("two.example")
        expect(message).toMatch(/in time\. .*reached|in time\. .*broke|in time\. .*answer/)
      }
      expect((await alice.agent.connectionState({ connectionId: ids.alice })).unsent).toBe(1)
      two.down = false
      await clock.advance(5 * 60_000)
      const message = await bob.next("message")
      expect(message).toMatchObject({ text: "young", integrity: { type: "skipped" } })
      await bob.agent.acknowledgeMessage(message)
      expect(alice.of("sent").map(({ messageId }) => messageId)).toEqual([young])
      await talk(
        [
          [bob, ids.bob],
          [alice, ids.alice],
        ],
        "later",
      )
      expect(bob.of("message").at(-1)?.integrity).toEqual({ type: "ok" })
      expect(alice.of("failed")).toHaveLength(2)
      await alice.close()
      await bob.close()
    },
  )

  it("waits seven days for room in a full queue", async () => {
    const { alice, bob, clock } = await twoPeople("quota", { quota: 2 })
    const ids = await connect(alice, bob)
    await bob.agent.unsubscribe()
    const sent: number[] = []
    for (const text of ["1", "2", "3", "4"]) sent.push(await send(alice, ids.alice, text))
    await clock.advance(6 * 24 * hour)
    expect(alice.of("failed")).toEqual([])
    const [, , three, four] = sent
    await clock.advance(36 * hour)
    expect(alice.of("failed")).toMatchObject(
      [three, four].map((messageId) => ({
        messageId,
        code: "EXPIRED",
        server: expect.stringContaining("two.example") as string,
      })),
    )
    expect(alice.of("failed")[0]?.message).toContain("full")
    await alice.close()
    await bob.close()
  })

  it("takes as long as the application has said", async () => {
    const { alice, bob, two, clock } = await twoPeople("option", { options: { messageExpiryMs: hour } })
    const ids = await connect(alice, bob)
    two.down = true
    two.drop()
    const messageId = await send(alice, ids.alice, "old")
    await clock.advance(hour + 5 * 60_000)
    expect(alice.of("failed")).toMatchObject([{ messageId, code: "EXPIRED" }])
    await alice.close()
    await bob.close()
  })

  it("ends where the connection never completes", async () => {
    const { alice, bob, one, clock } = await twoPeople("never", { options: { noAnswerMs: 24 * hour } })
    const { link } = await alice.agent.createConnection({ mode: "invitation" })
    const { connectionId } = await bob.agent.joinConnection({ link })
    await settle(20)
    one.down = true
    one.drop()
    const messageId = await send(bob, connectionId, "early")
    await clock.advance(25 * hour)
    expect(bob.of("failed")).toMatchObject([{ messageId, code: "NO_ANSWER" }])
    expect(bob.of("failed")[0]?.server).toContain("one.example")
    const types = bob.events.map(({ type }) => type)
    expect(types.indexOf("failed")).toBeLessThan(types.indexOf("closed"))
    await alice.close()
    await bob.close()
  })

  it("and waits for new keys that never come, too", async () => {
    const { alice, bob, two, clock } = await twoPeople("keys")
    const ids = await connect(alice, bob)
    await alice.agent.synchronizeRatchet({ connectionId: ids.alice, force: true })
    await bob.close()
    two.down = true
    const messageId = await send(alice, ids.alice, "held")
    await clock.advance(49 * hour)
    expect(alice.of("failed")).toMatchObject([
      { messageId, code: "EXPIRED", message: expect.stringContaining("new keys") as string },
    ])
    await alice.close()
  })
})
