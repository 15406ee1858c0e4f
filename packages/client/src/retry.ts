import type { Random } from "@smpkit/crypto"

/** How delays grow: constant until `steadyMs` have passed in all, then by `factor` each time, up to `maxMs`. */
export interface RetrySchedule {
  readonly initialMs: number
  readonly steadyMs: number
  readonly factor: number
  readonly maxMs: number
}

// agent-protocol.md, "Sending, retries, errors".

/** After failures of the network. */
export const fastRetry: RetrySchedule = { initialMs: 2_000, steadyMs: 10_000, factor: 1.5, maxMs: 120_000 }
/** After QUOTA; whoever learns that there is room again does not wait for it. */
export const slowRetry: RetrySchedule = {
  initialMs: 300_000,
  steadyMs: 60_000,
  factor: 1.5,
  maxMs: 6 * 3_600_000,
}
/** For lost connections; the first attempt comes at once. */
export const reconnectRetry: RetrySchedule = {
  initialMs: 2_000,
  steadyMs: 10_000,
  factor: 1.5,
  maxMs: 180_000,
}

/** How far a series of attempts has come. */
export interface RetryState {
  /** The sum of the delays so far. */
  readonly waitedMs: number
  /** The last delay. */
  readonly delayMs: number
}

/** The delay before the next attempt is `delayMs` of the new state. Without a state, it is the first. */
export function nextRetry(schedule: RetrySchedule, state?: RetryState): RetryState {
  if (state === undefined) return { waitedMs: schedule.initialMs, delayMs: schedule.initialMs }
  const grown = state.waitedMs < schedule.steadyMs ? state.delayMs : state.delayMs * schedule.factor
  const delayMs = Math.min(Math.round(grown), schedule.maxMs)
  return { waitedMs: state.waitedMs + delayMs, delayMs }
}

/** A delay between three quarters and five quarters of `delayMs`, so that many clients of one server do not come back together. */
export function withJitter(delayMs: number, random: Random): number {
  const [high = 0, low = 0] = random.bytes(2)
  return Math.round(delayMs * (0.75 + (0.5 * (256 * high + low)) / 65_536))
}
