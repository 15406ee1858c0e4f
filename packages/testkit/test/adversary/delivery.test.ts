import { type Bytes, encode } from "@smpkit/codec"
import { clientEnvelope, parseClientEnvelope } from "@smpkit/smp"
import { describe, expect, test } from "vitest"
import { settle } from "../../src/index.ts"
import { connect, world } from "./person.ts"
import { errorsOf, ok, stillTalk, talking } from "./talking.ts"

const dayMs = 24 * 3600_000

describe("Eve's server between two agents that are connected", () => {
  test("what she drops is told with the next message", async () => {
    await using w = await world("drop")
    const talk = await talking(w)
    await talk.send("one")
    talk.hold = true
    await talk.send("two")
    await talk.send("three")
    talk.hold = false
    await talk.send("four")
    const shown = await w.bob.read(2)
    expect(shown.map(({ text }) => text)).toEqual(["one", "four"])
    // The confirmation was message 1 of Alice.
    expect(shown[1]?.integrity).toEqual({ type: "skipped", from: 3, to: 4 })
    expect(errorsOf(w.bob)).toEqual([])
    await stillTalk(talk, { shown: 2 })
  })

  test("what she delivers in another order is shown, and told", async () => {
    await using w = await world("reorder")
    const talk = await talking(w)
    talk.hold = true
    const [one, two, three] = [await talk.send("one"), await talk.send("two"), await talk.send("three")]
    talk.hold = false
    for (const body of [three, one, two]) await w.two.inject(talk.bobsQueue, body)
    expect(await w.bob.read(3)).toEqual([
      { text: "three", integrity: { type: "skipped", from: 2, to: 3 } },
      { text: "one", integrity: { type: "badId", previous: 4 } },
      { text: "two", integrity: ok },
    ])
    expect(errorsOf(w.bob)).toEqual([])
    await stillTalk(talk, { shown: 3 })
  })

  test("security.md Q3: what she delivers again is swallowed, at once and weeks later", async () => {
    await using w = await world("replay")
    const talk = await talking(w)
    const first = await talk.send("one")
    await w.two.inject(talk.bobsQueue, first)
    await w.two.inject(talk.bobsQueue, first)
    await w.bob.read(1)
    // Round trips, so that the ratchet has left the chain of the message behind.
    for (let i = 1; i <= 3; i++) {
      await w.bob.agent.sendMessage({ connectionId: talk.ids.bob, text: `answer ${i}` })
      await w.alice.read(i)
      await talk.send(`later ${i}`)
      await w.bob.read(1 + i)
    }
    w.clock.jump(25 * dayMs)
    const all = w.two.bodies(talk.bobsQueue)
    expect(all).toHaveLength(5)
    // Alice's confirmation among them.
    for (const body of all) await w.two.inject(talk.bobsQueue, body)
    await settle(20)
    expect((await w.bob.read(4)).map(({ text }) => text)).toEqual(["one", "later 1", "later 2", "later 3"])
    expect(errorsOf(w.bob)).toEqual([])
    expect(w.bob.of("connected")).toHaveLength(1)
    await stillTalk(talk, { shown: 4, answers: 4 })
  })

  test("what she changes, makes up or sends back to its sender is an error, and no message", async () => {
    await using w = await world("change")
    const talk = await talking(w)
    talk.hold = true
    const body = await talk.send("one")
    talk.hold = false
    const flipped = body.slice()
    flipped[500] = (flipped[500] ?? 0) ^ 1
    const envelope = parseClientEnvelope(body)
    const otherNonce = encode(clientEnvelope, { ...envelope, nonce: w.random.bytes(24) })
    const forgeries: [string, Bytes][] = [
      ["A_CRYPTO", flipped],
      ["A_CRYPTO", otherNonce],
      ["A_MESSAGE", body.slice(0, 20)],
      ["A_MESSAGE", new Uint8Array(0)],
      ["A_VERSION", encode(clientEnvelope, { ...envelope, version: 99 })],
    ]
    for (const [i, [code, forgery]] of forgeries.entries()) {
      await w.two.inject(talk.bobsQueue, forgery)
      expect([i, (await w.bob.next("error", i)).code]).toEqual([i, code])
    }
    await w.one.inject(talk.alicesQueue, body)
    expect((await w.alice.next("error")).code).toBe("A_CRYPTO")
    expect([...w.bob.of("message"), ...w.alice.of("message")]).toEqual([])
    // None of it did harm: the message itself still opens.
    await w.two.inject(talk.bobsQueue, body)
    expect(await w.bob.read(1)).toEqual([{ text: "one", integrity: ok }])
    await stillTalk(talk, { shown: 1 })
  })

  test("security.md Q5: more messages than a ratchet passes over are an error, not work without end", async () => {
    await using w = await world("skip flood")
    const talk = await talking(w)
    talk.hold = true
    const bodies: Bytes[] = []
    for (let i = 0; i < 514; i++) bodies.push(await talk.send(`lost ${i}`))
    talk.hold = false
    await talk.send("too far")
    expect((await w.bob.next("error")).code).toBe("A_CRYPTO")
    expect(w.bob.of("message")).toEqual([])
    // The state is as it was: what comes in time is read.
    await w.two.inject(talk.bobsQueue, bodies[1] ?? new Uint8Array(0))
    await w.two.inject(talk.bobsQueue, bodies[513] ?? new Uint8Array(0))
    expect(await w.bob.read(2)).toEqual([
      { text: "lost 1", integrity: { type: "skipped", from: 2, to: 2 } },
      { text: "lost 513", integrity: { type: "skipped", from: 4, to: 514 } },
    ])
    await stillTalk(talk, { shown: 2 })
  })

  test("security.md Q23: receiving and sending never share a session", async () => {
    await using w = await world("sessions")
    await connect(w.alice, w.bob)
    const recipient = ["NEW", "SUB", "ACK", "KEY", "DEL", "OFF"]
    for (const server of [w.one, w.two]) {
      const roles = new Map<number, Set<string>>()
      for (const { session, command } of server.commands) {
        const role = recipient.includes(command.type) ? "recipient" : "sender"
        roles.set(session, (roles.get(session) ?? new Set()).add(role))
      }
      expect([...roles.values()].map((set) => [...set])).toEqual([["recipient"], ["sender"]])
    }
  })
})
