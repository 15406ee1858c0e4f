import type { Bytes } from "@smpkit/codec"
import { describe, expect, test } from "vitest"
import { settle } from "../../src/index.ts"
import { type EvePeer, invitedEve, text } from "./eve-as-peer.ts"
import { type World, world } from "./person.ts"
import { errorsOf } from "./talking.ts"

const dayMs = 24 * 3600_000

interface Flood extends EvePeer {
  readonly w: World
  /** Eve reads a message of Alice's, and so begins a new chain. */
  readonly newChain: () => Promise<void>
  /** Eve leaves out `count` messages and delivers the next; the first of those left out is returned. */
  readonly leaveOut: (count: number) => Promise<Bytes>
  /** How many of her messages Alice has shown, after everything there is was taken. */
  readonly shown: () => Promise<readonly string[]>
}

async function flood(w: World): Promise<Flood> {
  const peer = await invitedEve(w)
  const { eve, connectionId } = peer
  let count = 0
  return {
    ...peer,
    w,
    newChain: async () => {
      await w.alice.agent.sendMessage({ connectionId, text: "an answer" })
      await peer.hear(1)
    },
    leaveOut: async (left) => {
      const first = eve.message(text(`left out ${++count}`))
      eve.skip(left - 1)
      await peer.say(text(`delivered ${count}`))
      return first
    },
    shown: async () => {
      await settle(30)
      for (let n = 0; n < w.alice.of("message").length;) {
        n = w.alice.of("message").length
        await w.alice.read(n)
        await settle(30)
      }
      return (await w.alice.read(0)).map(({ text: words }) => words)
    },
  }
}

const losses = ({ w }: Flood): string[] => w.alice.of("error").map(({ message }) => message)

describe("security.md Q5: Eve is the peer, and leaves out messages without end", () => {
  test("512 in one go are passed over, and each of them can still come", async () => {
    await using w = await world("512")
    const f = await flood(w)
    const first = await f.leaveOut(512)
    await f.deliver(first)
    expect(await f.shown()).toEqual(["delivered 1", "left out 1"])
    expect(errorsOf(w.alice)).toEqual([])
  })

  test("Q5: 513 in one go are refused, and the state is as it was", async () => {
    await using w = await world("513")
    const f = await flood(w)
    const before = w.alice.stored()
    const first = await f.leaveOut(513)
    expect(await f.shown()).toEqual([])
    expect(losses(f)).toEqual([expect.stringContaining("More messages of the other side are missing")])
    // The hash of what failed, and no key: a flood would have left 513 of 52 bytes.
    expect(w.alice.stored() - before).toBeLessThan(5000)
    await f.deliver(first)
    expect(await f.shown()).toEqual(["left out 1"])
  })

  test("Q5: a number of four billion costs no work: hundreds of them are refused at once", async () => {
    await using w = await world("four billion")
    const f = await flood(w)
    const next = f.eve.message(text("next"))
    f.eve.pretend(4_000_000_000)
    const started = performance.now()
    const lies = Array.from({ length: 200 }, (_, i) => f.eve.message(text(`lie ${i}`)))
    await f.deliver(...lies)
    await f.w.alice.next("error", lies.length - 1)
    // One of them alone would derive keys for hours.
    expect(performance.now() - started).toBeLessThan(20_000)
    expect(await f.shown()).toEqual([])
    await f.deliver(next)
    expect(await f.shown()).toEqual(["next"])
  })

  test("Q5: 2,048 are kept for a connection: with more the oldest go first, which is told, and the store does not grow", async () => {
    await using w = await world("2048")
    const f = await flood(w)
    const first: Bytes[] = []
    for (let round = 0; round < 4; round++) {
      if (round > 0) await f.newChain()
      first.push(await f.leaveOut(512))
    }
    expect(await f.shown()).toHaveLength(4)
    expect(losses(f)).toEqual([])
    const full = w.alice.stored()
    for (let round = 4; round < 8; round++) {
      await f.newChain()
      first.push(await f.leaveOut(512))
      await f.shown()
      expect(losses(f)).toHaveLength(round - 3)
    }
    expect(losses(f)[0]).toMatch(/^512 messages that did not arrive yet cannot be read any more/)
    expect(errorsOf(w.alice)).toEqual(Array<string>(4).fill("A_CRYPTO"))
    expect(w.alice.stored()).toBeLessThan(full + 20_000)
    // Of the first four chains nothing can be read any more, of the last four everything.
    await f.deliver(...first)
    const shown = (await f.shown()).filter((words) => words.startsWith("left out"))
    expect(shown).toEqual([5, 6, 7, 8].map((n) => `left out ${n}`))
    expect(errorsOf(w.alice)).toHaveLength(8)
  })

  test("Q5: eight header keys are kept: a ninth chain with a gap ends the oldest, which is told", async () => {
    await using w = await world("nine chains")
    const f = await flood(w)
    const first: Bytes[] = []
    for (let chain = 0; chain < 9; chain++) {
      if (chain > 0) await f.newChain()
      expect(losses(f)).toEqual([])
      first.push(await f.leaveOut(1))
      await f.shown()
    }
    expect(losses(f)).toEqual([expect.stringMatching(/^1 messages that did not arrive yet cannot be read/)])
    await f.deliver(...first)
    const shown = (await f.shown()).filter((words) => words.startsWith("left out"))
    expect(shown).toEqual([2, 3, 4, 5, 6, 7, 8, 9].map((n) => `left out ${n}`))
  })

  test("Q5: all are erased after 21 days", async () => {
    await using w = await world("21 days")
    const f = await flood(w)
    const old = await f.leaveOut(512)
    await f.shown()
    w.clock.jump(20 * dayMs)
    await f.newChain()
    const young = await f.leaveOut(1)
    await f.shown()
    const before = w.alice.stored()
    w.clock.jump(dayMs)
    await f.say(text("on day 21"))
    await f.shown()
    expect(before - w.alice.stored()).toBeGreaterThan(512 * 48)
    await f.deliver(old, young)
    expect((await f.shown()).filter((words) => words.startsWith("left out"))).toEqual(["left out 2"])
    expect(errorsOf(w.alice)).toEqual(["A_CRYPTO"])
  })
})
