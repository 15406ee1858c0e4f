import { utf8 } from "@smpkit/codec"
import { systemRandom } from "@smpkit/crypto"
import { settle } from "@smpkit/testkit"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type Change, type RawStore, SealedStore, StoreError, type StoreTx } from "../../src/store/index.ts"
import { openStore, put, textOf } from "../store/helpers.ts"
import type { RawStorePlace } from "./raw-store.ts"

const code = (expected: string): unknown => expect.objectContaining({ name: "StoreError", code: expected })

/** A raw store whose commits are counted, held back or refused. */
function watched(raw: RawStore): RawStore & { commits: number; gate: Promise<void>; failure?: Error } {
  return {
    commits: 0,
    gate: Promise.resolve(),
    get: (key) => raw.get(key),
    scan: (prefix) => raw.scan(prefix),
    async commit(changes, expected) {
      this.commits++
      await this.gate
      if (this.failure !== undefined) throw this.failure
      await raw.commit(changes, expected)
    },
    [Symbol.asyncDispose]: () => raw[Symbol.asyncDispose](),
  }
}

/** What the sealed store does over any raw store. `makePlace` gives a new, empty place. */
export function sealedStoreSuite(makePlace: () => RawStorePlace): void {
  describe("records", () => {
    test("are read back, also after opening again", async () => {
      const place = makePlace()
      const store = await openStore(await place.open())
      await put(store, "queues", "a", "one")
      await put(store, "queues", "b", "")
      await put(store, "messages", "a", "two")
      await store.update((tx) => {
        tx.delete("queues", "b")
      })
      await store.close()
      await using again = await openStore(await place.open())
      expect(textOf(again, "queues", "a")).toBe("one")
      expect(textOf(again, "messages", "a")).toBe("two")
      expect(again.get("queues", "b")).toBeUndefined()
    })

    test("are listed in the order of their keys, by table and scope", async () => {
      await using store = await openStore(await makePlace().open())
      for (const key of ["b/2", "a/10", "a", "a/02", "ab/1", "b/1", "a/02/x", "a0"])
        await put(store, "t", key, key)
      const keys = (scope?: string): string[] => [...store.list("t", scope)].map(({ key }) => key)
      expect(keys()).toEqual(["a", "a/02", "a/02/x", "a/10", "a0", "ab/1", "b/1", "b/2"])
      expect(keys("a")).toEqual(["a/02", "a/02/x", "a/10"])
      expect(keys("a/02")).toEqual(["a/02/x"])
      expect(keys("c")).toEqual([])
      expect([...store.list("none")]).toEqual([])
    })

    test("are copies both ways", async () => {
      await using store = await openStore(await makePlace().open())
      const value = utf8("value")
      await store.update((tx) => {
        tx.put("t", "k", value)
      })
      value.fill(0)
      store.get("t", "k")?.fill(0)
      for (const record of store.list("t")) record.value.fill(0)
      expect(textOf(store, "t", "k")).toBe("value")
    })

    test("take the place that a model gives them, through any updates and reopenings", async () => {
      const op = fc.record({
        type: fc.constantFrom("put", "put", "delete", "reopen", "compact", "throw"),
        table: fc.constantFrom("t", "tt"),
        key: fc.constantFrom("a", "a/1", "a/2", "b", ""),
        value: fc.uint8Array({ maxLength: 300 }),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(op, { maxLength: 25 }), async (ops) => {
          const place = makePlace()
          const model = new Map<string, string>()
          let store = await openStore(await place.open())
          const pending: Promise<unknown>[] = []
          for (const { type, table, key, value } of ops) {
            if (type === "put") {
              model.set(`${table} ${key}`, String(value))
              pending.push(
                store.update((tx) => {
                  tx.put(table, key, value)
                }),
              )
            } else if (type === "delete") {
              model.delete(`${table} ${key}`)
              pending.push(
                store.update((tx) => {
                  tx.delete(table, key)
                }),
              )
            } else if (type === "throw") {
              const failing = store.update((tx) => {
                tx.put(table, key, utf8("never"))
                tx.delete("t", "a")
                throw new Error("planned")
              })
              pending.push(expect(failing).rejects.toThrow("planned"))
            } else if (type === "compact") {
              pending.push(store.compact())
            } else {
              await Promise.all(pending)
              await store.close()
              store = await openStore(await place.open())
            }
          }
          await store.close()
          await Promise.all(pending)
          const end = await openStore(await place.open())
          const found = ["t", "tt"].flatMap((table) =>
            [...end.list(table)].map(({ key, value }) => [`${table} ${key}`, String(value)]),
          )
          expect(new Map(found as [string, string][])).toEqual(model)
        }),
        { numRuns: 40 },
      )
    })
  })

  describe("updates", () => {
    test("see their own changes and those accepted before, and take effect in order", async () => {
      await using store = await openStore(await makePlace().open())
      const seen: (string | undefined)[] = []
      const updates = ["1", "2", "3"].map((value) =>
        store.update((tx) => {
          seen.push(textOf(tx, "t", "k"))
          tx.put("t", "k", utf8(value))
          seen.push(textOf(tx, "t", "k"))
          expect([...tx.list("t")].length).toBe(1)
        }),
      )
      await Promise.all(updates)
      expect(seen).toEqual([undefined, "1", "1", "2", "2", "3"])
    })

    test("of one tick share a commit; those that come during it share the next", async () => {
      const raw = watched(await makePlace().open())
      await using store = await openStore(raw)
      raw.commits = 0
      const first = [1, 2, 3].map((i) => put(store, "t", `a${i}`, "x"))
      await Promise.resolve()
      await Promise.resolve()
      const second = [1, 2, 3].map((i) => put(store, "t", `b${i}`, "x"))
      await Promise.all([...first, ...second])
      expect(raw.commits).toBe(2)
    })

    test("resolve only when the raw store says that they are on disk", async () => {
      const raw = watched(await makePlace().open())
      await using store = await openStore(raw)
      let open = (): void => undefined
      raw.gate = new Promise((resolve) => {
        open = resolve
      })
      let done = false
      const update = put(store, "t", "k", "v").then(() => {
        done = true
      })
      await settle()
      expect(done).toBe(false)
      expect(textOf(store, "t", "k")).toBe("v")
      open()
      await update
      expect(done).toBe(true)
    })

    test("that throw change nothing and leave the others alone", async () => {
      await using store = await openStore(await makePlace().open())
      await put(store, "t", "k", "before")
      const good = put(store, "t", "other", "x")
      const bad = store.update((tx) => {
        tx.put("t", "k", utf8("after"))
        tx.put("t", "new", utf8("after"))
        tx.delete("t", "other")
        tx.setRestored(true)
        throw new Error("no")
      })
      await expect(bad).rejects.toThrow("no")
      await good
      expect([...store.list("t")].map(({ key }) => key)).toEqual(["k", "other"])
      expect(textOf(store, "t", "k")).toBe("before")
      expect(store.wasRestored).toBe(false)
    })

    test("are taken back with all that came after them when the disk refuses; the store goes on", async () => {
      const place = makePlace()
      const raw = watched(await place.open())
      const store = await openStore(raw)
      await put(store, "t", "k", "kept")
      raw.failure = new StoreError("STORE_FAILED", "disk full")
      const first = put(store, "t", "k", "lost 1")
      await Promise.resolve()
      await Promise.resolve()
      const second = put(store, "t", "k", "lost 2")
      await expect(first).rejects.toEqual(code("STORE_FAILED"))
      await expect(second).rejects.toEqual(code("STORE_FAILED"))
      expect(textOf(store, "t", "k")).toBe("kept")
      delete raw.failure
      await put(store, "t", "more", "yes")
      await store.close()
      await using again = await openStore(await place.open())
      expect(textOf(again, "t", "k")).toBe("kept")
      expect(textOf(again, "t", "more")).toBe("yes")
    })

    test("compare generations, which never repeat", async () => {
      await using store = await openStore(await makePlace().open())
      expect(store.generation("t", "k")).toBe(0)
      await store.update((tx) => {
        tx.put("t", "k", utf8("1"), 0)
      })
      const first = store.generation("t", "k")
      expect(first).toBeGreaterThan(0)
      await expect(
        store.update((tx) => {
          tx.put("t", "k", utf8("x"), 0)
        }),
      ).rejects.toEqual(code("STORE_CONFLICT"))
      await store.update((tx) => {
        tx.delete("t", "k", first)
        tx.put("t", "k", utf8("2"))
      })
      expect(store.generation("t", "k")).toBeGreaterThan(first)
      await expect(
        store.update((tx) => {
          tx.delete("t", "k", first)
        }),
      ).rejects.toEqual(code("STORE_CONFLICT"))
    })

    test("by a second writer of the same raw store are a conflict, not a fork", async () => {
      const raw = await makePlace().open()
      const one = await openStore(raw)
      const two = await openStore(raw)
      await put(one, "t", "k", "one")
      await expect(put(two, "t", "k", "two")).rejects.toEqual(code("STORE_CONFLICT"))
      await expect(two.compact()).rejects.toEqual(code("STORE_CONFLICT"))
      expect(two.get("t", "k")).toBeUndefined()
      await put(one, "t", "k", "one again")
    })

    test("refuse misuse: a promise, an update within, a use after the end", async () => {
      await using store = await openStore(await makePlace().open())
      const late: unknown = async (tx: StoreTx): Promise<void> => {
        await Promise.resolve()
        expect(() => {
          tx.put("t", "k", utf8("late"))
        }).toThrow(TypeError)
      }
      await expect(store.update(late as (tx: StoreTx) => void)).rejects.toThrow(TypeError)
      let nested: Promise<void> = Promise.resolve()
      await store.update(() => {
        nested = put(store, "t", "k", "nested")
        nested.catch(() => undefined)
      })
      await expect(nested).rejects.toThrow(TypeError)
      let kept: StoreTx | undefined
      await store.update((tx) => {
        kept = tx
      })
      expect(() => kept?.get("t", "k")).toThrow(TypeError)
      expect([...store.list("t")]).toEqual([])
    })
  })

  describe("opening", () => {
    test("derives the key with Argon2id at the floor of Q12", async () => {
      const place = makePlace()
      const options = { passphrase: "pässphrase", random: systemRandom }
      const store = await SealedStore.open(await place.open(), options)
      await put(store, "t", "k", "v")
      await store.close()
      await expect(
        SealedStore.open(await place.open(), { ...options, passphrase: "passphrase" }),
      ).rejects.toEqual(code("WRONG_PASSPHRASE"))
      // The same text in another normal form is the same passphrase.
      await using again = await SealedStore.open(await place.open(), {
        ...options,
        passphrase: "pässphrase".normalize("NFD"),
      })
      expect(textOf(again, "t", "k")).toBe("v")
    })

    test("refuses parameters below the floor, without taking memory for those above the ceiling", async () => {
      for (const argon2 of [
        { passes: 2, memoryKiB: 65536 },
        { passes: 3, memoryKiB: 1024 },
        { passes: 3, memoryKiB: 2 ** 30 },
      ]) {
        const opening = SealedStore.open(await makePlace().open(), {
          passphrase: "p",
          random: systemRandom,
          argon2,
        })
        await expect(opening).rejects.toMatchObject({ code: "PARAMETER" })
      }
    })

    test("takes an empty passphrase only when it is meant", async () => {
      const place = makePlace()
      await expect(openStore(await place.open(), { passphrase: "" })).rejects.toEqual(
        code("EMPTY_PASSPHRASE"),
      )
      const store = await openStore(await place.open(), { passphrase: "", allowEmptyPassphrase: true })
      await store.close()
      await expect(openStore(await place.open(), { passphrase: "x" })).rejects.toEqual(
        code("WRONG_PASSPHRASE"),
      )
    })

    test("after close everything says so", async () => {
      const store = await openStore(await makePlace().open())
      const accepted = put(store, "t", "k", "v")
      await store.close()
      await accepted
      await store.close()
      expect(() => store.get("t", "k")).toThrow(StoreError)
      await expect(put(store, "t", "k", "v")).rejects.toEqual(code("STORE_CLOSED"))
      await expect(store.compact()).rejects.toEqual(code("STORE_CLOSED"))
    })
  })

  describe("a restored store", () => {
    test("says so until the mark is taken away in a transaction", async () => {
      const place = makePlace()
      let store = await openStore(await place.open())
      expect(store.wasRestored).toBe(false)
      await store.markRestored()
      await store.close()
      store = await openStore(await place.open())
      expect(store.wasRestored).toBe(true)
      await store.update((tx) => {
        expect(tx.wasRestored).toBe(true)
        tx.setRestored(false)
      })
      await store.close()
      store = await openStore(await place.open())
      expect(store.wasRestored).toBe(false)
      await store.close()
    })
  })

  describe("a new data key", () => {
    test("compact leaves no stored name or byte string as it was", async () => {
      const raw = await makePlace().open()
      await using store = await openStore(raw)
      await put(store, "t", "a", "one")
      await put(store, "t", "b", "two")
      const before = new Set(
        [...raw.scan(new Uint8Array())].flatMap(({ key, value }) => [String(key), String(value)]),
      )
      await store.compact()
      const after = [...raw.scan(new Uint8Array())]
      expect(after.length).toBe(4)
      for (const { key, value } of after) {
        expect(before.has(String(value))).toBe(false)
        if (key.length > 1) expect(before.has(String(key))).toBe(false)
      }
      await put(store, "t", "a", "three")
      expect(textOf(store, "t", "a")).toBe("three")
    })

    test("comes by itself long before random nonces could repeat", async () => {
      const headers = new Set<string>()
      const place = makePlace()
      const inner = await place.open()
      const raw: RawStore = {
        get: (key) => inner.get(key),
        scan: (prefix) => inner.scan(prefix),
        async commit(changes: readonly Change[], expected) {
          for (const change of changes)
            if (change.type === "put" && change.key[0] === 0x68) headers.add(String(change.value))
          await inner.commit(changes, expected)
        },
        [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
      }
      const store = await openStore(raw, { sealsPerKey: 10 })
      for (let i = 0; i < 12; i++) await put(store, "t", "k", String(i))
      await store.close()
      expect(headers.size).toBeGreaterThanOrEqual(4)
      await using again = await openStore(await place.open())
      expect(textOf(again, "t", "k")).toBe("11")
    })
  })
}
