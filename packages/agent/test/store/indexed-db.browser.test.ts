import { toBase64Url, toHex, utf8 } from "@smpkit/codec"
import { afterEach, describe, expect, test } from "vitest"
import { cdp } from "vitest/browser"
import { indexedDbRawStore } from "../../src/store/indexed-db.ts"
import { databaseName, deleteProfile, listProfiles } from "../../src/store/indexed-db-profile.ts"
import { openStore, put, textOf } from "./helpers.ts"
import { newProfile } from "./indexed-db-place.ts"

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

const holder = new URL("./indexed-db-holder.ts", import.meta.url).href

/** Something else that runs in this browser, with what it says. */
class Other {
  readonly said: string[] = []
  readonly #channel: BroadcastChannel
  #heard: () => void = () => undefined

  constructor(profile: string) {
    this.#channel = new BroadcastChannel(profile)
    this.#channel.onmessage = ({ data }: MessageEvent<string>) => {
      this.said.push(data)
      this.#heard()
    }
    ends.push(() => {
      this.#channel.close()
    })
  }

  async until(count: number): Promise<string> {
    while (this.said.length < count)
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    return this.said[count - 1] ?? ""
  }

  close(): void {
    this.#channel.postMessage("close")
  }
}

function startWorker(profile: string): Worker {
  const worker = new Worker(new URL("./indexed-db-holder.ts", import.meta.url), {
    type: "module",
    name: profile,
  })
  ends.push(() => {
    worker.terminate()
  })
  return worker
}

function runIn(window: Window | null): void {
  if (window === null) throw new Error("no window")
  const script = window.document.createElement("script")
  script.type = "module"
  script.src = holder
  window.document.head.append(script)
}

function startFrame(profile: string): HTMLIFrameElement {
  const frame = document.createElement("iframe")
  frame.name = profile
  document.body.append(frame)
  ends.push(() => {
    frame.remove()
  })
  runIn(frame.contentWindow)
  return frame
}

function startWindow(profile: string): Window {
  const other = window.open("about:blank", profile)
  if (other === null) throw new Error("the browser opened no window")
  ends.push(() => {
    other.close()
  })
  runIn(other)
  return other
}

/** Until the browser has freed the lock of something that ended. */
async function freed(profile: string): Promise<void> {
  await navigator.locks.request(databaseName(profile), () => undefined)
}

/** The plain API, as other code of the page would use it. */
function plain<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result)
    }
    request.onerror = () => {
      reject(request.error ?? new Error("no error"))
    }
  })
}

async function plainDatabase(profile: string, version: number, stores: string[]): Promise<IDBDatabase> {
  const request = indexedDB.open(databaseName(profile), version)
  request.onupgradeneeded = () => {
    for (const store of stores) request.result.createObjectStore(store)
  }
  const database = await plain(request)
  ends.push(() => {
    database.close()
  })
  return database
}

/** Runs `f` where `indexedDB` is something else. */
async function withDatabases(
  indexedDb: IDBFactory | null | undefined,
  f: () => Promise<void>,
): Promise<void> {
  const own = Object.getOwnPropertyDescriptor(globalThis, "indexedDB")
  if (own === undefined) throw new Error("this browser has none")
  Object.defineProperty(globalThis, "indexedDB", { value: indexedDb, configurable: true })
  try {
    await f()
  } finally {
    Object.defineProperty(globalThis, "indexedDB", own)
  }
}

const inUse = { name: "StoreError", code: "STORE_IN_USE" }
const failed = (words: string): object => ({
  name: "StoreError",
  code: "STORE_FAILED",
  message: expect.stringContaining(words) as string,
})

