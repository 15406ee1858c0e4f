import { utf8 } from "@smpkit/codec"
import { sha256, systemRandom } from "@smpkit/crypto"
import { settle } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { memoryRawStore, type RawStore } from "../../src/store/index.ts"
import { importStoreWith } from "../../src/store/import.ts"
import { exportSuite } from "../suites/export.ts"
import { memoryPlace, openStore, put, textOf } from "./helpers.ts"

describe("in memory", () => {
  exportSuite(memoryPlace)
})

async function* inPieces(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  yield* pieces
}

/** A disk that takes a while for each commit. */
function slow(raw: RawStore, meanwhile: () => void = () => undefined): RawStore {
  return {
    get: (key) => raw.get(key),
    scan: (prefix) => raw.scan(prefix),
    commit: async (changes, expected) => {
      await settle(1)
      meanwhile()
      await settle(1)
      await raw.commit(changes, expected)
    },
    [Symbol.asyncDispose]: () => raw[Symbol.asyncDispose](),
  }
}

test("an export of a store that is written to without a pause is not held up, and is what was on disk at one moment", async () => {
  const writing: Promise<void>[] = []
  let write: () => void = () => undefined
  const store = await openStore(
    slow(memoryRawStore(), () => {
      write()
    }),
  )
  write = () => {
    if (writing.length >= 50) return
    const count = String(writing.length)
    writing.push(
      store.update((tx) => {
        for (const key of ["a", "b"]) tx.put("t", key, utf8(count))
      }),
    )
  }
  await put(store, "t", "a", "begun")
  const exporting = store.export()
  const first = await exporting.next()
  expect(writing.length).toBeLessThan(10)
  write = () => undefined
  await Promise.all(writing)
  const pieces: Uint8Array[] = [first.value ?? new Uint8Array(0)]
  for await (const piece of exporting) pieces.push(piece)
  await store.close()
  const raw = memoryRawStore()
  const options = { passphrase: "a passphrase", random: systemRandom }
  await importStoreWith(raw, inPieces(pieces), options, (secret, salt) => sha256(secret, salt))
  await using copy = await openStore(raw)
  expect(Number(textOf(copy, "t", "a"))).toBeLessThan(10)
  expect(textOf(copy, "t", "b")).toBe(textOf(copy, "t", "a"))
})
