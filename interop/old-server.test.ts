import { utf8 } from "@smpkit/codec"
import { generateKeyPair } from "@smpkit/crypto"
import { Agent } from "@smpkit/agent"
import { FakeClock, seededRandom } from "@smpkit/testkit"
import { expect, test } from "vitest"
import { Recording } from "./support/recording.ts"
import { ReplayServer } from "./support/replay-server.ts"
import { seededStore } from "./support/seed.ts"

// Servers of version 6 have no session key, so they take signatures only (smp-commands.md, "Authorization").

const random = seededRandom("old servers")

test("a server that falls back to version 6 cannot stop the agent: what needs an authenticator waits", async () => {
  const recording = new Recording("invitation-v6-no-alpn")
  const [party] = recording.partiesAt("alice", 48)
  if (party?.send === undefined) return expect.fail("no connection")
  party.send = { ...party.send, authKey: generateKeyPair("x25519", random) }
  const store = await seededStore(recording, [party], random)
  const clock = new FakeClock()
  const server = new ReplayServer(recording)
  await using agent = await Agent.open({
    store,
    connector: server,
    clock,
    random,
    servers: [recording.server],
  })
  const seen: string[] = []
  let stopped: unknown
  const reading = (async () => {
    for await (const event of agent.events()) seen.push(event.type)
  })().catch((error: unknown) => {
    stopped = error
  })
  await agent.sendMessage({ connectionId: party.conn, body: utf8("hello") })
  await clock.advance(5000)
  expect(stopped).toBeUndefined()
  expect(seen).toEqual([])
  expect(server.arrived.map(({ command }) => command.type)).toEqual(["SUB"])
  expect(await agent.connectionState({ connectionId: party.conn })).toMatchObject({
    status: "connected",
    unsent: 1,
  })
  await agent.close()
  await reading
})
