import { indexedDbRawStore } from "../../src/store/indexed-db.ts"
import type { RawStorePlace } from "../suites/raw-store.ts"

/** A profile that no other test has: all test files share one browser's data, which ends with the run. */
export function newProfile(): string {
  return `test ${crypto.randomUUID()}`
}

export function indexedDbPlace(): RawStorePlace {
  const profile = newProfile()
  return { open: () => indexedDbRawStore(profile) }
}
