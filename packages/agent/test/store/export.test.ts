import { describe } from "vitest"
import { exportSuite } from "../suites/export.ts"
import { memoryPlace } from "./helpers.ts"

describe("in memory", () => {
  exportSuite(memoryPlace)
})
