import { describe, expect, it } from "vitest"
import { type Agent, type CallOptions, memoryRawStore, type RawStore } from "../../src/index.ts"
import { connect, settle, twoPeople } from "./world.ts"

type Call = (agent: Agent, options: CallOptions) => Promise<unknown>

/** A disk that can be made to hang. */
function slowDisk(): { readonly raw: RawStore; hang: () => void; goOn: () => void } {
  const inner = memoryRawStore()
  let waiting = Promise.resolve()
  let goOn = (): void => undefined
  return {
    raw: {
      get: (key) => inner.get(key),
      scan: (prefix) => inner.scan(prefix),
      commit: async (changes, expected) => {
        await waiting
        await inner.commit(changes, expected)
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    },
    hang: () => {
      waiting = new Promise((resolve) => {
        goOn = resolve
      })
    },
    goOn: () => {
      goOn()
    },
  }
}

describe("a signal", () => {
  it("that aborts ends every call that waits, and what was stored stays; an aborted one begins nothing", async () => {
    const { alice, bob, clock } = await twoPeople("signals")
    const disk = slowDisk()
    const carol = await alice.another("carol", disk.raw)
    const ids = await connect(carol, bob)
    const second = await connect(carol, bob)
    const { link } = await bob.agent.createConnection({ mode: "invitation" })
    const invitation = await carol.agent.createConnection({ mode: "invitation" })
    await bob.agent.joinConnection({ link: invitation.link })
    const { confirmationId } = await carol.next("confirmation", 2)
    await bob.agent.sendMessage({ connectionId: ids.bob, text: "hi" })
    const { messageId } = await carol.next("message")
    await clock.advance(1000)
    const connectionId = ids.alice
    const servers = (await carol.agent.getServers()).servers
    const calls: readonly Call[] = [
      (agent, options) => agent.createConnection({ mode: "invitation" }, options),
      (agent, options) => agent.joinConnection({ link }, options),
      (agent, options) =>
        agent.allowConnection({ connectionId: invitation.connectionId, confirmationId }, options),
      (agent, options) => agent.sendMessage({ connectionId, text: "hello" }, options),
      (agent, options) => agent.acknowledgeMessage({ connectionId, messageId }, options),
      (agent, options) => agent.setVerified({ connectionId, verified: true }, options),
      (agent, options) => agent.setServers({ servers }, options),
      (agent, options) => agent.deleteConnection({ connectionId: second.alice }, options),
    ]
    const before = await carol.agent.listConnections()
    for (const call of calls) {
      const reason = new Error("the user left")
      await expect(call(carol.agent, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
        code: "ABORTED",
        cause: reason,
      })
    }
    expect(await carol.agent.listConnections()).toEqual(before)
    disk.hang()
    for (const call of calls) {
      const controller = new AbortController()
      const outcome = expect(call(carol.agent, controller)).rejects.toMatchObject({ code: "ABORTED" })
      await settle()
      controller.abort()
      await outcome
    }
    disk.goOn()
    // What was begun is done.
    await clock.advance(1000)
    expect((await bob.next("message")).text).toBe("hello")
    expect((await carol.next("closed")).connectionId).toBe(second.alice)
    expect(await carol.agent.connectionState({ connectionId })).toMatchObject({ verified: true })
    const listed = (await carol.agent.listConnections()).connections.map(({ status }) => status)
    expect(listed.sort()).toEqual(["connected", "connected", "joined"])
    for (const person of [alice, bob, carol]) await person.close()
  })

  it("ends calls that wait for a server that does not answer; an invitation leaves nothing behind", async () => {
    const { alice, bob, one } = await twoPeople("silent server")
    const { link } = await alice.agent.createConnection({ mode: "invitation" })
    await bob.agent.unsubscribe()
    one.intercept = ({ type }) =>
      type === "NEW" || type === "SKEY" || type === "SUB" ? "silence" : undefined
    const listed = await alice.agent.listConnections()
    await alice.agent.unsubscribe()
    const calls: readonly [Agent, Call][] = [
      [alice.agent, (agent, options) => agent.createConnection({ mode: "invitation" }, options)],
      [bob.agent, (agent, options) => agent.joinConnection({ link }, options)],
      [alice.agent, (agent, options) => agent.subscribe({}, options)],
    ]
    for (const [agent, call] of calls) {
      const controller = new AbortController()
      const outcome = expect(call(agent, controller)).rejects.toMatchObject({ code: "ABORTED" })
      await settle(20)
      controller.abort()
      await outcome
    }
    await settle(20)
    expect(await alice.agent.listConnections()).toEqual(listed)
    await alice.close()
    await bob.close()
  })
})