describe("two that want one profile", () => {
  const starts: [string, (profile: string) => () => void][] = [
    [
      "worker",
      (profile) => {
        const worker = startWorker(profile)
        return () => {
          worker.terminate()
        }
      },
    ],
    [
      "frame",
      (profile) => {
        const frame = startFrame(profile)
        return () => {
          frame.remove()
        }
      },
    ],
    [
      "window",
      (profile) => {
        const other = startWindow(profile)
        return () => {
          other.close()
        }
      },
    ],
  ]

  test.each(starts)(
    "the second is refused while a %s has it, and let in after that ends",
    async (_, start) => {
      const profile = newProfile()
      const other = new Other(profile)
      const end = start(profile)
      expect(await other.until(1)).toBe("open")
      const asked = performance.now()
      await expect(indexedDbRawStore(profile)).rejects.toMatchObject({
        ...inUse,
        message: "the profile is open in another tab or window; use that, or close it",
      })
      expect(performance.now() - asked).toBeLessThan(1000)
      await expect(deleteProfile(profile)).rejects.toMatchObject(inUse)
      end()
      await freed(profile)
      await using raw = await indexedDbRawStore(profile)
      await raw.commit([{ type: "put", key: utf8("k"), value: utf8("v") }])
    },
  )

  test.each(starts)(
    "a %s is refused while this page has it, and let in after it is closed",
    async (_, start) => {
      const profile = newProfile()
      const other = new Other(profile)
      const raw = await indexedDbRawStore(profile)
      const end = start(profile)
      expect(await other.until(1)).toBe("STORE_IN_USE")
      await raw[Symbol.asyncDispose]()
      end()
      start(profile)
      expect(await other.until(2)).toBe("open")
      other.close()
      await freed(profile)
      await (await indexedDbRawStore(profile))[Symbol.asyncDispose]()
    },
  )

  test("after a lock was taken by force, nothing is written any more", async () => {
    const profile = newProfile()
    const raw = await indexedDbRawStore(profile)
    await navigator.locks.request(databaseName(profile), { steal: true }, () => undefined)
    await expect(raw.commit([])).rejects.toMatchObject(inUse)
    expect(() => raw.get(utf8("k"))).toThrow("another tab")
    await using _next = await indexedDbRawStore(profile)
    await raw[Symbol.asyncDispose]()
  })
})

test("a worker that ends in the middle of its commits loses nothing that resolved, and every update is there wholly or not at all", async () => {
  const profile = `writer ${newProfile()}`
  let acknowledged = -1
  for (const moment of [1, 2, 7, 23, 40]) {
    const other = new Other(profile)
    const worker = startWorker(profile)
    await other.until(1 + moment)
    expect(other.said[0]).toBe("open")
    worker.terminate()
    await freed(profile)
    acknowledged = Math.max(acknowledged, ...other.said.slice(1).map(Number))
    await using store = await openStore(await indexedDbRawStore(profile))
    const numbers = [...store.list("numbers")]
    expect(numbers.length).toBeGreaterThan(acknowledged)
    const last = String(numbers.length - 1)
    expect(textOf(store, "pair", "a")).toBe(last)
    expect(textOf(store, "pair", "b")).toBe(last.repeat(2000))
  }
  expect(acknowledged).toBeGreaterThan(20)
})

test("a commit asks the browser to have it on the disk", async () => {
  const { transaction } = IDBDatabase.prototype
  const durabilities: string[] = []
  IDBDatabase.prototype.transaction = function (...parameters: Parameters<typeof transaction>) {
    const made = transaction.apply(this, parameters)
    if (made.mode === "readwrite") durabilities.push(made.durability)
    return made
  }
  try {
    await using raw = await indexedDbRawStore(newProfile())
    await raw.commit([{ type: "put", key: utf8("k"), value: utf8("v") }])
    expect(durabilities).toEqual(["strict"])
  } finally {
    IDBDatabase.prototype.transaction = transaction
  }
})

