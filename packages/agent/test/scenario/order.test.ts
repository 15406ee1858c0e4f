import { describe, expect, it } from "vitest"
import { SendWindow } from "../../src/send-window.ts"
import { connect, seededRandom, twoPeople } from "./world.ts"

describe("a window of messages on their way", () => {
  it.each([1, 2, 3])(
    "keeps their order where the queue holds %i, however slowly they arrive and are read",
    async (quota) => {
      for (const seed of ["a", "b", "d", "e"]) {
        const random = seededRandom(`order ${quota} ${seed}`)
        const upTo = (ms: number): number => Math.floor(((random.bytes(1)[0] ?? 0) / 256) * ms)
        const { alice, bob, two, clock } = await twoPeople(`order ${quota} ${seed}`, {
          quota,
          onEvent: (event, agent) => {
            if (event.type !== "message") return
            clock.setTimer(upTo(seed < "d" ? 40 : 400), () => {
              void agent.acknowledgeMessage(event).catch(() => undefined)
            })
          },
        })
        const ids = await connect(alice, bob)
        two.delayMs = () => upTo(80)
        const texts = Array.from({ length: 40 }, (_, i) => `message ${i}`)
        for (const text of texts) await alice.agent.sendMessage({ connectionId: ids.alice, text })
        for (let i = 0; i < 2000 && bob.of("message").length < texts.length; i++) await clock.advance(1000)
        expect(bob.texts()).toEqual(texts)
        expect(bob.of("message").every(({ integrity }) => integrity.type === "ok")).toBe(true)
        await alice.close()
        await bob.close()
      }
    },
    60_000,
  )

  it("opens after as many messages one by one, closes when the queue is full, and opens again only for a queue that is not small", () => {
    const window = new SendWindow(4)
    const keep = (count: number): number[] =>
      Array.from({ length: count }, () => {
        window.kept()
        return window.size
      })
    expect(window.size).toBe(1)
    expect(keep(10)).toEqual([1, 1, 1, 1, 1, 2, 3, 4, 4, 4])
    keep(10)
    window.full()
    window.full()
    expect(window.size).toBe(1)
    expect(keep(8)).toEqual([1, 1, 1, 1, 1, 2, 3, 4])
    window.full()
    expect(keep(15)).toEqual(Array(15).fill(1))
    window.full()
    expect(keep(16)).toEqual(Array(16).fill(1))
    window.full()
    expect(keep(6)).toEqual([1, 1, 1, 1, 1, 2])
  })
})
