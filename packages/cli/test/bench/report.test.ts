import { describe, expect, test } from "vitest"
import { quantile, reportOf } from "../../src/bench/report.ts"

describe("the figures of a load", () => {
  test.each([
    [[], 0.5, 0],
    [[7], 0.5, 7],
    [[1, 2, 3, 4], 0.5, 2],
    [[1, 2, 3], 0.5, 2],
    [Array.from({ length: 100 }, (_, i) => i + 1), 0.99, 99],
  ])("quantile of %j at %d", (sorted, q, value) => {
    expect(quantile(sorted, q)).toBe(value)
  })

  test("are those that npm run bench reads", () => {
    const result = { smpVersion: 18, messages: 4, setupMs: 5, elapsedMs: 200, latenciesMs: [4, 1, 3, 2] }
    expect(reportOf(result, { queues: 2, bodySize: 16_000, cpuMs: 8 })).toEqual({
      smpVersion: 18,
      queues: 2,
      messages: 4,
      bodyBytes: 16_000,
      seconds: 0.2,
      setupSeconds: 0.005,
      messagesPerSecond: 20,
      latencyMsMedian: 2,
      latencyMsP99: 4,
      loaderCpuMsPerMessage: 2,
    })
  })
})
