import { once } from "node:events"
import { readdir, readFile, stat, writeFile } from "node:fs/promises"
import { describe, expect, test } from "vitest"
import { Workshop } from "./processes.ts"
import { connect, RpcAgent, type RpcEvent } from "./rpc-agent.ts"

async function stop(agent: RpcAgent): Promise<void> {
  agent.child.stdin.end()
  await once(agent.child, "exit")
}

/** Messages one after another, each acknowledged. */
async function say(
  [from, sending]: readonly [RpcAgent, string],
  [to, receiving]: readonly [RpcAgent, string],
  text: string,
): Promise<RpcEvent> {
  await from.call("sendMessage", { connectionId: sending, text })
  const message = await to.event("message", (event) => event["text"] === text)
  expect(message["connectionId"]).toBe(receiving)
  await to.call("acknowledgeMessage", { connectionId: receiving, messageId: message["messageId"] })
  return message
}

const states = (agent: RpcAgent, id: string): unknown[] =>
  agent.seen
    .filter(({ type, connectionId }) => type === "ratchetSync" && connectionId === id)
    .map(({ state }) => state)

describe("an agent's folder as a file", () => {
  test("restoring yesterday's copy, then a message each way: both sides report it, re-synchronise and continue", async () => {
    await using workshop = await Workshop.open()
    const { address } = await workshop.server()
    const start = (name: string): RpcAgent =>
      new RpcAgent(workshop.start(["agent", ...workshop.as(name), "--server", address]))
    const [alice, carol] = [start("alice"), start("carol")]
    let bob = start("bob")
    const [toAlice, toCarol] = [await connect(alice, bob), await connect(carol, bob)]
    await say([bob, toAlice.bob], [alice, toAlice.alice], "bob's first canary")
    await say([carol, toCarol.alice], [bob, toCarol.bob], "carol's first canary")
    // The code of this one was compared: nobody may replace its keys without being asked.
    await bob.call("setVerified", { connectionId: toAlice.bob, verified: true })

    await stop(bob)
    const file = workshop.path("yesterday")
    expect(await workshop.run(["agent", "export", ...workshop.as("bob"), file])).toMatchObject({
      code: 0,
      stderr: "",
    })

    // Today the conversations go on, and then the folder is lost.
    bob = start("bob")
    await say([bob, toAlice.bob], [alice, toAlice.alice], "today, from bob")
    await say([alice, toAlice.alice], [bob, toAlice.bob], "today, from alice")
    await say([bob, toCarol.bob], [carol, toCarol.alice], "today, to carol")
    await stop(bob)

    const restoring = await workshop.run(["agent", "import", ...workshop.as("restored"), file])
    expect(restoring.code).toBe(0)
    expect(restoring.stderr).toMatch(/^Imported\. [^\n]+\n[^\n]+compare it again\.\n$/)
    const restored = start("restored")

    // With carol all goes by itself: both are told, and a message each way arrives.
    await restored.event("ratchetSync", (e) => e.connectionId === toCarol.bob && e["state"] === "agreed")
    await carol.event("ratchetSync", ({ state }) => state === "agreed")
    await say([restored, toCarol.bob], [carol, toCarol.alice], "again, from bob")
    await say([carol, toCarol.alice], [restored, toCarol.bob], "again, from carol")
    expect(states(restored, toCarol.bob)).toEqual(["started", "agreed", "ok"])
    expect(states(carol, toCarol.alice)).toEqual(["agreed", "ok"])

    // With alice the application decides.
    const locked = await restored.event("error", ({ code }) => code === "SEND_LOCKED")
    expect(locked).toMatchObject({ connectionId: toAlice.bob, message: expect.any(String) as string })
    const refused = restored.call("sendMessage", { connectionId: toAlice.bob, text: "not yet" })
    await expect(refused).rejects.toMatchObject({ rpc: { code: -32_000, data: { code: "SEND_LOCKED" } } })
    expect(states(alice, toAlice.alice)).toEqual([])
    expect(await restored.call("synchronizeRatchet", { connectionId: toAlice.bob })).toEqual({})
    const agreed = await alice.event("ratchetSync", ({ state }) => state === "agreed")
    expect(agreed["oldCode"]).not.toBe(agreed["newCode"])
    await restored.event("ratchetSync", (e) => e.connectionId === toAlice.bob && e["state"] === "agreed")
    await say([restored, toAlice.bob], [alice, toAlice.alice], "at last, from bob")
    await say([alice, toAlice.alice], [restored, toAlice.bob], "at last, from alice")
    expect(states(restored, toAlice.bob)).toEqual(["required", "started", "agreed", "ok"])
    expect(states(alice, toAlice.alice)).toEqual(["agreed", "ok"])
    for (const [agent, id] of [
      [restored, toAlice.bob],
      [alice, toAlice.alice],
    ] as const) {
      expect(await agent.call("securityCode", { connectionId: id })).toMatchObject({
        code: agreed["newCode"],
      })
      expect(await agent.call("connectionState", { connectionId: id })).toMatchObject({
        ratchet: "ok",
        verified: false,
      })
    }
  }, 120_000)

  test("is private, shows nothing, and every failure says what to do and leaves nothing", async () => {
    await using workshop = await Workshop.open()
    const { address } = await workshop.server()
    const agent = new RpcAgent(workshop.start(["agent", ...workshop.as("agent"), "--server", address]))
    const { link } = await agent.call<{ link: string }>("createConnection", { mode: "invitation" })
    const file = workshop.path("copy")
    const busy = await workshop.run(["agent", "export", ...workshop.as("agent"), file])
    expect(busy).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(String(agent.child.pid)) as string,
    })
    await stop(agent)
    expect((await workshop.run(["agent", "export", ...workshop.as("agent"), file])).code).toBe(0)
    expect((await stat(file)).mode & 0o077).toBe(0)
    const bytes = (await readFile(file)).toString("latin1")
    const [, host = ""] = /@(.+)$/.exec(address) ?? []
    for (const canary of [host, "localhost", link.slice(-60), "connection"])
      expect(bytes).not.toContain(canary)

    await writeFile(workshop.path("wrong"), "another\n", { mode: 0o600 })
    await writeFile(workshop.path("cut"), (await readFile(file)).subarray(0, -100))
    const newer = await readFile(file)
    newer[20] = 9
    await writeFile(workshop.path("newer"), newer)
    const rows: [args: string[], says: RegExp][] = [
      [["export", ...workshop.as("agent"), file], /is there already: choose another name/],
      [["export", ...workshop.as("nowhere"), workshop.path("x")], /no agent in/],
      [["import", ...workshop.as("agent"), file], /not empty: import into a new folder/],
      [["import", ...workshop.as("new"), workshop.path("nowhere")], /cannot be read: check the path/],
      [["import", ...workshop.as("new"), workshop.path("cut")], /damaged or cut off/],
      [["import", ...workshop.as("new"), workshop.path("newer")], /format 9, this release reads 1/],
      [["import", ...workshop.as("new"), workshop.path("passphrase")], /no exported agent/],
      [
        ["import", "--dir", workshop.path("new"), "--passphrase-file", workshop.path("wrong"), file],
        /passphrase does not open/,
      ],
    ]
    for (const [args, says] of rows) {
      const failed = await workshop.run(["agent", ...args])
      expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(says) as string })
      expect(failed.stderr).toMatch(/^smpkit: [^\n]+\n$/)
    }
    expect((await readdir(workshop.dir)).sort()).toEqual(
      ["agent", "copy", "cut", "newer", "passphrase", "server", "wrong"].sort(),
    )
    expect((await workshop.run(["agent", "import", ...workshop.as("new"), file])).code).toBe(0)
    expect((await stat(workshop.path("new"))).mode & 0o077).toBe(0)
    expect((await readdir(workshop.dir)).includes("new.importing")).toBe(false)
  }, 120_000)
})
