import { type Bytes, utf8 } from "@smpkit/codec"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import type { Change, RawStore } from "../../src/store/index.ts"

/** A place for one raw store, where what was closed can be opened again. */
export interface RawStorePlace {
  open(): Promise<RawStore>
}

const everything = new Uint8Array()
const putOf = (key: string, value: string): Change => ({ type: "put", key: utf8(key), value: utf8(value) })
const pairs = (raw: RawStore, prefix: Bytes = everything): [string, string][] =>
  [...raw.scan(prefix)].map(({ key, value }) => [String(key), String(value)])

/** What every raw store must do. `makePlace` gives a new, empty place; `persistent`: content outlives the object. */
export function rawStoreSuite(name: string, makePlace: () => RawStorePlace): void {
  describe(`${name}: a raw store`, () => {
    test("keeps what was committed, in the order of the keys' bytes, also after opening again", async () => {
      const place = makePlace()
      const raw = await place.open()
      const large = new Uint8Array(70_000).map((_, i) => i * 7)
      await raw.commit([
        { type: "put", key: utf8("b"), value: utf8("2") },
        { type: "put", key: Uint8Array.of(0x61, 0xff), value: utf8("") },
        { type: "put", key: utf8("a"), value: large },
        { type: "put", key: Uint8Array.of(0x61, 0), value: utf8("0") },
      ])
      await raw.commit([{ type: "delete", key: utf8("missing") }, putOf("b", "3")])
      const check = (store: RawStore): void => {
        expect([...store.scan(everything)].map(({ key }) => key)).toEqual([
          utf8("a"),
          Uint8Array.of(0x61, 0),
          Uint8Array.of(0x61, 0xff),
          utf8("b"),
        ])
        expect([...store.scan(utf8("a"))].map(({ value }) => value.length)).toEqual([70_000, 1, 0])
        expect([...store.scan(utf8("c"))]).toEqual([])
        expect(store.get(utf8("a"))).toEqual(large)
        expect(store.get(utf8("b"))).toEqual(utf8("3"))
        expect(store.get(utf8("c"))).toBeUndefined()
      }
      check(raw)
      await raw[Symbol.asyncDispose]()
      await using again = await place.open()
      check(again)
      await again.commit([{ type: "delete", key: utf8("b") }])
      expect(again.get(utf8("b"))).toBeUndefined()
    })

    test("takes copies and gives copies; of a view it stores no more than the view", async () => {
      const place = makePlace()
      const raw = await place.open()
      const around = utf8("CANARY value CANARY")
      const value = around.subarray(7, 12)
      const key = around.subarray(0, 3)
      await raw.commit([{ type: "put", key, value }])
      around.fill(0)
      raw.get(utf8("CAN"))?.fill(0)
      for (const pair of raw.scan(everything)) {
        pair.key.fill(0)
        pair.value.fill(0)
      }
      expect(raw.get(utf8("CAN"))).toEqual(utf8("value"))
      expect(raw.get(utf8("CAN"))?.buffer.byteLength).toBe(5)
      await raw[Symbol.asyncDispose]()
      await using again = await place.open()
      expect(pairs(again)).toEqual([[String(utf8("CAN")), String(utf8("value"))]])
    })

    test("changes nothing when the expectation does not hold, and goes on", async () => {
      const place = makePlace()
      const raw = await place.open()
      const refused = { code: "STORE_CONFLICT" }
      await expect(raw.commit([putOf("k", "1")], { key: utf8("r"), value: utf8("x") })).rejects.toMatchObject(
        refused,
      )
      expect(raw.get(utf8("k"))).toBeUndefined()
      await raw.commit([putOf("k", "1"), putOf("other", "x")], { key: utf8("k"), value: undefined })
      await expect(
        raw.commit([putOf("k", "2"), { type: "delete", key: utf8("other") }], {
          key: utf8("k"),
          value: undefined,
        }),
      ).rejects.toMatchObject(refused)
      await expect(
        raw.commit([putOf("k", "2")], { key: utf8("k"), value: utf8("11") }),
      ).rejects.toMatchObject(refused)
      await raw.commit([putOf("k", "2")], { key: utf8("k"), value: utf8("1") })
      await raw[Symbol.asyncDispose]()
      await using again = await place.open()
      expect(again.get(utf8("k"))).toEqual(utf8("2"))
      expect(again.get(utf8("other"))).toEqual(utf8("x"))
    })

    test("lets just one of two commits through that expect the same", async () => {
      await using raw = await makePlace().open()
      const expected = { key: utf8("root"), value: undefined }
      const results = await Promise.allSettled([
        raw.commit([putOf("root", "1"), putOf("a", "x")], expected),
        raw.commit([putOf("root", "2"), putOf("b", "x")], expected),
      ])
      expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
      const first = results[0].status === "fulfilled"
      expect(raw.get(utf8("root"))).toEqual(utf8(first ? "1" : "2"))
      expect(raw.get(utf8("a")) === undefined).toBe(!first)
      expect(raw.get(utf8("b")) === undefined).toBe(first)
    })

    test("holds what a model holds, through any commits and reopenings", async () => {
      const bytes = fc.uint8Array({ maxLength: 3 }).map((v) => Uint8Array.from(v))
      const change = fc.record({
        type: fc.constantFrom("put", "put", "delete"),
        key: bytes,
        value: fc.uint8Array({ maxLength: 40 }).map((v) => Uint8Array.from(v)),
      })
      const step = fc.oneof(
        { weight: 4, arbitrary: fc.array(change, { maxLength: 6 }) },
        { weight: 1, arbitrary: fc.constant("reopen" as const) },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 8 }), bytes, async (steps, prefix) => {
          const place = makePlace()
          const model = new Map<string, string>()
          let raw = await place.open()
          for (const s of steps) {
            if (s === "reopen") {
              await raw[Symbol.asyncDispose]()
              raw = await place.open()
              continue
            }
            // LMDB has no empty keys.
            const changes = s.filter(({ key }) => key.length > 0)
            for (const { type, key, value } of changes) {
              if (type === "put") model.set(String(key), String(value))
              else model.delete(String(key))
            }
            await raw.commit(
              changes.map(({ type, key, value }) =>
                type === "put" ? { type, key, value } : { type: "delete", key },
              ),
            )
          }
          expect(new Map(pairs(raw))).toEqual(model)
          const begins = (key: string): boolean =>
            `${key},`.startsWith(prefix.length === 0 ? "" : `${String(prefix)},`)
          expect(new Map(pairs(raw, prefix))).toEqual(new Map([...model].filter(([key]) => begins(key))))
          await raw[Symbol.asyncDispose]()
        }),
        { numRuns: 15 },
      )
    })
  })
}

/** What a raw store that is on a medium does besides: one owner, and an end. */
export function ownedRawStoreSuite(name: string, makePlace: () => RawStorePlace): void {
  describe(`${name}: a raw store with one owner`, () => {
    test("is refused to a second one until the first has closed it", async () => {
      const place = makePlace()
      const raw = await place.open()
      await expect(place.open()).rejects.toMatchObject({ name: "StoreError", code: "STORE_IN_USE" })
      await raw.commit([putOf("k", "v")])
      await raw[Symbol.asyncDispose]()
      await using next = await place.open()
      expect(next.get(utf8("k"))).toEqual(utf8("v"))
    })

    test("says so after it was closed", async () => {
      const raw = await makePlace().open()
      await raw[Symbol.asyncDispose]()
      await raw[Symbol.asyncDispose]()
      expect(() => raw.get(utf8("k"))).toThrow("closed")
      expect(() => [...raw.scan(everything)]).toThrow("closed")
      await expect(raw.commit([])).rejects.toMatchObject({ code: "STORE_CLOSED" })
    })
  })
}
