import type { Bytes } from "@smpkit/codec"
import { StoreError } from "./errors.ts"
import { browserFailure } from "./indexed-db-failure.ts"
import { lockProfile, type ProfileLock } from "./indexed-db-lock.ts"
import { databaseName, openDatabase, type ProfileDatabase } from "./indexed-db-profile.ts"
import { memoryRawStore } from "./memory.ts"
import { type Change, type Expectation, type KeyValue, type RawStore, sameBytes } from "./raw-store.ts"

export interface IndexedDbOptions {
  /** How long the browser may take to open the database; default 10 s. */
  readonly openTimeoutMs?: number
}

/** How many records one read of the database brings: a browser refuses to hand over too much at once. */
const batchSize = 500

/**
 * A raw store in this browser's IndexedDB, for a profile that is made where it is missing. One page or worker at a time has it. Needs a secure context.
 * It is read once and then kept in memory as well. A profile's name is readable to everybody who can read the browser's files.
 * Throws `StoreError` `STORE_IN_USE`; `STORE_FORMAT` for a profile of a later release; `STORE_TAMPERED` when the database is not one of ours; `STORE_FAILED`.
 */
export async function indexedDbRawStore(
  profile: string,
  { openTimeoutMs = 10_000 }: IndexedDbOptions = {},
): Promise<RawStore> {
  const name = databaseName(profile)
  const lock = await lockProfile(name)
  try {
    return await IndexedDbRawStore.open(name, lock, openTimeoutMs)
  } catch (error) {
    await lock[Symbol.asyncDispose]()
    throw error
  }
}

class IndexedDbRawStore implements RawStore {
  readonly #database: ProfileDatabase
  readonly #lock: ProfileLock
  /** What the database holds. */
  readonly #committed: RawStore
  /** Why the store cannot go on. */
  #lost: StoreError | undefined
  #closing: Promise<void> | undefined

  private constructor(database: ProfileDatabase, lock: ProfileLock, committed: RawStore) {
    this.#database = database
    this.#lock = lock
    this.#committed = committed
  }

  static async open(name: string, lock: ProfileLock, timeoutMs: number): Promise<RawStore> {
    let lose = (): void => undefined
    const gone = new Promise<void>((resolve) => {
      lose = resolve
    })
    const database = await openDatabase(name, { gone: lose, timeoutMs })
    try {
      const store = new IndexedDbRawStore(database, lock, await load(database))
      void gone.then(() => {
        store.#lose("STORE_FAILED", "the profile's data was deleted while it was open; reload the page")
      })
      void lock.lost.then(() => {
        store.#lose("STORE_IN_USE", "another tab has taken the profile over; use that, or reload this one")
      })
      return store
    } catch (error) {
      database.close()
      throw browserFailure(error)
    }
  }

  #lose(code: "STORE_FAILED" | "STORE_IN_USE", message: string): void {
    this.#lost ??= new StoreError(code, message)
    this.#database.close()
  }

  #check(): void {
    if (this.#closing !== undefined) throw new StoreError("STORE_CLOSED", "the store is closed")
    if (this.#lost !== undefined) throw this.#lost
  }

  get(key: Bytes): Bytes | undefined {
    this.#check()
    return this.#committed.get(key)
  }

  scan(prefix: Bytes): Iterable<KeyValue> {
    this.#check()
    return this.#committed.scan(prefix)
  }

  async commit(changes: readonly Change[], expected?: Expectation): Promise<void> {
    this.#check()
    let done: boolean
    try {
      done = await write(this.#database, changes, expected)
    } catch (error) {
      throw this.#lost ?? browserFailure(error)
    }
    if (!done) throw new StoreError("STORE_CONFLICT", "the store was changed by another tab; reload the page")
    await this.#committed.commit(changes)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#database.close()
    await this.#lock[Symbol.asyncDispose]()
  }
}

/** Resolves when the transaction is on disk; `false`, with nothing changed, where `expected` does not hold. */
async function write(
  database: ProfileDatabase,
  changes: readonly Change[],
  expected: Expectation | undefined,
): Promise<boolean> {
  const transaction = database.transaction("records", "readwrite", { durability: "strict" })
  const { done, store } = transaction
  // It may fail while something else is awaited; it is awaited in the end.
  done.catch(() => undefined)
  if (expected !== undefined && !sameBytes(await store.get(expected.key), expected.value)) {
    transaction.abort()
    return false
  }
  try {
    for (const { key, ...change } of changes) {
      // The browser stores the whole buffer below a view, so it gets a copy.
      const request = change.type === "put" ? store.put(change.value.slice(), key) : store.delete(key)
      // A request says only that the transaction failed, the transaction says why.
      request.catch(() => undefined)
    }
    transaction.commit()
  } catch (error) {
    transaction.abort()
    throw error
  }
  await done
  return true
}

/** Reads everything, in one transaction. */
async function load(database: ProfileDatabase): Promise<RawStore> {
  const loaded = memoryRawStore()
  const { store } = database.transaction("records")
  let rest: IDBKeyRange | null = null
  for (;;) {
    const [keys, values]: [unknown[], unknown[]] = await Promise.all([
      store.getAllKeys(rest, batchSize),
      store.getAll(rest, batchSize),
    ])
    const changes = keys.map((key, i) => record(key, values[i]))
    const last = changes.at(-1)
    await loaded.commit(changes)
    if (last === undefined || changes.length < batchSize) return loaded
    rest = IDBKeyRange.lowerBound(last.key, true)
  }
}

function record(key: unknown, value: unknown): Change {
  if (key instanceof ArrayBuffer && value instanceof Uint8Array && value.buffer instanceof ArrayBuffer)
    return { type: "put", key: new Uint8Array(key), value: new Uint8Array(value) }
  throw new StoreError("STORE_TAMPERED", "the profile's database holds what this program did not write")
}
