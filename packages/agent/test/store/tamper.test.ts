import { type Bytes, utf8 } from "@smpkit/codec"
import { argon2id, sha256, systemRandom } from "@smpkit/crypto"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  type Change,
  type KeyValue,
  memoryRawStore,
  type RawStore,
  type StoreErrorCode,
} from "../../src/store/index.ts"
import { openStore, put } from "./helpers.ts"

const everything = new Uint8Array()

function content(raw: RawStore): KeyValue[] {
  return [...raw.scan(everything)]
}

async function rawOf(pairs: readonly KeyValue[]): Promise<RawStore> {
  const raw = memoryRawStore()
  await raw.commit(pairs.map(({ key, value }): Change => ({ type: "put", key, value })))
  return raw
}

/** A store with three records in two versions of its raw content, and another store under the same passphrase. */
async function stores(): Promise<{ old: KeyValue[]; now: KeyValue[]; other: KeyValue[] }> {
  const raw = memoryRawStore()
  const store = await openStore(raw)
  for (const key of ["a", "b", "c"]) await put(store, "ratchets", key, `state 1 of ${key}`)
  const old = content(raw)
  await put(store, "ratchets", "a", "state 2 of a")
  await put(store, "ratchets", "b", "state 2 of b")
  await store.close()
  const otherRaw = memoryRawStore()
  const other = await openStore(otherRaw)
  for (const key of ["a", "b", "c"]) await put(other, "ratchets", key, `state 1 of ${key}`)
  await other.close()
  return { old, now: content(raw), other: content(otherRaw) }
}

const isRecord = ({ key }: KeyValue): boolean => key.length > 1
const isKey =
  (letter: string) =>
  (pair: KeyValue): boolean =>
    pair.key.length === 1 && pair.key[0] === letter.charCodeAt(0)
const flip = (bytes: Bytes, at: number): Bytes => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
const is = (a: KeyValue, b: KeyValue): boolean => String(a.key) === String(b.key)

/** The pairs with the record of `key` in another version. */
const rolledBack = (
  pairs: readonly KeyValue[],
  old: readonly KeyValue[],
  which: (pair: KeyValue) => boolean,
): KeyValue[] => pairs.map((pair) => (which(pair) ? (old.find((o) => is(o, pair)) ?? pair) : pair))

interface Attack {
  readonly name: string
  readonly code: StoreErrorCode
  readonly make: (s: { old: KeyValue[]; now: KeyValue[]; other: KeyValue[] }) => readonly KeyValue[]
}

const changedRecord = ({ old, now }: { old: KeyValue[]; now: KeyValue[] }): KeyValue => {
  const found = now
    .filter(isRecord)
    .find((pair) => old.some((o) => is(o, pair) && String(o.value) !== String(pair.value)))
  if (found === undefined) throw new Error("no record was changed")
  return found
}

const attacks: readonly Attack[] = [
  {
    name: "one record rolled back",
    code: "STORE_TAMPERED",
    make: (s) => rolledBack(s.now, s.old, (pair) => is(pair, changedRecord(s))),
  },
  {
    name: "all records rolled back, the root not",
    code: "STORE_TAMPERED",
    make: (s) => rolledBack(s.now, s.old, isRecord),
  },
  {
    name: "the root rolled back, the records not",
    code: "STORE_TAMPERED",
    make: (s) => rolledBack(s.now, s.old, isKey("r")),
  },
  {
    name: "two values swapped",
    code: "STORE_TAMPERED",
    make: ({ now }) => {
      const [one, two] = now.filter(isRecord)
      if (one === undefined || two === undefined) throw new Error("too few records")
      return now.map((pair) =>
        pair === one
          ? { key: one.key, value: two.value }
          : pair === two
            ? { key: two.key, value: one.value }
            : pair,
      )
    },
  },
  {
    name: "a record removed",
    code: "STORE_TAMPERED",
    make: ({ now }) => {
      const gone = now.find(isRecord)
      return now.filter((pair) => pair !== gone)
    },
  },
  {
    name: "all records removed",
    code: "STORE_TAMPERED",
    make: ({ now }) => now.filter((pair) => !isRecord(pair)),
  },
  {
    name: "a record copied under another name",
    code: "STORE_TAMPERED",
    make: ({ now }) => [
      ...now,
      ...now
        .filter(isRecord)
        .slice(0, 1)
        .map(({ key, value }) => ({ key: flip(key, 5), value })),
    ],
  },
  {
    name: "a foreign record added",
    code: "STORE_TAMPERED",
    make: ({ now, other }) => [...now, ...other.filter(isRecord).slice(0, 1)],
  },
  {
    name: "a record of another store with the same passphrase put in place",
    code: "STORE_TAMPERED",
    make: ({ now, other }) => {
      const foreign = other.find(isRecord)
      const ours = now.find(isRecord)
      return now.map((pair) =>
        pair === ours && foreign !== undefined ? { key: pair.key, value: foreign.value } : pair,
      )
    },
  },
  {
    name: "the root of another store",
    code: "STORE_TAMPERED",
    make: (s) => rolledBack(s.now, s.other, isKey("r")),
  },
  {
    name: "the header of another store",
    code: "STORE_TAMPERED",
    make: (s) => rolledBack(s.now, s.other, isKey("h")),
  },
  {
    name: "the root removed",
    code: "STORE_TAMPERED",
    make: ({ now }) => now.filter((pair) => !isKey("r")(pair)),
  },
  {
    name: "the header removed",
    code: "STORE_TAMPERED",
    make: ({ now }) => now.filter((pair) => !isKey("h")(pair)),
  },
  {
    name: "a header cut short",
    code: "STORE_TAMPERED",
    make: ({ now }) =>
      now.map((pair) => (isKey("h")(pair) ? { ...pair, value: pair.value.slice(0, 20) } : pair)),
  },
  {
    name: "an unknown key",
    code: "STORE_TAMPERED",
    make: ({ now }) => [...now, { key: utf8("x"), value: utf8("x") }],
  },
  {
    name: "an empty record",
    code: "STORE_TAMPERED",
    make: ({ now }) => now.map((pair) => (isRecord(pair) ? { ...pair, value: everything } : pair)),
  },
  {
    name: "Argon2id parameters above the ceiling, with a checksum that fits",
    code: "STORE_TAMPERED",
    make: ({ now }) =>
      now.map((pair) => (isKey("h")(pair) ? { ...pair, value: withMemory(pair.value, 0x7fffffff) } : pair)),
  },
  {
    name: "a later format, with a checksum that fits",
    code: "STORE_FORMAT",
    make: ({ now }) =>
      now.map((pair) =>
        isKey("h")(pair) ? { ...pair, value: checked(flip(pair.value.slice(0, -32), 0)) } : pair,
      ),
  },
  { name: "the passphrase of somebody else", code: "WRONG_PASSPHRASE", make: ({ now }) => now },
]

