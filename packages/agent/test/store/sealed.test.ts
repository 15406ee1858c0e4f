import { describe } from "vitest"
import { sealedStoreSuite } from "../suites/sealed-store.ts"
import { memoryPlace } from "./helpers.ts"

describe("in memory", () => {
  sealedStoreSuite(memoryPlace)
})
