import { loadVectors } from "@smpkit/testkit"
import { vi } from "vitest"
import { backendSuite } from "./suites/backend.ts"

// What a page runs, in Node: the same code as in browser-backend.browser.test.ts, where no Chromium is at hand.
vi.mock("#backend", () => import("../src/browser-backend.ts"))

backendSuite({ loadVectors, numRuns: process.env["SLOW"] === "1" ? 500 : 10 })