test("nothing of keys, tables, values or the passphrase can be read in the database", async () => {
  const canaries = [
    "CANARYtableCANARY",
    "CANARYkeyCANARY",
    "CANARYvalueCANARY",
    "CANARYphraseCANARY",
  ] as const
  const [table, key, value, passphrase] = canaries
  const profile = newProfile()
  const store = await openStore(await indexedDbRawStore(profile), { passphrase })
  await put(store, table, `${key}/1`, value)
  await put(store, table, `${key}/2`, value.repeat(1000))
  await store.update((tx) => {
    tx.delete(table, `${key}/2`)
  })
  await store.compact()
  await put(store, table, `${key}/3`, value)
  await store.close()
  const database = await plainDatabase(profile, 1, [])
  expect([...database.objectStoreNames]).toEqual(["records"])
  const records = database.transaction("records").objectStore("records")
  const [keys, values] = await Promise.all([plain(records.getAllKeys()), plain<unknown[]>(records.getAll())])
  // Header, root and two records, and no buffer that is larger than what is stored of it.
  expect(values.length).toBe(4)
  const parts = [...keys, ...values].map((part) => {
    if (part instanceof Uint8Array) return new Uint8Array(part.buffer)
    if (part instanceof ArrayBuffer) return new Uint8Array(part)
    throw new Error("neither a key nor a value of ours")
  })
  const content = parts.map(toHex).join(" ")
  expect(content.length).toBeGreaterThan(1000)
  for (const canary of canaries) {
    const raw = utf8(canary)
    const wide = new Uint8Array(canary.length * 2)
    raw.forEach((byte, i) => (wide[2 * i] = byte))
    for (const form of [raw, utf8(toHex(raw)), utf8(toBase64Url(raw).slice(0, -2)), wide])
      expect(content.includes(toHex(form))).toBe(false)
  }
})

