import { settle } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { durably, type FlushedDatabase, GroupCommit } from "../src/store/group-commit.ts"

/** A database whose commits are visible at once, and flushed when a test says so. */
class SlowDisk implements FlushedDatabase {
  transactions = 0
  #flush: () => void = () => undefined
  #flushed: Promise<void> = Promise.resolve()

  transaction<T>(f: () => T): Promise<T> {
    this.transactions += 1
    this.#flushed = new Promise((resolve) => {
      this.#flush = resolve
    })
    return Promise.resolve(f())
  }
  get flushed(): Promise<void> {
    return this.#flushed
  }
  flush(): void {
    this.#flush()
  }
}

describe("a group commit", () => {
  test("resolves when it is on disk, and the planted bare await is caught", async () => {
    for (const [commit, early] of [
      [durably, false],
      [<T>(database: FlushedDatabase, f: () => T): Promise<T> => database.transaction(f), true],
    ] as const) {
      const disk = new SlowDisk()
      let resolved = false
      const done = new GroupCommit(disk, commit)
        .add(() => 1)
        .then(() => {
          resolved = true
        })
      await settle(8)
      expect(resolved).toBe(early)
      disk.flush()
      await done
    }
  })

  test("takes all that came in a turn, and all that came during a flush, in one transaction each", async () => {
    const disk = new SlowDisk()
    const commits = new GroupCommit(disk)
    const order: number[] = []
    const add = (n: number): Promise<number> =>
      commits.add(() => {
        order.push(n)
        return n
      })
    const first = [add(1), add(2), add(3)]
    await settle(4)
    const second = [add(4), add(5)]
    await settle(4)
    expect(disk.transactions).toBe(1)
    disk.flush()
    expect(await Promise.all(first)).toEqual([1, 2, 3])
    await settle(4)
    disk.flush()
    expect(await Promise.all(second)).toEqual([4, 5])
    expect(disk.transactions).toBe(2)
    expect(order).toEqual([1, 2, 3, 4, 5])
    await commits.idle()
  })

  test("fails the operation that throws, and all of a transaction that fails", async () => {
    const disk = new SlowDisk()
    const commits = new GroupCommit(disk)
    const bad = expect(
      commits.add(() => {
        throw new Error("a bug")
      }),
    ).rejects.toThrow("a bug")
    const good = commits.add(() => 1)
    await settle(4)
    disk.flush()
    await bad
    expect(await good).toBe(1)
    const broken = new GroupCommit({
      transaction: () => Promise.reject(new Error("disk")),
      flushed: Promise.resolve(),
    })
    await expect(broken.add(() => 1)).rejects.toThrow("disk")
    await expect(broken.add(() => 1)).rejects.toThrow("disk")
  })
})
