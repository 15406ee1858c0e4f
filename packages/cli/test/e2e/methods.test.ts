import { once } from "node:events"
import { expect, test } from "vitest"
import { Workshop } from "./processes.ts"
import { connect, RpcAgent } from "./rpc-agent.ts"

interface State {
  readonly connectionId: string
  readonly status: string
  readonly unsent: number
  readonly receiveQueues: readonly { readonly server: string }[]
}

test("servers, lists, subscriptions by id and deletion that waits, through JSON-RPC between real processes", async () => {
  await using workshop = await Workshop.open()
  const [one, two] = [await workshop.server("one"), await workshop.server("two")]
  const start = (name: string): RpcAgent =>
    new RpcAgent(workshop.start(["agent", ...workshop.as(name), "--server", one.address]))
  const [alice, bob] = [start("alice"), start("bob")]
  const first = await connect(alice, bob)

  expect(await bob.call("getServers")).toEqual({ servers: [one.address] })
  await expect(bob.call("setServers", { servers: ["nonsense"] })).rejects.toMatchObject({
    rpc: { data: { code: "BAD_PARAMETER" } },
  })
  expect(await bob.call("setServers", { servers: [two.address] })).toEqual({ servers: [two.address] })
  expect(await bob.call("getServers")).toEqual({ servers: [two.address] })
  const second = await connect(alice, bob)
  const { connections } = await bob.call<{ connections: State[] }>("listConnections")
  expect(connections.map(({ connectionId, status }) => [connectionId, status]).sort()).toEqual(
    [first.bob, second.bob].map((id) => [id, "connected"]).sort(),
  )
  const serverOf = (id: string): string | undefined =>
    connections.find(({ connectionId }) => connectionId === id)?.receiveQueues[0]?.server
  expect([serverOf(first.bob), serverOf(second.bob)]).toEqual([one.address, two.address])
  const [listed] = connections.filter(({ connectionId }) => connectionId === first.bob)
  expect(await bob.call("connectionState", { connectionId: first.bob })).toEqual(listed)

  // Only the named connection rests.
  expect(await bob.call("unsubscribe", { connectionIds: [first.bob] })).toEqual({})
  await alice.call("sendMessage", { connectionId: first.alice, text: "waits" })
  await alice.event("sent", ({ connectionId }) => connectionId === first.alice)
  await alice.call("sendMessage", { connectionId: second.alice, text: "goes on" })
  expect(await bob.event("message")).toMatchObject({ connectionId: second.bob, text: "goes on" })
  expect(bob.seen.filter(({ text }) => text === "waits")).toEqual([])
  expect(await bob.call("subscribe", { connectionIds: [first.bob] })).toEqual({})
  expect(await bob.event("message")).toMatchObject({ connectionId: first.bob, text: "waits" })
  for (const method of ["subscribe", "unsubscribe", "deleteConnection"]) {
    const params = method === "deleteConnection" ? { connectionId: "x" } : { connectionIds: ["x"] }
    await expect(bob.call(method, params)).rejects.toMatchObject({ rpc: { data: { code: "NOT_FOUND" } } })
  }

  // Bob's second queue is on a server that is gone: what Alice sends waits, and her deletion with it.
  const port = /:(\d+)$/.exec(two.address)?.[1] ?? ""
  two.child.kill("SIGKILL")
  await once(two.child, "exit")
  const { messageId } = await alice.call<{ messageId: number }>("sendMessage", {
    connectionId: second.alice,
    text: "the last one",
  })
  const leaving = { connectionId: second.alice, waitForDelivery: true }
  expect(await alice.call("deleteConnection", leaving)).toEqual({})
  const more = alice.call("sendMessage", { connectionId: second.alice, text: "too late" })
  await expect(more).rejects.toMatchObject({ rpc: { data: { code: "DELETED" } } })
  expect(await alice.call("connectionState", { connectionId: second.alice })).toMatchObject({ unsent: 1 })
  workshop.start(["server", "start", "--dir", workshop.path("two"), "--port", port])
  expect(await bob.event("message")).toMatchObject({ connectionId: second.bob, text: "the last one" })
  await alice.event(
    "sent",
    (event) => event["messageId"] === messageId && event.connectionId === second.alice,
  )
  expect(await alice.event("closed")).toMatchObject({ connectionId: second.alice, code: "DELETED" })

  expect(await alice.call("deleteConnection", { connectionId: first.alice })).toEqual({})
  expect(await alice.event("closed")).toMatchObject({ connectionId: first.alice, code: "DELETED" })
  expect(await alice.call("listConnections")).toEqual({ connections: [] })
  expect([...alice.strange, ...bob.strange]).toEqual([])
}, 120_000)
