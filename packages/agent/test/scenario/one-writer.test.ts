import { describe, expect, it } from "vitest"
import { Agent, type AgentEvent, memoryRawStore } from "../../src/index.ts"
import { getRecord, putRecord, type Table, tables } from "../../src/records.ts"
import { FakeClock, openStore, seededRandom, settle, twoPeople } from "./world.ts"
import { connectorTo } from "./fake-server.ts"

describe("a record with a ratchet has one writer (Q2)", () => {
  it.each([
    ["a confirmation that waits for allowConnection", "requested", tables.connection],
    ["a session", "connected", tables.session],
  ] as const)(
    "%s that was written meanwhile is not written again, and nothing leaves",
    async (_, state, table) => {
      const { alice, bob, one, two } = await twoPeople(`one writer ${state}`)
      const random = seededRandom("carol")
      const store = await openStore(memoryRawStore(), random)
      const carol = await Agent.open({
        store,
        connector: connectorTo(one, two),
        clock: new FakeClock(),
        random,
        servers: [one.address],
      })
      const events: AgentEvent[] = []
      const stopped = (async () => {
        for await (const event of carol.events()) events.push(event)
      })().catch((error: unknown) => error)
      const { connectionId, link } = await carol.createConnection({ mode: "invitation" })
      await bob.agent.joinConnection({ link })
      await settle(30)
      const confirmation = events.find((event) => event.type === "confirmation")
      if (confirmation === undefined) throw new Error("no confirmation")
      const { confirmationId } = confirmation
      if (state === "connected") {
        await carol.allowConnection({ connectionId, confirmationId })
        await settle(30)
      }
      const another = <T>(t: Table<T>): Promise<void> =>
        store.update((tx) => {
          const value = getRecord(tx, t, connectionId)
          if (value !== undefined) putRecord(tx, t, connectionId, value)
        })
      await (table === tables.connection ? another(tables.connection) : another(tables.session))
      const sends = (): number => [...one.log, ...two.log].filter((c) => c === "SEND" || c === "SKEY").length
      const before = sends()
      const call =
        state === "requested"
          ? carol.allowConnection({ connectionId, confirmationId })
          : carol.sendMessage({ connectionId, text: "twice" })
      await expect(call).rejects.toMatchObject({ code: "STORE", cause: { code: "STORE_CONFLICT" } })
      await settle(30)
      expect(sends()).toBe(before)
      expect(await stopped).toMatchObject({ code: "STORE" })
      await carol.close()
      await alice.close()
      await bob.close()
    },
  )
})
