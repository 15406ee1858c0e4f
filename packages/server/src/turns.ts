import { eventLoop } from "./node/event-loop.ts"

/** Turns of the event loop, as an argument. */
export interface EventLoop {
  /** Milliseconds since some moment, with fractions; never goes back. */
  now(): number
  /** Calls `f` once, after the events that wait already. */
  next(f: () => void): void
}

/** How long `Turns` works before others have their turn, in milliseconds. */
export interface TurnLengths {
  /** One turn of the event loop, of all connections together. */
  readonly turnMs: number
  /** One connection, when others wait. */
  readonly shareMs: number
}

/** Does one thing; whether it has more to do. */
type Step = () => boolean

// Long enough that what a turn costs by itself does not count, short beside a round trip of a network.
const usualLengths: TurnLengths = { turnMs: 2, shareMs: 0.5 }

/**
 * Shares the time for work that a peer can ask for in bulk, such as verifying signatures, between all connections of a process: they take turns of
 * `shareMs`, and after `turnMs` the event loop goes round, so that new connections and blocks come in. Work is cut between its steps only. Who has
 * little to do waits for one share, or one step where that is longer, of each that waits before it, however much those have left (security.md Q21).
 */
export class Turns {
  readonly #loop: EventLoop
  readonly #lengths: TurnLengths
  /** Who has work, the one whose turn is next first. */
  readonly #waiting = new Map<object, Step[]>()
  #turnEnds: number | undefined
  #working = false

  constructor(loop: EventLoop = eventLoop, lengths: TurnLengths = usualLengths) {
    this.#loop = loop
    this.#lengths = lengths
  }

  /** Calls `work` with every item, in order and behind what `who` has asked for before. Rejects with what it throws, and leaves the rest. */
  each<T, R>(who: object, items: readonly T[], work: (item: T) => R): Promise<readonly R[]> {
    return new Promise((resolve, reject) => {
      const results: R[] = []
      const left = items.values()
      this.#add(who, () => {
        const next = left.next()
        if (next.done !== true) {
          try {
            results.push(work(next.value))
          } catch (error) {
            reject(error instanceof Error ? error : new Error("work failed", { cause: error }))
            return false
          }
          if (results.length < items.length) return true
        }
        resolve(results)
        return false
      })
    })
  }

  #add(who: object, step: Step): void {
    const steps = this.#waiting.get(who)
    if (steps === undefined) this.#waiting.set(who, [step])
    else steps.push(step)
    this.#work()
  }

  #work(): void {
    if (this.#working) return
    this.#working = true
    let now = this.#loop.now()
    const ends = (this.#turnEnds ??= this.#beginTurn(now))
    // Who goes to the back of a map while it is iterated comes again.
    for (const [who, steps] of this.#waiting) {
      if (now >= ends) break
      this.#waiting.delete(who)
      const until = Math.min(ends, now + this.#lengths.shareMs)
      let step = steps[0]
      while (step !== undefined) {
        if (!step()) steps.shift()
        step = steps[0]
        now = this.#loop.now()
        if (now >= until) break
      }
      if (step !== undefined) this.#waiting.set(who, steps)
    }
    this.#working = false
  }

  #beginTurn(now: number): number {
    this.#loop.next(() => {
      this.#turnEnds = undefined
      if (this.#waiting.size > 0) this.#work()
    })
    return now + this.#lengths.turnMs
  }
}
