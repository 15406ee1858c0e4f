import { utf8 } from "@smpkit/codec"
import { describe, expect, it } from "vitest"
import { AgentError, memoryRawStore, type RawStore } from "../../src/index.ts"
import { connect, openStore, seededRandom, settle, twoPeople } from "./world.ts"

const table = "application"

/** A disk whose power goes at one commit: then it takes nothing more, and nobody hears of what it took. */
function failing(inner: RawStore) {
  const state = { cut: "never" as "never" | "before" | "after", off: false }
  const raw: RawStore = {
    ...inner,
    get: (key) => inner.get(key),
    scan: (prefix) => inner.scan(prefix),
    commit: async (changes, expected) => {
      if (state.cut === "before") state.off = true
      if (state.off) await new Promise<never>(() => undefined)
      await inner.commit(changes, expected)
      if (state.cut !== "after") return
      state.off = true
      await new Promise<never>(() => undefined)
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  return { raw, state }
}

describe("what an application writes with a message", () => {
  it("is there with the message, under its number", async () => {
    const { alice, bob } = await twoPeople("alongside")
    const ids = await connect(alice, bob)
    const { messageId } = await alice.agent.sendMessage(
      { connectionId: ids.alice, text: "hello" },
      {
        alongside: (tx, message) => {
          tx.put(table, String(message.messageId), utf8("hello"))
        },
      },
    )
    expect((await alice.next("sent")).messageId).toBe(messageId)
    await alice.close()
    await bob.close()
    const store = await openStore(alice.raw, seededRandom("look"))
    expect(store.get(table, String(messageId))).toEqual(utf8("hello"))
    await store.close()
  })

  it("is not there when the message was refused", async () => {
    const { alice, bob } = await twoPeople("refused")
    const ids = await connect(alice, bob)
    const sending = alice.agent.sendMessage(
      { connectionId: ids.alice, body: new Uint8Array(20_000) },
      {
        alongside: (tx) => {
          tx.put(table, "large", utf8("large"))
        },
      },
    )
    await expect(sending).rejects.toSatisfy((error) => AgentError.is(error, "LARGE"))
    await alice.close()
    await bob.close()
    const store = await openStore(alice.raw, seededRandom("look"))
    expect([...store.list(table)]).toEqual([])
    await store.close()
  })

  it.each(["before", "after"] as const)(
    "is there exactly if the message is, with a crash %s its commit",
    async (cut) => {
      const disk = memoryRawStore()
      const { raw, state } = failing(disk)
      const { alice, bob, clock } = await twoPeople(`crash ${cut}`)
      const carol = await alice.another("carol", raw)
      const ids = await connect(carol, bob)
      await clock.advance(10_000)
      state.cut = cut
      void carol.agent.sendMessage(
        { connectionId: ids.alice, text: "last words" },
        {
          alongside: (tx, { messageId }) => {
            tx.put(table, String(messageId), utf8("last words"))
          },
        },
      )
      await settle(20)
      expect(state.off).toBe(true)
      expect(bob.texts()).toEqual([])

      const again = await alice.another("carol", disk)
      await clock.advance(10_000)
      const sent = again.of("sent").map(({ messageId }) => String(messageId))
      expect(sent.length).toBe(cut === "after" ? 1 : 0)
      expect(bob.texts()).toEqual(cut === "after" ? ["last words"] : [])
      await again.close()
      const store = await openStore(disk, seededRandom("look"))
      expect([...store.list(table)].map(({ key }) => key)).toEqual(sent)
      await store.close()
      await alice.close()
      await bob.close()
    },
  )
})
