import { ownedRawStoreSuite, rawStoreSuite } from "../suites/raw-store.ts"
import { memoryPlace } from "./helpers.ts"
import { indexedDbPlace } from "./indexed-db-place.ts"

rawStoreSuite("memory", memoryPlace)
rawStoreSuite("IndexedDB", indexedDbPlace)
ownedRawStoreSuite("IndexedDB", indexedDbPlace)
