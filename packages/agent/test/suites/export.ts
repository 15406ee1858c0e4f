import { type Bytes, concatBytes, utf8 } from "@smpkit/codec"
import { seededRandom } from "@smpkit/testkit"
import { sha256, systemRandom } from "@smpkit/crypto"
import { describe, expect, test } from "vitest"
import type { ExportedFile, RawStore, SealedStore } from "../../src/store/index.ts"
import { importStoreWith } from "../../src/store/import.ts"
import { openStore, put, textOf } from "../store/helpers.ts"
import type { RawStorePlace } from "./raw-store.ts"

async function bytesOf(store: SealedStore, files: readonly ExportedFile[] = []): Promise<Bytes> {
  const pieces: Bytes[] = []
  for await (const piece of store.export({ files })) pieces.push(piece)
  return concatBytes(...pieces)
}

/** In pieces of some other length. */
async function* pieces(bytes: Uint8Array, length = 10_007): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) {
    await Promise.resolve()
    yield bytes.subarray(at, at + length)
  }
}

interface Importing {
  readonly passphrase?: string
  readonly allowEmptyPassphrase?: boolean
}

function importInto(
  raw: RawStore,
  bytes: Uint8Array,
  { passphrase = "a passphrase", ...options }: Importing = {},
): Promise<{ readonly files: readonly ExportedFile[] }> {
  return importStoreWith(
    raw,
    pieces(bytes),
    { passphrase, random: systemRandom, ...options },
    (secret, salt) => sha256(secret, salt),
  )
}

const fails = (code: string): unknown => expect.objectContaining({ name: "StoreError", code })

