import { describe, expect, test } from "vitest"
import { Workshop } from "./processes.ts"
import { RpcAgent } from "./rpc-agent.ts"

interface State {
  readonly receiveQueues: readonly { readonly server: string; readonly status: string }[]
  readonly sendQueues: readonly { readonly server: string; readonly status: string }[]
}

/** Takes messages as they come and acknowledges each. */
async function hear(agent: RpcAgent, connectionId: string, count: number): Promise<unknown[]> {
  const texts: unknown[] = []
  while (texts.length < count) {
    const { text, messageId, integrity } = await agent.event("message")
    expect(integrity).toEqual({ type: "ok" })
    texts.push(text)
    await agent.call("acknowledgeMessage", { connectionId, messageId })
  }
  return texts
}

async function say(agent: RpcAgent, connectionId: string, texts: readonly string[]): Promise<void> {
  for (const text of texts) await agent.call("sendMessage", { connectionId, text })
}

describe("queue rotation, through JSON-RPC between two real servers", () => {
  test.each(["the one who made the link", "the one who joined"])(
    "%s moves to another server with 100 messages in flight each way",
    { timeout: 120_000 },
    async (who) => {
      await using workshop = await Workshop.open()
      const [{ address: one }, { address: two }] = [
        await workshop.server("one"),
        await workshop.server("two"),
      ]
      const start = (name: string): RpcAgent =>
        new RpcAgent(workshop.start(["agent", ...workshop.as(name), "--server", one]))
      const [alice, bob] = [start("alice"), start("bob")]
      const { connectionId: a, link } = await alice.call<{ connectionId: string; link: string }>(
        "createConnection",
        { mode: "invitation" },
      )
      const { connectionId: b } = await bob.call<{ connectionId: string }>("joinConnection", { link })
      const { confirmationId } = await alice.event("confirmation")
      await alice.call("allowConnection", { connectionId: a, confirmationId })
      await Promise.all([alice.event("connected"), bob.event("connected")])
      const [mover, id, other] = who.endsWith("joined") ? [bob, b, alice] : [alice, a, bob]
      const texts = Array.from({ length: 100 }, (_, i) => `message ${i}`)
      const heard = [hear(alice, a, 100), hear(bob, b, 100)]
      const said = [say(alice, a, texts), say(bob, b, texts)]
      expect(await mover.call("switchQueue", { connectionId: id, server: two })).toEqual({})
      await Promise.all(said)
      expect(await Promise.all(heard)).toEqual([texts, texts])
      for (const phase of ["started", "confirmed", "secured", "completed"]) {
        expect(await mover.event("queueSwitched")).toEqual({
          type: "queueSwitched",
          connectionId: id,
          direction: "receive",
          phase,
          server: two,
        })
        expect(await other.event("queueSwitched")).toMatchObject({ direction: "send", phase, server: two })
      }
      const state = await mover.call<State>("connectionState", { connectionId: id })
      expect(state.receiveQueues).toContainEqual({ server: two, status: "confirmed" })
      const theirs = await other.call<State>("connectionState", {
        connectionId: who.endsWith("joined") ? a : b,
      })
      expect(theirs.sendQueues).toEqual([{ server: two, status: "secured" }])
      for (const agent of [alice, bob]) {
        expect(agent.seen.filter(({ type }) => ["error", "failed", "closed"].includes(type))).toEqual([])
        expect(agent.seen.filter(({ type }) => type === "message").length).toBe(100)
      }
      const refused = mover.call("switchQueue", { connectionId: id, server: "smp://" })
      await expect(refused).rejects.toMatchObject({ rpc: { code: -32_000, data: { code: "BAD_PARAMETER" } } })
    },
  )
})
