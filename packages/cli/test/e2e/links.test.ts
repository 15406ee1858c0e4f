import { describe, expect, test } from "vitest"
import { Workshop } from "./processes.ts"
import { RpcAgent } from "./rpc-agent.ts"

const timeoutMs = 120_000

interface Created {
  readonly connectionId: string
  readonly link: string
  readonly shortLink?: string
}

async function talk(from: RpcAgent, fromId: string, to: RpcAgent, toId: string, text: string): Promise<void> {
  await from.call("sendMessage", { connectionId: fromId, text })
  const message = await to.event("message", ({ connectionId }) => connectionId === toId)
  expect(message).toMatchObject({ text, integrity: { type: "ok" } })
  await to.call("acknowledgeMessage", { connectionId: toId, messageId: message["messageId"] })
}

describe("addresses and short links, through JSON-RPC against the real server", () => {
  test(
    "an address by its long and its short link: requests are accepted and rejected, also after a restart",
    async () => {
      await using workshop = await Workshop.open()
      const { address: server } = await workshop.server()
      const start = (name: string): RpcAgent =>
        new RpcAgent(workshop.start(["agent", ...workshop.as(name), "--server", server]))
      let alice = start("alice")
      const [bob, carol] = [start("bob"), start("carol")]
      const made = await alice.call<Created>("createConnection", {
        mode: "contact",
        short: true,
        userDataBase64: "QWxpY2U",
      })
      expect(made.link).toMatch(/^simplex:\/contact#/)
      expect(made.shortLink).toMatch(/^https:\/\/.*\/a#/)
      const bobs = await bob.call<Created>("joinConnection", { link: made.shortLink, infoBase64: "Qm9i" })
      const request = await alice.event("contactRequest")
      expect(request).toMatchObject({
        connectionId: made.connectionId,
        infoBase64: "Qm9i",
        servers: [server],
      })
      expect(Object.keys(request).sort().join(" ")).toBe(
        "connectionId infoBase64 postQuantum requestId servers type",
      )
      await carol.call("joinConnection", { link: made.link })
      const other = await alice.event("contactRequest")
      alice.child.stdin.end()
      alice = start("alice")
      const { connectionId } = made
      expect(await alice.call("getLink", { connectionId })).toEqual({
        link: made.link,
        shortLink: made.shortLink,
      })
      const changed = { connectionId, userDataBase64: "QWxpY2UsIGF0IGhvbWU" }
      expect(await alice.call("setLinkData", changed)).toEqual({ shortLink: made.shortLink })
      expect(
        await alice.call("rejectContact", { connectionId: made.connectionId, requestId: other["requestId"] }),
      ).toEqual({})
      const accepted = await alice.call<Created>("acceptContact", {
        connectionId: made.connectionId,
        requestId: request["requestId"],
        infoBase64: "QWxpY2U",
      })
      const confirmation = await bob.event("confirmation")
      expect(confirmation).toMatchObject({ connectionId: bobs.connectionId, infoBase64: "QWxpY2U" })
      await bob.call("allowConnection", {
        connectionId: bobs.connectionId,
        confirmationId: confirmation["confirmationId"],
      })
      await Promise.all([
        alice.event("connected", ({ connectionId }) => connectionId === accepted.connectionId),
        bob.event("connected"),
      ])
      expect(await alice.call("deleteShortLink", { connectionId })).toEqual({})
      expect(await alice.call("getLink", { connectionId })).toEqual({ link: made.link })
      await alice.call("deleteConnection", { connectionId })
      await alice.event("closed", ({ connectionId }) => connectionId === made.connectionId)
      await talk(alice, accepted.connectionId, bob, bobs.connectionId, "hello")
      await talk(bob, bobs.connectionId, alice, accepted.connectionId, "hi")
      await expect(carol.call("joinConnection", { link: made.shortLink })).rejects.toMatchObject({
        rpc: { code: -32000, data: { code: "AUTH" } },
      })
      expect(carol.seen.filter(({ type }) => type === "confirmation")).toEqual([])
    },
    timeoutMs,
  )

  test(
    "a short invitation connects the first who takes it, and nobody else",
    async () => {
      await using workshop = await Workshop.open()
      const { address: server } = await workshop.server()
      const start = (name: string): RpcAgent =>
        new RpcAgent(workshop.start(["agent", ...workshop.as(name), "--server", server]))
      const [alice, bob, carol] = [start("alice"), start("bob"), start("carol")]
      const made = await alice.call<Created>("createConnection", { mode: "invitation", short: true })
      const bobs = await bob.call<Created>("joinConnection", { link: made.shortLink })
      await expect(carol.call("joinConnection", { link: made.shortLink })).rejects.toMatchObject({
        rpc: { data: { code: "LINK_ALREADY_USED" } },
      })
      const confirmation = await alice.event("confirmation")
      await alice.call("allowConnection", {
        connectionId: made.connectionId,
        confirmationId: confirmation["confirmationId"],
      })
      await Promise.all([alice.event("connected"), bob.event("connected")])
      await talk(alice, made.connectionId, bob, bobs.connectionId, "hello")
      await talk(bob, bobs.connectionId, alice, made.connectionId, "hi")
    },
    timeoutMs,
  )
})
