import type { Bytes } from "@smpkit/codec"
import { describe, expect, it } from "vitest"
import { memoryRawStore, type RawStore } from "../../src/index.ts"
import { codeOf, talk } from "./talk.ts"
import { connect, type Person, settle, twoPeople } from "./world.ts"

/** A disk whose power goes at one commit, before or after that is kept: nothing is written then, and nothing answers. */
class Disk implements RawStore {
  readonly kept: RawStore = memoryRawStore()
  commits = 0
  crashAt = Number.POSITIVE_INFINITY
  crashWhen: "before" | "after" = "before"

  get(key: Bytes): Bytes | undefined {
    return this.kept.get(key)
  }
  scan(prefix: Bytes): ReturnType<RawStore["scan"]> {
    return this.kept.scan(prefix)
  }
  async commit(...[changes, expected]: Parameters<RawStore["commit"]>): Promise<void> {
    const number = ++this.commits
    if (number < this.crashAt || (number === this.crashAt && this.crashWhen === "after"))
      await this.kept.commit(changes, expected)
    if (number >= this.crashAt) await new Promise<never>(() => undefined)
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve()
  }
}

describe("re-synchronisation", () => {
  const steps = [1, 2, 3, 4, 5, 6].flatMap((step) => [0, 1].map((who) => ({ step, who })))
  it.each(steps)("survives the loss of power at its commit $step, on side $who", async ({ step, who }) => {
    for (const when of ["before", "after"] as const) {
      const { alice: first, bob: second, clock } = await twoPeople(`crash ${step} ${who} ${when}`)
      const disks = [new Disk(), new Disk()] as const
      const people = [await first.another("alice", disks[0]), await second.another("bob", disks[1])] as const
      const connected = await connect(people[0], people[1])
      const ids = [connected.alice, connected.bob] as const
      const disk = disks[who === 0 ? 0 : 1]
      await settle(50)
      disk.crashWhen = when
      disk.crashAt = disk.commits + step
      void people[0].agent.synchronizeRatchet({ connectionId: ids[0], force: true }).catch(() => undefined)
      await settle(100)
      const again = await (who === 0 ? first : second).another("again", disk.kept)
      const now: [Person, string][] = [
        [who === 0 ? again : people[0], ids[0]],
        [who === 1 ? again : people[1], ids[1]],
      ]
      for (let i = 0; i < 10; i++) await clock.advance(1000)
      await talk(now, "after the loss")
      const codes = await Promise.all(now.map(([person, connectionId]) => codeOf(person, connectionId)))
      expect(codes[0]).toBe(codes[1])
      for (const [person, connectionId] of now)
        expect((await person.agent.connectionState({ connectionId })).ratchet).toBe("ok")
      for (const person of [first, second, ...now.map(([one]) => one)]) await person.close()
    }
  })
})
