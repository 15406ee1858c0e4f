import { nextRetry, type RetrySchedule, type RetryState } from "@smpkit/client"

/**
 * After QUOTA. The specification's agent waits 5 minutes first and trusts in A_QCONT (agent-protocol.md, "Sending, retries, errors"). That message
 * may overtake the ACK that makes room, and where both queues are full it stands behind the messages that wait. So the first attempts come
 * early here; about 25 of them lead to the longest delay, which is the same.
 */
export const quotaRetry: RetrySchedule = { initialMs: 250, steadyMs: 250, factor: 1.5, maxMs: 6 * 3600_000 }

/** The delays of one series of attempts. */
export class Backoff {
  readonly #schedule: RetrySchedule
  #state: RetryState | undefined

  constructor(schedule: RetrySchedule) {
    this.#schedule = schedule
  }

  /** The time to wait before the next attempt. */
  nextMs(): number {
    this.#state = nextRetry(this.#schedule, this.#state)
    return this.#state.delayMs
  }

  /** An attempt has succeeded. */
  reset(): void {
    this.#state = undefined
  }
}
