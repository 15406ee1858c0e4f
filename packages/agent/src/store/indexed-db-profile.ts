import { type DBSchema, deleteDB, type IDBPDatabase, openDB } from "idb"
import type { Bytes } from "@smpkit/codec"
import { StoreError } from "./errors.ts"
import { browserFailure, noDatabase } from "./indexed-db-failure.ts"
import { lockProfile } from "./indexed-db-lock.ts"

interface Schema extends DBSchema {
  records: { key: BufferSource; value: Bytes }
}
export type ProfileDatabase = IDBPDatabase<Schema>

/** The version of the database's layout; IndexedDB refuses one that is higher. */
const layout = 1
const prefix = "smpkit profile "
const lookTimeoutMs = 5_000

/** Name of the database, and of the lock, of a profile. */
export function databaseName(profile: string): string {
  return `${prefix}${profile}`
}

/** `gone` is called when the browser, the user or other code of the page took the open database away. */
export async function openDatabase(
  database: string,
  { gone, timeoutMs }: { readonly gone: () => void; readonly timeoutMs: number },
): Promise<ProfileDatabase> {
  const opening = open(database, gone)
  let timer: ReturnType<typeof setTimeout> | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new StoreError(
          "STORE_FAILED",
          "the browser does not open its database: close the other tabs of this page, or restart the browser",
        ),
      )
      opening.then(
        (late) => {
          late.close()
        },
        () => undefined,
      )
    }, timeoutMs)
  })
  try {
    return await Promise.race([opening, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

async function open(name: string, gone: () => void): Promise<ProfileDatabase> {
  requireIndexedDb()
  let database: ProfileDatabase
  try {
    database = await openDB<Schema>(name, layout, {
      upgrade: (fresh) => {
        fresh.createObjectStore("records")
      },
      // Whoever deletes the database would wait for this connection for ever.
      blocking: (_current, _wanted, event) => {
        if (event.target instanceof IDBDatabase) event.target.close()
        gone()
      },
      terminated: gone,
    })
  } catch (error) {
    throw browserFailure(error)
  }
  if (database.objectStoreNames.contains("records")) return database
  database.close()
  throw new StoreError("STORE_TAMPERED", "the profile's database is not one of this program")
}

/**
 * Deletes a profile with all that it holds; where there is none, nothing happens. The medium may keep the sealed bytes for a while.
 * Throws `StoreError` `STORE_IN_USE` while it is open, `STORE_FAILED`.
 */
export async function deleteProfile(profile: string): Promise<void> {
  requireIndexedDb()
  const name = databaseName(profile)
  await using _lock = await lockProfile(name)
  try {
    await new Promise<void>((resolve, reject) => {
      const blocked = (): void => {
        reject(
          new StoreError(
            "STORE_IN_USE",
            "another tab holds the profile's database: close it, and the profile is deleted",
          ),
        )
      }
      deleteDB(name, { blocked }).then(resolve, reject)
    })
  } catch (error) {
    throw browserFailure(error)
  }
}

/** The names of the profiles in this browser. A database with nothing in it, as an import leaves that was cut off, is none. Throws `StoreError STORE_FAILED`. */
export async function listProfiles(): Promise<readonly string[]> {
  requireIndexedDb()
  let databases: readonly IDBDatabaseInfo[]
  try {
    databases = await indexedDB.databases()
  } catch (error) {
    throw browserFailure(error)
  }
  const profiles = databases.flatMap(({ name }) => (name?.startsWith(prefix) === true ? [name] : []))
  const shown = await Promise.all(profiles.map(holdsAnything))
  return profiles
    .filter((_, i) => shown[i] === true)
    .map((name) => name.slice(prefix.length))
    .sort()
}

/** Also of one that does not open: whoever opens the profile then hears why. */
async function holdsAnything(name: string): Promise<boolean> {
  try {
    const database = await openDatabase(name, { gone: () => undefined, timeoutMs: lookTimeoutMs })
    try {
      return (await database.count("records")) > 0
    } finally {
      database.close()
    }
  } catch {
    return true
  }
}

/** Some private windows have none. */
function requireIndexedDb(): void {
  const { indexedDB: factory } = globalThis as { readonly indexedDB?: IDBFactory | null }
  if (factory === undefined || factory === null) throw noDatabase()
}
