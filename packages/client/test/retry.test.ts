import { seededRandom } from "@smpkit/testkit"
import { expect, test } from "vitest"
import {
  fastRetry,
  nextRetry,
  reconnectRetry,
  type RetrySchedule,
  type RetryState,
  slowRetry,
  withJitter,
} from "../src/index.ts"

function delays(schedule: RetrySchedule, count: number): number[] {
  const all: number[] = []
  let state: RetryState | undefined
  for (let i = 0; i < count; i++) {
    state = nextRetry(schedule, state)
    all.push(state.delayMs)
  }
  return all
}

// agent-protocol.md, "Sending, retries, errors".
test.each([
  [
    "fast: 2 s, after 10 s in all longer by half, at most 120 s",
    fastRetry,
    [2_000, 2_000, 2_000, 2_000, 2_000, 3_000, 4_500, 6_750],
    120_000,
  ],
  ["slow: 5 min, longer by half, at most 6 h", slowRetry, [300_000, 450_000, 675_000], 21_600_000],
  ["reconnect: at most 180 s", reconnectRetry, [2_000, 2_000, 2_000, 2_000, 2_000, 3_000], 180_000],
])("%s", (_, schedule, first, max) => {
  const all = delays(schedule, 40)
  expect(all.slice(0, first.length)).toEqual(first)
  expect(all.at(-1)).toBe(max)
  expect(Math.max(...all)).toBe(max)
})

test("jitter stays within a quarter and spreads", () => {
  const random = seededRandom("jitter")
  const all = Array.from({ length: 500 }, () => withJitter(10_000, random))
  expect(Math.min(...all)).toBeGreaterThanOrEqual(7_500)
  expect(Math.max(...all)).toBeLessThanOrEqual(12_500)
  expect(Math.min(...all)).toBeLessThan(7_700)
  expect(Math.max(...all)).toBeGreaterThan(12_300)
})