/** What a store as a file does over any raw store. */
export function exportSuite(makePlace: () => RawStorePlace): void {
  async function filled(): Promise<SealedStore> {
    const store = await openStore(await makePlace().open())
    await put(store, "t", "a", "one")
    await put(store, "t", "b", "canary-value")
    await put(store, "canary-table", "canary-key", "")
    await store.update((tx) => {
      tx.put("t", "long", seededRandom("long").bytes(200_000))
    })
    return store
  }

  async function expectNothing(place: RawStorePlace): Promise<void> {
    await using raw = await place.open()
    expect([...raw.scan(new Uint8Array())]).toEqual([])
  }

  describe("a store as a file", () => {
    test("is imported as it was, send-locked, under the same passphrase and other keys, with the files beside it", async () => {
      const store = await filled()
      const files = [{ name: "pipes", content: utf8("sealed by itself") }]
      const bytes = await bytesOf(store, files)
      const place = makePlace()
      expect(await importInto(await place.open(), bytes)).toEqual({ files })
      await using copy = await openStore(await place.open())
      expect(textOf(copy, "t", "a")).toBe("one")
      expect(textOf(copy, "canary-table", "canary-key")).toBe("")
      expect(copy.get("t", "long")).toEqual(store.get("t", "long"))
      expect([...copy.list("t")].map(({ key }) => key)).toEqual(["a", "b", "long"])
      expect(copy.wasRestored).toBe(true)
      expect(store.wasRestored).toBe(false)
      await put(copy, "t", "a", "two")
      await store.close()
    })

    test("of an empty store, too", async () => {
      const store = await openStore(await makePlace().open())
      const bytes = await bytesOf(store)
      await store.close()
      const place = makePlace()
      await importInto(await place.open(), bytes)
      await using copy = await openStore(await place.open())
      expect([...copy.list("t")]).toEqual([])
      expect(copy.wasRestored).toBe(true)
    })

    test("is of one moment, while the store is written to", async () => {
      const store = await filled()
      const early = put(store, "t", "a", "before")
      const exporting = store.export()
      const first = await exporting.next()
      await early
      await put(store, "t", "a", "after")
      const rest: Bytes[] = [first.value ?? new Uint8Array(0)]
      for await (const piece of exporting) rest.push(piece)
      await store.close()
      const place = makePlace()
      await importInto(await place.open(), concatBytes(...rest))
      await using copy = await openStore(await place.open())
      expect(textOf(copy, "t", "a")).toBe("before")
    })

    test("shows nothing of what is in it, and as long only in steps of 64 KiB", async () => {
      const store = await filled()
      const files = [{ name: "canary-name", content: utf8("canary-content") }]
      const [one, two] = [await bytesOf(store, files), await bytesOf(store, files)]
      await store.close()
      expect(new TextDecoder("latin1").decode(one)).not.toContain("canary")
      expect(one).toHaveLength(two.length)
      // After the head nothing is the same: each file has a key of its own.
      const head = 19 + 2 + 2 + 134
      expect((one.length - head) % (65_536 + 16)).toBe(0)
      expect(one.subarray(head, head + 64)).not.toEqual(two.subarray(head, head + 64))
    })

    test("goes into an empty place only", async () => {
      const store = await filled()
      const bytes = await bytesOf(store)
      await store.close()
      const place = makePlace()
      const other = await openStore(await place.open())
      await put(other, "t", "mine", "kept")
      await other.close()
      await expect(importInto(await place.open(), bytes)).rejects.toEqual(fails("NOT_EMPTY"))
      await using same = await openStore(await place.open())
      expect(textOf(same, "t", "mine")).toBe("kept")
    })

    test("needs its passphrase, and an empty one has to be meant", async () => {
      const store = await filled()
      const bytes = await bytesOf(store)
      await store.close()
      const place = makePlace()
      for (const [options, code] of [
        [{ passphrase: "wrong" }, "WRONG_PASSPHRASE"],
        [{ passphrase: "" }, "EMPTY_PASSPHRASE"],
        [{ passphrase: "", allowEmptyPassphrase: true }, "WRONG_PASSPHRASE"],
      ] as const)
        await expect(importInto(await place.open(), bytes, options)).rejects.toEqual(fails(code))
      await expectNothing(place)
    })

    test("is refused wherever a byte is changed, cut off, moved or added, and leaves nothing", async () => {
      const store = await filled()
      const bytes = await bytesOf(store)
      await store.close()
      const place = makePlace()
      const head = 19 + 2 + 2 + 134
      const chunk = 65_536 + 16
      const count = (bytes.length - head) / chunk
      expect(count).toBe(4)
      const chunkOf = (i: number): Bytes => bytes.slice(head + i * chunk, head + (i + 1) * chunk)
      const damaged: [string, Uint8Array][] = [
        ["nothing", new Uint8Array(0)],
        ["another file", utf8("a picture of a cat, which is long enough to be a picture")],
        ["the head alone", bytes.slice(0, head)],
        ["half a head", bytes.slice(0, 60)],
        ["a chunk less", bytes.slice(0, -chunk)],
        ["a byte less", bytes.slice(0, -1)],
        ["a byte more", concatBytes(bytes, utf8("x"))],
        ["the last chunk twice", concatBytes(bytes, chunkOf(3))],
        [
          "two chunks changed places",
          concatBytes(bytes.slice(0, head), chunkOf(1), chunkOf(0), chunkOf(2), chunkOf(3)),
        ],
        ["a chunk left out", concatBytes(bytes.slice(0, head), chunkOf(0), chunkOf(2), chunkOf(3))],
      ]
      for (const at of [0, 22, 30, 50, 100, head - 1, head, head + chunk, bytes.length - 1]) {
        const flipped = bytes.slice()
        flipped[at] = (flipped[at] ?? 0) ^ 1
        damaged.push([`byte ${at}`, flipped])
      }
      for (const [what, changed] of damaged)
        await expect(importInto(await place.open(), changed), what).rejects.toEqual(fails("EXPORT_DAMAGED"))
      await expectNothing(place)
    })

    test("of a later release says so", async () => {
      const store = await filled()
      const bytes = await bytesOf(store)
      await store.close()
      bytes[20] = 2
      const place = makePlace()
      await expect(importInto(await place.open(), bytes)).rejects.toEqual(fails("STORE_FORMAT"))
      await expectNothing(place)
    })

    test("is one commit: a disk that refuses has nothing of it", async () => {
      const store = await filled()
      const bytes = await bytesOf(store)
      await store.close()
      const place = makePlace()
      const raw = await place.open()
      let commits = 0
      const refusing: RawStore = {
        get: (key) => raw.get(key),
        scan: (prefix) => raw.scan(prefix),
        commit: () => {
          commits++
          return Promise.reject(new Error("no room"))
        },
        [Symbol.asyncDispose]: () => raw[Symbol.asyncDispose](),
      }
      await expect(importInto(refusing, bytes)).rejects.toThrow("no room")
      expect(commits).toBe(1)
      await expectNothing(place)
    })
  })
}
