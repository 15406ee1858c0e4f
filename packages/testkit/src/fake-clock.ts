import type { Clock } from "@smpkit/transport"

interface Timer {
  readonly due: number
  readonly f: () => void
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #now: number
  readonly #timers = new Set<Timer>()

  /** `start` is in milliseconds since 1970-01-01 UTC; by default 2026-01-01. */
  constructor(start: number = Date.UTC(2026, 0, 1)) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  setTimer(ms: number, f: () => void): Disposable {
    const timer: Timer = { due: this.#now + Math.max(0, ms), f }
    this.#timers.add(timer)
    return {
      [Symbol.dispose]: () => {
        this.#timers.delete(timer)
      },
    }
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size
  }

  /** Milliseconds to the next timer; `undefined` when none waits. */
  get untilNext(): number | undefined {
    const next = this.#next()
    return next === undefined ? undefined : next.due - this.#now
  }

  /** Goes on by `ms`: runs the timers that fall due, also those set meanwhile, in order of time; promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (let timer = this.#next(); timer !== undefined && timer.due <= end; timer = this.#next()) {
      this.#now = timer.due
      this.#timers.delete(timer)
      timer.f()
      await settle()
    }
    this.#now = end
    await settle()
  }

  /** Sets the time without running a timer: what a suspended machine, or someone who sets its clock, does. */
  jump(ms: number): void {
    this.#now += ms
  }

  // A set keeps the order in which timers were set: the first of those that fall due together comes first.
  #next(): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (next === undefined || timer.due < next.due) next = timer
    }
    return next
  }
}

/** Lets every promise that can settle without time or network settle. */
export async function settle(turns = 3): Promise<void> {
  for (let i = 0; i < turns; i++) await turn()
}

/** After everything that waits in the event loop now. Browsers have no `setImmediate`, and a timer of theirs waits 4 ms. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    if ("setImmediate" in globalThis) {
      setImmediate(resolve)
      return
    }
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}
