import type { Clock } from "@smpkit/transport"

/** What bounds a server whoever asks (security.md Q21). Only `connectionsPerPrefix` looks at addresses; all others hold without it. */
export interface Limits {
  /** Messages in a queue before it is full. */
  readonly quota: number
  /** Queues that one connection may create or subscribe to. */
  readonly queuesPerConnection: number
  readonly connections: number
  /** Connections from one IPv4 address or one /64 of IPv6; `undefined` for no limit. Loopback has none. */
  readonly connectionsPerPrefix: number | undefined
  /** TLS and SMP handshakes under way at a time. */
  readonly handshakes: number
  /** Blocks of one connection whose commands are being carried out. */
  readonly blocksInFlight: number
  /** Bytes that wait to be written to one connection before it is paused, and to all together before each has but a small part. */
  readonly outboxBytes: number
  readonly outboxTotalBytes: number
  /** New queues a second of the whole process, how many may come at once, and how many requests above that may wait for their turn. */
  readonly newPerSecond: number
  readonly newBurst: number
  readonly newWaiting: number
  /** Bytes of the whole store; `undefined` for no bound but the disk. */
  readonly storeBytes: number | undefined
  /** Bytes that are left free on the disk. */
  readonly freeDiskBytes: number
}

export const defaultLimits: Limits = {
  quota: 128,
  queuesPerConnection: 20_000,
  connections: 20_000,
  connectionsPerPrefix: 256,
  handshakes: 200,
  blocksInFlight: 16,
  outboxBytes: 1 << 20,
  outboxTotalBytes: 1 << 28,
  newPerSecond: 200,
  newBurst: 2_000,
  newWaiting: 4_000,
  storeBytes: undefined,
  freeDiskBytes: 1 << 28,
}

/** Lets `perSecond` things happen a second, and `burst` at once after a pause. */
export class RateLimit {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #burst: number
  #left: number
  #at: number

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#burst = burst
    this.#left = burst
    this.#at = clock.now()
  }

  /** Whether one more may happen now; counts it if so. */
  take(): boolean {
    const now = this.#clock.now()
    // A clock that was set back gives nothing, rather than taking away.
    this.#left = Math.min(this.#burst, this.#left + (Math.max(0, now - this.#at) / 1000) * this.#perSecond)
    this.#at = now
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }
}
