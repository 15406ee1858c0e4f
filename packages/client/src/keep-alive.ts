import type { Clock } from "@smpkit/transport"

export interface KeepAliveOptions {
  /** A ping after so long without a block, once something is subscribed. */
  readonly pingAfterMs: number
  /** So many time-outs in a row … */
  readonly dropAfterTimeouts: number
  /** … with so long a silence mean that the connection is dead. */
  readonly dropAfterSilenceMs: number
}

/**
 * smp-transport.md, "Keep-alive and timeouts", but for the silence, which the reference lets last 15 minutes: a message waits no shorter for that.
 */
export const keepAliveDefaults: KeepAliveOptions = {
  pingAfterMs: 600_000,
  dropAfterTimeouts: 3,
  dropAfterSilenceMs: 60_000,
}

/** What a keep-alive does to its connection. */
export interface KeepAliveActions {
  /** Asks for a sign of life; resolves whether or not there was one. */
  ping(): Promise<void>
  drop(): void
}

/** Finds out that a connection is dead. */
export class KeepAlive implements Disposable {
  readonly #clock: Clock
  readonly #options: KeepAliveOptions
  readonly #actions: KeepAliveActions
  #lastReceived: number
  #timeouts = 0
  #timer: Disposable | undefined
  #ended = false

  constructor(clock: Clock, options: KeepAliveOptions, actions: KeepAliveActions) {
    this.#clock = clock
    this.#options = options
    this.#actions = actions
    this.#lastReceived = clock.now()
  }

  /** A block came. */
  received(): void {
    this.#lastReceived = this.#clock.now()
    this.#timeouts = 0
  }

  /** A request had no answer in time. */
  timedOut(): void {
    this.#timeouts++
    const silence = this.#clock.now() - this.#lastReceived
    if (this.#timeouts >= this.#options.dropAfterTimeouts && silence >= this.#options.dropAfterSilenceMs) {
      this.#actions.drop()
    }
  }

  /** Pings from now on when it is quiet. */
  start(): void {
    if (this.#timer === undefined && !this.#ended) this.#wait()
  }

  #wait(): void {
    const due = this.#lastReceived + this.#options.pingAfterMs
    this.#timer = this.#clock.setTimer(Math.max(0, due - this.#clock.now()), () => {
      if (this.#clock.now() < this.#lastReceived + this.#options.pingAfterMs) this.#wait()
      else
        void this.#actions.ping().then(() => {
          if (!this.#ended) this.#wait()
        })
    })
  }

  [Symbol.dispose](): void {
    this.#ended = true
    this.#timer?.[Symbol.dispose]()
  }
}
