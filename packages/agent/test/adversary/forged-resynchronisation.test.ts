import { type Bytes, encode, utf8 } from "@smpkit/codec"
import { generateX3dhKeys, ratchetParametersOf } from "@smpkit/ratchet"
import { describe, expect, it } from "vitest"
import { isDuplex } from "../../src/connection.ts"
import { agentEnvelope } from "../../src/envelopes.ts"
import { getRecord, tables } from "../../src/records.ts"
import { boxEnvelope } from "../../src/seal.ts"
import { codeOf, talk } from "../scenario/talk.ts"
import { connect, openStore, type Person, seededRandom, settle, twoPeople } from "../scenario/world.ts"

// security.md Q1 and Q3: Eve has stolen the key of the queue from Alice to Bob, and controls its server.

const random = seededRandom("eve")

/** New keys of Eve's, as SEND has them. */
async function forgedKeys(alice: Person, connectionId: string): Promise<Bytes> {
  await alice.close()
  const store = await openStore(alice.raw, random)
  const connection = getRecord(store, tables.connection, connectionId)
  await store.close()
  if (connection === undefined || !isDuplex(connection)) throw new Error("not connected")
  await alice.restart()
  const parameters = ratchetParametersOf(3, generateX3dhKeys(random, { postQuantum: true }))
  const key = { type: "AgentRatchetKey", version: 7, parameters, info: utf8("R") } as const
  return boxEnvelope(connection.send, encode(agentEnvelope, key), random)
}

describe("Eve with a stolen queue key", () => {
  it("makes new keys with Bob, and his user is told: another code, and no mark that it was compared", async () => {
    const { alice, bob, two } = await twoPeople("forged")
    const ids = await connect(alice, bob)
    const before = await codeOf(bob, ids.bob)
    const [queue] = two.queues
    if (queue === undefined) throw new Error("no queue")
    two.inject(queue, await forgedKeys(alice, ids.alice))
    const event = await bob.next("ratchetSync")
    expect(event).toMatchObject({ state: "agreed", oldCode: before })
    expect(event.newCode).toBe(await codeOf(bob, ids.bob))
    expect(event.newCode).not.toBe(before)
    expect((await bob.agent.connectionState({ connectionId: ids.bob })).verified).toBe(false)
    await alice.close()
    await bob.close()
  })

  it("gets nowhere where Bob has compared the code: he is told, and goes on with Alice", async () => {
    const { alice, bob, two, clock } = await twoPeople("verified")
    const ids = await connect(alice, bob)
    await bob.agent.setVerified({ connectionId: ids.bob, verified: true })
    const before = await codeOf(bob, ids.bob)
    const [queue] = two.queues
    if (queue === undefined) throw new Error("no queue")
    const forged = await forgedKeys(alice, ids.alice)
    two.inject(queue, forged)
    expect(await bob.next("error")).toMatchObject({ code: "A_CRYPTO", connectionId: ids.bob })
    await talk(
      [
        [alice, ids.alice],
        [bob, ids.bob],
      ],
      "still here",
    )
    expect(await codeOf(bob, ids.bob)).toBe(before)
    expect(await codeOf(alice, ids.alice)).toBe(before)
    expect((await bob.agent.connectionState({ connectionId: ids.bob })).verified).toBe(true)
    two.inject(queue, forged)
    await clock.advance(1000)
    expect(bob.of("error")).toHaveLength(1)
    await alice.close()
    await bob.close()
  })

  it("cannot replay keys that were answered, however late", async () => {
    const { alice, bob, two, clock } = await twoPeople("replayed")
    const ids = await connect(alice, bob)
    let recorded: Bytes | undefined
    two.intercept = (command) => {
      if (command.type === "SEND" && recorded === undefined) recorded = command.body
      return undefined
    }
    await alice.agent.synchronizeRatchet({ connectionId: ids.alice, force: true })
    await alice.next("ratchetSync", 2)
    const code = await codeOf(bob, ids.bob)
    const events = bob.of("ratchetSync").length
    await clock.advance(22 * 24 * 3600_000)
    await bob.restart()
    const [queue] = two.queues
    if (queue === undefined || recorded === undefined) throw new Error("nothing recorded")
    two.inject(queue, recorded)
    await settle(50)
    expect(bob.of("ratchetSync")).toHaveLength(events)
    expect(await codeOf(bob, ids.bob)).toBe(code)
    await alice.close()
    await bob.close()
  })
})
