import { loadVectors } from "@smpkit/testkit"
import { backendSuite } from "./suites/backend.ts"

backendSuite({ loadVectors, numRuns: process.env["SLOW"] === "1" ? 5000 : 100 })
