import { chmodSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import type { Bytes } from "@smpkit/codec"
import { open, type RootDatabase } from "lmdb"
import { type DirectoryLock, lockDirectory } from "./directory-lock.ts"
import { StoreError } from "./errors.ts"
import { mayBeDatabase } from "./lmdb-file.ts"
import { dataFile, freshCopyIn, removeUnfinished, replaceByCopy } from "./lmdb-rewrite.ts"
import {
  type Change,
  type Expectation,
  type KeyValue,
  type RawStore,
  sameBytes,
  startsWith,
} from "./raw-store.ts"

/**
 * A raw store on disk, in an LMDB environment in `directory`, which is made, private to its owner, where it is missing. One process at a time.
 * Throws `StoreError` `STORE_IN_USE` with the owner's process id, `STORE_TAMPERED` when the file is no database, `STORE_FAILED`.
 */
export async function lmdbRawStore(directory: string): Promise<RawStore> {
  try {
    if (mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined) chmodSync(directory, 0o700)
  } catch (cause) {
    throw new StoreError("STORE_FAILED", `${directory} cannot be made`, { cause })
  }
  const lock = await lockDirectory(directory)
  try {
    if (!mayBeDatabase(join(lock.directory, dataFile))) throw new Error(`${dataFile} is no LMDB file`)
    removeUnfinished(lock.directory)
    return new LmdbRawStore(lock)
  } catch (cause) {
    await lock[Symbol.asyncDispose]()
    throw new StoreError("STORE_TAMPERED", `the database in ${directory} is damaged`, { cause })
  }
}

function openDatabase(directory: string): RootDatabase<Buffer, Buffer> {
  return open<Buffer, Buffer>({
    path: directory,
    noSubdir: false,
    encoding: "binary",
    keyEncoding: "binary",
    maxDbs: 1,
  })
}

/** What `durably` needs of a database. */
export interface FlushedDatabase {
  transaction<T>(f: () => T): Promise<T>
  readonly flushed: Promise<unknown>
}

/** Runs `f` as one transaction and resolves when it is on disk: LMDB's own promise resolves when the commit is visible, which is earlier. */
export async function durably<T>(database: FlushedDatabase, f: () => T): Promise<T> {
  const result = await database.transaction(f)
  await database.flushed
  return result
}

class LmdbRawStore implements RawStore {
  #database: RootDatabase<Buffer, Buffer>
  readonly #lock: DirectoryLock
  #closing: Promise<void> | undefined

  constructor(lock: DirectoryLock) {
    this.#database = openDatabase(lock.directory)
    this.#lock = lock
  }

  #use(): RootDatabase<Buffer, Buffer> {
    if (this.#closing !== undefined) throw new StoreError("STORE_CLOSED", "the store is closed")
    return this.#database
  }

  get(key: Bytes): Bytes | undefined {
    const value = this.#use().get(Buffer.from(key))
    return value === undefined ? undefined : new Uint8Array(value)
  }

  *scan(prefix: Bytes): Iterable<KeyValue> {
    const range = prefix.length === 0 ? {} : { start: Buffer.from(prefix) }
    for (const { key, value } of this.#use().getRange(range)) {
      if (!startsWith(key, prefix)) return
      yield { key: new Uint8Array(key), value: new Uint8Array(value) }
    }
  }

  async commit(changes: readonly Change[], expected?: Expectation): Promise<void> {
    const database = this.#use()
    let done: boolean
    try {
      done = await durably(database, () => {
        if (expected !== undefined && !sameBytes(database.get(Buffer.from(expected.key)), expected.value))
          return false
        for (const change of changes) {
          // Inside the transaction these are done at once; the outcome is that of the transaction.
          if (change.type === "put") void database.put(Buffer.from(change.key), Buffer.from(change.value))
          else void database.remove(Buffer.from(change.key))
        }
        return true
      })
    } catch (cause) {
      throw new StoreError("STORE_FAILED", "the store cannot be written to", { cause })
    }
    if (!done) throw new StoreError("STORE_CONFLICT", "the store was changed by another process")
  }

  async rewrite(): Promise<void> {
    const { directory } = this.#lock
    try {
      await this.#use().backup(freshCopyIn(directory), true)
      await this.#database.close()
      try {
        await replaceByCopy(directory)
      } finally {
        this.#database = openDatabase(directory)
      }
    } catch (cause) {
      throw new StoreError("STORE_FAILED", "the store's file cannot be written anew", { cause })
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#database.close()
    await this.#lock[Symbol.asyncDispose]()
  }
}
