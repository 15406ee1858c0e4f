import type { Vector } from "@smpkit/testkit"

/** Where a suite runs: how it reads recorded vectors there, and how often it tries a property. */
export interface Platform {
  readonly loadVectors: (name: "channel" | "crypto" | "keys") => Vector
  readonly numRuns: number
}
