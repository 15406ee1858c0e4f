import type { Bytes } from "@smpkit/codec"
import { describe, expect, test } from "vitest"
import { settle } from "../../src/index.ts"
import { connect, until, type World, world } from "./person.ts"
import { errorsOf, ok, stillTalk, type Talk, talking } from "./talking.ts"

const dayMs = 24 * 3600_000

/** Eve has the server that Bob's queue is on, and everything that it ever delivered or was told to keep back. */
async function keptBack(w: World, count: number): Promise<{ talk: Talk; kept: readonly Bytes[] }> {
  const talk = await talking(w)
  talk.hold = true
  const kept: Bytes[] = []
  for (let i = 0; i < count; i++) kept.push(await talk.send(`kept back ${i}`))
  talk.hold = false
  await talk.send("delivered")
  expect(await w.bob.read(1)).toEqual([
    { text: "delivered", integrity: { type: "skipped", from: 2, to: 1 + count } },
  ])
  return { talk, kept }
}

const syncStates = ({ bob }: World): string[] => bob.of("ratchetSync").map(({ state }) => state)

/** Puts a body into Bob's queue, and waits until he has taken it. */
async function replay({ w, bobsQueue }: Talk, body: Bytes): Promise<void> {
  const before = w.two.of("ACK").length
  await w.two.inject(bobsQueue, body)
  await until("Bob has acknowledged it", () => w.two.of("ACK").length > before)
  await settle(5)
}

describe("security.md Q3: Eve's server delivers weeks later what she recorded", () => {
  test("Eve can keep a message back for twenty days: it is shown, as out of order", async () => {
    await using w = await world("day 20")
    const { talk, kept } = await keptBack(w, 1)
    w.clock.jump(20 * dayMs)
    for (const body of kept) await replay(talk, body)
    expect((await w.bob.read(2)).at(-1)).toMatchObject({ text: "kept back 0", integrity: { type: "badId" } })
    expect(errorsOf(w.bob)).toEqual([])
  })

  test("Q3: on day 22 its key is gone: an error and the state allowed, however often she repeats it, and sending goes on", async () => {
    await using w = await world("day 22")
    const { talk, kept } = await keptBack(w, 1)
    w.clock.jump(22 * dayMs)
    for (const body of kept) for (let time = 0; time < 5; time++) await replay(talk, body)
    expect(errorsOf(w.bob)).toEqual(["A_CRYPTO"])
    expect(syncStates(w)).toEqual(["allowed"])
    await w.bob.agent.sendMessage({ connectionId: talk.ids.bob, text: "Bob goes on" })
    expect(await w.alice.read(1)).toEqual([{ text: "Bob goes on", integrity: ok }])
    await stillTalk(talk, { shown: 1, answers: 2 })
    expect(syncStates(w)).toEqual(["allowed", "ok"])
    for (const body of kept) await replay(talk, body)
    expect(errorsOf(w.bob)).toEqual(["A_CRYPTO"])
    expect(syncStates(w)).toEqual(["allowed", "ok"])
  })

  test("Q3: the state required takes three different ones with no success between, and does not stop sending either", async () => {
    await using w = await world("three on day 22")
    const { talk, kept } = await keptBack(w, 5)
    w.clock.jump(22 * dayMs)
    const [one, two, ...others] = kept
    for (const body of [one, two]) if (body !== undefined) await replay(talk, body)
    expect(syncStates(w)).toEqual(["allowed"])
    await talk.send("between")
    await w.bob.read(2)
    expect(syncStates(w)).toEqual(["allowed", "ok"])
    for (const body of others) await replay(talk, body)
    expect(syncStates(w)).toEqual(["allowed", "ok", "allowed", "required"])
    expect(errorsOf(w.bob)).toEqual(Array<string>(5).fill("A_CRYPTO"))
    await w.bob.agent.sendMessage({ connectionId: talk.ids.bob, text: "Bob goes on" })
    expect(await w.alice.read(1)).toEqual([{ text: "Bob goes on", integrity: ok }])
    await stillTalk(talk, { shown: 2, answers: 2 })
    expect(syncStates(w).at(-1)).toBe("ok")
  })

  test("Q3: an agent that was opened again knows both what it has shown and what has failed", async () => {
    await using w = await world("opened again")
    const { talk, kept } = await keptBack(w, 1)
    const shown = w.two.bodies(talk.bobsQueue)
    w.clock.jump(22 * dayMs)
    for (const body of kept) await replay(talk, body)
    expect(errorsOf(w.bob)).toEqual(["A_CRYPTO"])
    await using bob = await w.bob.reopened()
    await until("Bob is back", () => w.two.of("SUB").length > 0)
    for (const body of [...shown, ...kept, ...kept]) await replay(talk, body)
    expect([...bob.of("message"), ...bob.of("error"), ...bob.of("ratchetSync")]).toEqual([])
    await w.alice.agent.sendMessage({ connectionId: talk.ids.alice, text: "still here" })
    expect(await bob.read(1)).toEqual([{ text: "still here", integrity: ok }])
    expect(bob.of("ratchetSync").map(({ state }) => state)).toEqual(["ok"])
  })

  test("Q3: after a move to another queue, what the old one delivered opens nothing on the new one", async () => {
    await using w = await world("moved")
    const talk = await talking(w)
    const shown = await talk.send("shown")
    await w.bob.read(1)
    await w.bob.agent.switchQueue({ connectionId: talk.ids.bob })
    await until("the queue has moved", () => w.bob.of("queueSwitched").at(-1)?.phase === "completed")
    await until("the old queue is gone", async () => {
      await w.clock.advance(1000)
      return (await w.two.queueCount()) === 1
    })
    const [bobsNewQueue] = await w.two.senderIds()
    if (bobsNewQueue === undefined) throw new Error("no queue")
    w.clock.jump(22 * dayMs)
    await replay({ ...talk, bobsQueue: bobsNewQueue }, shown)
    expect(errorsOf(w.bob)).toEqual(["A_CRYPTO"])
    expect(syncStates(w)).toEqual([])
    expect(w.bob.of("message")).toHaveLength(1)
    await stillTalk(talk, { shown: 1 })
  })

  test("Q3: keys of a re-synchronisation that were answered are known weeks later, and change nothing", async () => {
    await using w = await world("old keys")
    const ids = await connect(w.alice, w.bob)
    const [bobsQueue] = await w.two.senderIds()
    const before = w.two.bodies(bobsQueue).length
    await w.alice.agent.synchronizeRatchet({ connectionId: ids.alice, force: true })
    await until("both have new keys", () =>
      [w.alice, w.bob].every((person) => person.of("ratchetSync").at(-1)?.state === "ok"),
    )
    const keys = w.two.bodies(bobsQueue)[before]
    if (bobsQueue === undefined || keys === undefined) throw new Error("no keys were sent")
    const [code, events] = [await w.bob.code(ids.bob), w.bob.of("ratchetSync").length]
    w.clock.jump(22 * dayMs)
    const answers = w.one.bodies().length
    const acknowledged = w.two.of("ACK").length
    for (let time = 0; time < 3; time++) await w.two.inject(bobsQueue, keys)
    await until("Bob has taken all three", () => w.two.of("ACK").length === acknowledged + 3)
    await settle(20)
    expect(w.bob.of("ratchetSync")).toHaveLength(events)
    expect(await w.bob.code(ids.bob)).toBe(code)
    expect(await w.alice.code(ids.alice)).toBe(code)
    expect(w.one.bodies()).toHaveLength(answers)
    expect(errorsOf(w.bob)).toEqual([])
  })
})
