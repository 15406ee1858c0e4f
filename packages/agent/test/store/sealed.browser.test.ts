import { describe } from "vitest"
import { sealedStoreSuite } from "../suites/sealed-store.ts"
import { indexedDbPlace } from "./indexed-db-place.ts"

describe("on IndexedDB", () => {
  sealedStoreSuite(indexedDbPlace)
})