function checked(fields: Bytes): Bytes {
  return Uint8Array.from([...fields, ...sha256(fields)])
}

function withMemory(header: Bytes, memoryKiB: number): Bytes {
  const fields = header.slice(0, -32)
  new DataView(fields.buffer).setUint32(2 + 16 + 16 + 4, memoryKiB)
  return checked(fields)
}

describe("what is changed from outside is noticed when the store is opened", () => {
  test.each(attacks)("$name: $code", async ({ name, code, make }) => {
    const raw = await rawOf(make(await stores()))
    const options = name.startsWith("Argon2id")
      ? { deriveKey: argon2id }
      : name.startsWith("the passphrase")
        ? { passphrase: "another" }
        : {}
    await expect(openStore(raw, options)).rejects.toMatchObject({ name: "StoreError", code })
  })

  test("any one bit anywhere", async () => {
    const { now } = await stores()
    await fc.assert(
      fc.asyncProperty(fc.nat(now.length - 1), fc.nat(), fc.nat(7), async (i, at, bit) => {
        const pairs = now.map(({ key, value }, j) =>
          i === j
            ? { key, value: value.map((byte, k) => (k === at % value.length ? byte ^ (1 << bit) : byte)) }
            : { key, value },
        )
        await expect(openStore(await rawOf(pairs))).rejects.toMatchObject({ code: "STORE_TAMPERED" })
      }),
      { numRuns: 200 },
    )
  })

  test("the whole of an older copy is not: that is why a restored store is marked", async () => {
    const { old } = await stores()
    await using store = await openStore(await rawOf(old))
    expect([...store.list("ratchets")].length).toBe(3)
  })

  test("a store that does not open is closed", async () => {
    const raw = await rawOf((await stores()).now)
    let closed = 0
    const watched: RawStore = {
      get: (key) => raw.get(key),
      scan: (prefix) => raw.scan(prefix),
      commit: (changes, expected) => raw.commit(changes, expected),
      [Symbol.asyncDispose]: async () => {
        closed++
        await raw[Symbol.asyncDispose]()
      },
    }
    await expect(openStore(watched, { passphrase: "another" })).rejects.toMatchObject({
      code: "WRONG_PASSPHRASE",
    })
    expect(closed).toBe(1)
  })
})

test("a record's size on disk tells its size class only", async () => {
  const raw = memoryRawStore()
  await using store = await openStore(raw)
  const sizes = new Set<number>()
  for (const length of [0, 1, 50, 100, 124]) {
    await store.update((tx) => {
      tx.put("t", "k".repeat(1 + (length % 7)), new Uint8Array(length))
    })
  }
  for (const pair of content(raw)) if (isRecord(pair)) sizes.add(pair.value.length)
  expect(sizes.size).toBe(1)
  await store.update((tx) => {
    tx.put("t", "k", systemRandom.bytes(125))
  })
  for (const pair of content(raw)) if (isRecord(pair)) sizes.add(pair.value.length)
  expect(sizes.size).toBe(2)
})
