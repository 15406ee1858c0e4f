import { afterAll } from "vitest"
import { memoryRawStore } from "../../src/store/index.ts"
import { indexedDbRawStore } from "../../src/store/indexed-db.ts"
import { deleteProfile } from "../../src/store/indexed-db-profile.ts"
import { ownedRawStoreSuite, rawStoreSuite } from "../suites/raw-store.ts"

const profiles: string[] = []
afterAll(async () => {
  for (const profile of profiles) await deleteProfile(profile)
})

function indexedDbPlace(): { open: () => ReturnType<typeof indexedDbRawStore> } {
  const profile = `raw store ${profiles.length}`
  profiles.push(profile)
  return { open: () => indexedDbRawStore(profile) }
}

rawStoreSuite("memory", () => {
  const raw = memoryRawStore()
  return { open: () => Promise.resolve(raw) }
})
rawStoreSuite("IndexedDB", indexedDbPlace)
ownedRawStoreSuite("IndexedDB", indexedDbPlace)
