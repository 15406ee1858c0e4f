import { settle } from "@smpkit/testkit"
import { describe, expect, it } from "vitest"
import { FairQueue } from "../src/fair-queue.ts"
import { RecentlyUsed } from "../src/recently-used.ts"

describe("FairQueue", () => {
  /** Work that ends when the test says so. */
  function jobs(): {
    begun: string[]
    work: (name: string) => () => Promise<void>
    end: (n?: number) => void
  } {
    const begun: string[] = []
    const ends: (() => void)[] = []
    return {
      begun,
      work: (name) => () => {
        begun.push(name)
        return new Promise((resolve) => ends.push(resolve))
      },
      end: (n = ends.length) => {
        for (const end of ends.splice(0, n)) end()
      },
    }
  }

  it("begins groups while there is room for a whole one, and what is urgent first", async () => {
    const { begun, work, end } = jobs()
    const queue = new FairQueue({ together: 2, most: 4 }, () => true)
    for (const name of ["a", "b", "c", "d", "e", "f", "g"]) void queue.push(work(name))
    await settle()
    expect(begun).toEqual(["a", "b", "c", "d"])
    void queue.push(work("urgent"), { urgent: true })
    end(1)
    await settle()
    expect(begun).toHaveLength(4)
    end(1)
    await settle()
    expect(begun).toEqual(["a", "b", "c", "d", "urgent", "e"])
    end()
    await settle()
    end()
    await settle()
    expect(begun).toEqual(["a", "b", "c", "d", "urgent", "e", "f", "g"])
  })

  it("begins only what is urgent while nothing else may begin", async () => {
    const { begun, work } = jobs()
    let may = false
    const queue = new FairQueue({ together: 2, most: 4 }, () => may)
    void queue.push(work("bulk"))
    void queue.push(work("urgent"), { urgent: true })
    await settle()
    expect(begun).toEqual(["urgent"])
    may = true
    queue.changed()
    await settle()
    expect(begun).toEqual(["urgent", "bulk"])
  })

  it("hands on failures, goes on after them, and resolves what never begins", async () => {
    const queue = new FairQueue({ together: 1, most: 1 }, () => true)
    const failing = queue.push(() => Promise.reject(new Error("no")))
    const next = queue.push(() => Promise.resolve())
    await expect(failing).rejects.toThrow("no")
    await next
    const begun: string[] = []
    void queue.push(() => new Promise(() => begun.push("long")))
    await settle()
    const never = queue.push(() => Promise.reject(new Error("it began")))
    queue.end()
    await never
    await queue.push(() => Promise.reject(new Error("it began")))
    expect(begun).toEqual(["long"])
  })
})

describe("RecentlyUsed", () => {
  it("drops what was used longest ago, but for what cannot be dropped yet", () => {
    const dropped: string[] = []
    const one = (name: string, drops = true): { drop: () => boolean } => ({
      drop: () => {
        dropped.push(name)
        return drops
      },
    })
    const [a, b, c, d] = [one("a", false), one("b"), one("c"), one("d")]
    const all = new RecentlyUsed(2)
    for (const each of [a, b, a, b, c]) all.use(each)
    expect(dropped).toEqual(["a", "b"])
    expect(all.size).toBe(2)
    all.use(d)
    expect(dropped).toEqual(["a", "b", "c"])
    all.forget(d)
    expect(all.size).toBe(1)
  })

  it("comes back to its limit when what could not be dropped can be again", () => {
    let drops = false
    const some = Array.from({ length: 20 }, () => ({ drop: () => drops }))
    const all = new RecentlyUsed(2)
    for (const each of some) all.use(each)
    expect(all.size).toBe(20)
    drops = true
    for (const each of some) all.use(each)
    expect(all.size).toBe(2)
  })
})