describe("what the browser refuses ends in a sentence", () => {
  test("a profile of a later release", async () => {
    const profile = newProfile()
    ;(await plainDatabase(profile, 2, ["records"])).close()
    await expect(indexedDbRawStore(profile)).rejects.toMatchObject({
      code: "STORE_FORMAT",
      message: expect.stringContaining("later release") as string,
    })
    // The lock was freed.
    await freed(profile)
  })

  test("a database that is not ours", async () => {
    const profile = newProfile()
    ;(await plainDatabase(profile, 1, ["others"])).close()
    await expect(indexedDbRawStore(profile)).rejects.toMatchObject({ code: "STORE_TAMPERED" })
    await deleteProfile(profile)
    await (await indexedDbRawStore(profile))[Symbol.asyncDispose]()
  })

  test.each([
    ["a key", "text", Uint8Array.of(1)],
    ["a value", Uint8Array.of(1), "text"],
    ["a value's kind of bytes", Uint8Array.of(1), Uint32Array.of(1)],
  ])("%s that is not ours", async (_, key, value) => {
    const profile = newProfile()
    const database = await plainDatabase(profile, 1, ["records"])
    await plain(database.transaction("records", "readwrite").objectStore("records").put(value, key))
    database.close()
    await expect(indexedDbRawStore(profile)).rejects.toMatchObject({ code: "STORE_TAMPERED" })
  })

  test("a store that is deleted while it is open", async () => {
    const profile = newProfile()
    const raw = await indexedDbRawStore(profile)
    await raw.commit([{ type: "put", key: utf8("k"), value: utf8("v") }])
    await plain(indexedDB.deleteDatabase(databaseName(profile)))
    await expect(raw.commit([])).rejects.toMatchObject(failed("deleted while it was open"))
    expect(() => raw.get(utf8("k"))).toThrow("deleted while it was open")
    await raw[Symbol.asyncDispose]()
    await using again = await indexedDbRawStore(profile)
    expect(again.get(utf8("k"))).toBeUndefined()
  })

  test("no room: nothing of the commit is there, and the store goes on when there is room again", async () => {
    const profile = newProfile()
    // Chromium believes for half a minute in the room that it found in a bucket of storage, so this test has a bucket of its own.
    const { storageBuckets } = navigator as unknown as {
      readonly storageBuckets: { open(name: string): Promise<{ readonly indexedDB: IDBFactory }> }
    }
    const bucket = await storageBuckets.open(crypto.randomUUID())
    const { origin } = location
    const { usage = 0 } = await navigator.storage.estimate()
    await cdp().send("Storage.overrideQuotaForOrigin", { origin, quotaSize: usage + 200_000 })
    await withDatabases(bucket.indexedDB, async () => {
      const store = await openStore(await indexedDbRawStore(profile))
      try {
        await put(store, "t", "k", "before")
        const full = store.update((tx) => {
          tx.put("t", "k", utf8("after"))
          tx.put("t", "large", new Uint8Array(1_000_000))
        })
        await expect(full).rejects.toMatchObject(failed("no room left"))
        expect(textOf(store, "t", "k")).toBe("before")
      } finally {
        await cdp().send("Storage.overrideQuotaForOrigin", { origin })
      }
      await put(store, "t", "k", "later")
      await store.close()
      await using again = await openStore(await indexedDbRawStore(profile))
      expect(textOf(again, "t", "k")).toBe("later")
      expect(again.get("t", "large")).toBeUndefined()
    })
  })

  test("a database that somebody else's deletion keeps shut", async () => {
    const profile = newProfile()
    const database = await plainDatabase(profile, 1, ["records"])
    const deletion = indexedDB.deleteDatabase(databaseName(profile))
    await expect(indexedDbRawStore(profile, { openTimeoutMs: 100 })).rejects.toMatchObject(
      failed("close the other tabs"),
    )
    database.close()
    await plain(deletion)
    // What opened too late was closed, so that the next one is not kept out.
    await (await indexedDbRawStore(profile))[Symbol.asyncDispose]()
    await deleteProfile(profile)
  })

  test("a browser without a database", async () => {
    for (const missing of [undefined, null]) {
      await withDatabases(missing, async () => {
        for (const use of [() => indexedDbRawStore(newProfile()), () => deleteProfile("x"), listProfiles])
          await expect(use()).rejects.toMatchObject(failed("keeps no data"))
      })
    }
  })

  test.each(["SecurityError", "InvalidStateError"])("a browser that answers %s", async (name) => {
    const { open } = IDBFactory.prototype
    IDBFactory.prototype.open = () => {
      throw new DOMException("refused", name)
    }
    try {
      await expect(indexedDbRawStore(newProfile())).rejects.toMatchObject(failed("keeps no data"))
    } finally {
      IDBFactory.prototype.open = open
    }
  })

  test("a page without locks", async () => {
    const own = Object.getOwnPropertyDescriptor(Navigator.prototype, "locks")
    if (own === undefined) throw new Error("this browser has none")
    Reflect.deleteProperty(Navigator.prototype, "locks")
    try {
      await expect(indexedDbRawStore(newProfile())).rejects.toMatchObject(failed("https"))
    } finally {
      Object.defineProperty(Navigator.prototype, "locks", own)
    }
  })
})

describe("profiles", () => {
  test("are listed, and deleted with all that they hold", async () => {
    const profile = newProfile()
    const raw = await indexedDbRawStore(profile)
    await raw.commit([{ type: "put", key: utf8("k"), value: utf8("v") }])
    expect(await listProfiles()).toContain(profile)
    await expect(deleteProfile(profile)).rejects.toMatchObject(inUse)
    await raw[Symbol.asyncDispose]()
    await deleteProfile(profile)
    await deleteProfile(profile)
    expect(await listProfiles()).not.toContain(profile)
    await using again = await indexedDbRawStore(profile)
    expect(again.get(utf8("k"))).toBeUndefined()
  })

  test("whose database other code holds are deleted when it lets go", async () => {
    const profile = newProfile()
    const database = await plainDatabase(profile, 1, ["records"])
    await expect(deleteProfile(profile)).rejects.toMatchObject(inUse)
    database.close()
    await deleteProfile(profile)
    expect(await listProfiles()).not.toContain(profile)
  })
})
