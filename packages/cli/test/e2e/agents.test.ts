import { once } from "node:events"
import { describe, expect, test } from "vitest"
import { Workshop } from "./processes.ts"
import { connect, RpcAgent, type RpcEvent } from "./rpc-agent.ts"

const rounds = process.env["SLOW"] === "1" ? 1000 : 50
const timeoutMs = 120_000

const numberOf = (event: RpcEvent): number => Number(event["messageId"])

/** Sends texts and acknowledges what comes, until `count` have come; resolves to the texts in the order of arrival. */
async function converse(
  agent: RpcAgent,
  connectionId: string,
  name: string,
  count: number,
): Promise<readonly string[]> {
  const sending = (async (): Promise<void> => {
    for (let i = 0; i < count; i++) await agent.call("sendMessage", { connectionId, text: `${name} ${i}` })
  })()
  const texts: string[] = []
  for (let i = 0; i < count; i++) {
    const event = await agent.event("message")
    expect(event["integrity"]).toEqual({ type: "ok" })
    texts.push(String(event["text"]))
    await agent.call("acknowledgeMessage", { connectionId, messageId: numberOf(event) })
  }
  await sending
  return texts
}

describe("two agents and a server, each a process, driven through JSON-RPC only", () => {
  test(
    "messages both ways in order, receipts for all, the same security code, and nothing else on stdout",
    async () => {
      await using workshop = await Workshop.open()
      const { address } = await workshop.server()
      const start = (name: string): RpcAgent =>
        new RpcAgent(workshop.start(["agent", ...workshop.as(name), "--server", address]))
      const [alice, bob] = [start("alice"), start("bob")]
      const ids = await connect(alice, bob)
      const [fromBob, fromAlice] = await Promise.all([
        converse(alice, ids.alice, "alice", rounds),
        converse(bob, ids.bob, "bob", rounds),
      ])
      expect(fromBob).toEqual(Array.from({ length: rounds }, (_, i) => `bob ${i}`))
      expect(fromAlice).toEqual(Array.from({ length: rounds }, (_, i) => `alice ${i}`))
      for (const agent of [alice, bob])
        for (let i = 0; i < rounds; i++)
          expect(await agent.event("delivered")).toMatchObject({ hashOk: true })

      const codes = await Promise.all([
        alice.call("securityCode", { connectionId: ids.alice }),
        bob.call("securityCode", { connectionId: ids.bob }),
      ])
      expect(codes[0]).toEqual(codes[1])
      await alice.call("setVerified", { connectionId: ids.alice, verified: true })
      expect(await alice.call("connectionState", { connectionId: ids.alice })).toEqual({
        connectionId: ids.alice,
        mode: "invitation",
        status: "connected",
        verified: true,
        postQuantum: { setting: "on", sending: true, receiving: true },
        receiveQueues: [expect.any(Object)],
        sendQueues: [expect.any(Object)],
        ratchet: "ok",
        unsent: 0,
      })

      for (const agent of [alice, bob]) {
        agent.child.stdin.end()
        expect((await once(agent.child, "exit"))[0]).toBe(0)
        expect(agent.strange).toEqual([])
      }
    },
    timeoutMs,
  )

  test(
    "after kill -9 of an agent and of the server, what was not acknowledged comes again, and nothing else",
    async () => {
      await using workshop = await Workshop.open()
      let server = await workshop.server()
      const start = (name: string): RpcAgent =>
        new RpcAgent(workshop.start(["agent", ...workshop.as(name), "--server", server.address]))
      const alice = start("alice")
      let bob = start("bob")
      const ids = await connect(alice, bob)
      for (const text of ["one", "two", "three"])
        await alice.call("sendMessage", { connectionId: ids.alice, text })
      const one = await bob.event("message")
      await bob.call("acknowledgeMessage", { connectionId: ids.bob, messageId: numberOf(one) })
      const two = await bob.event("message")
      bob.child.kill("SIGKILL")
      server.child.kill("SIGKILL")
      await once(server.child, "exit")
      server = await workshop.server()
      bob = start("bob")
      const again = await bob.event("message")
      expect(again).toEqual({ ...two, redelivered: true })
      await bob.call("acknowledgeMessage", { connectionId: ids.bob, messageId: numberOf(again) })
      expect(await bob.event("message")).toMatchObject({ text: "three" })
      expect(bob.seen.filter(({ type }) => type === "message")).toHaveLength(2)
    },
    timeoutMs,
  )

  test("a line above 1 MiB ends the agent with one line that says so (Q26)", async () => {
    await using workshop = await Workshop.open()
    const { code, stdout, stderr } = await workshop.run(
      ["agent", ...workshop.as("alice")],
      Buffer.alloc(1024 * 1024 + 1, 120),
    )
    expect(code).toBe(1)
    expect(stdout.toString()).toBe("")
    expect(stderr).toMatch(/^smpkit: .*longer than 1048576 bytes.*\n$/)
  })

  test("SIGTERM ends an agent cleanly, also while its output is not read", async () => {
    await using workshop = await Workshop.open()
    const child = workshop.start(["agent", ...workshop.as("alice")])
    child.stdin.write('{"jsonrpc":"2.0","id":1,"method":"listConnections"}\n'.repeat(5000))
    child.stdout.pause()
    await new Promise((resolve) => setTimeout(resolve, 1500))
    child.kill("SIGTERM")
    child.stdout.resume()
    expect((await once(child, "exit"))[0]).toBe(0)
  })
})
