import { readFileSync } from "node:fs"
import { fromBase64Url } from "@smpkit/codec"
import { describe, expect, it } from "vitest"
import { memoryRawStore } from "../../src/index.ts"
import { twoPeople } from "../scenario/world.ts"

interface Fixture {
  readonly connected: string
  readonly requested: string
  readonly invited: string
  readonly link: string
  readonly records: readonly (readonly [string, string])[]
}

const text = readFileSync(new URL("../fixtures/first-release-store.json", import.meta.url), "utf8")
const fixture = JSON.parse(text) as Fixture

describe("a store of the first release", () => {
  it("opens, with its links, confirmations, connections and messages, and is written in the layouts of now", async () => {
    const raw = memoryRawStore()
    await raw.commit(
      fixture.records.map(([key, value]) => ({
        type: "put",
        key: fromBase64Url(key),
        value: fromBase64Url(value),
      })),
    )
    const { bob } = await twoPeople("first release")
    const alice = await bob.another("alice", raw)
    const stateOf = async (connectionId: string): Promise<string> =>
      (await alice.agent.connectionState({ connectionId })).status
    expect(await stateOf(fixture.connected)).toBe("connected")
    expect(await stateOf(fixture.requested)).toBe("requested")
    expect(await stateOf(fixture.invited)).toBe("invited")
    const message = await alice.next("message")
    expect(message).toMatchObject({ text: "before", redelivered: true, postQuantum: false })
    await alice.agent.acknowledgeMessage(message)
    const sent = await alice.agent.sendMessage({ connectionId: fixture.connected, text: "after" })
    expect(sent.postQuantum).toBe(false)
    const [request] = alice
      .of("confirmation")
      .filter(({ connectionId }) => connectionId === fixture.requested)
    if (request !== undefined) await alice.agent.allowConnection(request)
    await alice.restart()
    expect(await stateOf(fixture.connected)).toBe("connected")
    expect(alice.texts()).toEqual(["before"])
    await alice.close()
    await bob.close()
  })
})
