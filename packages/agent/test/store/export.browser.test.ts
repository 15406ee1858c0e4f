import { describe } from "vitest"
import { exportSuite } from "../suites/export.ts"
import { indexedDbPlace } from "./indexed-db-place.ts"

describe("on IndexedDB", () => {
  exportSuite(indexedDbPlace)
})
