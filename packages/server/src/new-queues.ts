import type { Clock } from "@smpkit/transport"
import { type Limits, RateLimit } from "./limits.ts"

/** Who asks for a queue: a connection, with the prefix of its address where that is known and says something. */
export interface Asker {
  readonly prefix: string | undefined
}

type Answer = (mayCreate: boolean) => void

/**
 * The rate of new queues of the whole process, in fair shares (security.md Q21): above it requests wait and are served in turn among the prefixes, and
 * among the connections of each; a connection without a prefix stands for itself. So a flood delays the queue of another, and does not refuse it.
 */
export class NewQueues {
  readonly #clock: Clock
  readonly #limits: Pick<Limits, "newPerSecond" | "newBurst" | "newWaiting">
  readonly #rate: RateLimit
  /** By prefix, then by connection; the one whose turn is next first. */
  readonly #waiting = new Map<unknown, Map<Asker, Answer[]>>()
  #count = 0
  #timed = false

  constructor(clock: Clock, limits: Pick<Limits, "newPerSecond" | "newBurst" | "newWaiting">) {
    this.#clock = clock
    this.#limits = limits
    this.#rate = new RateLimit(clock, limits.newPerSecond, limits.newBurst)
  }

  /** How many requests wait. */
  get waiting(): number {
    return this.#count
  }

  /** Resolves when another queue may be made: true; or false when it may not, because too many wait or `asker` has left. */
  take(asker: Asker): Promise<boolean> {
    if (this.#count === 0 && this.#rate.take()) return Promise.resolve(true)
    const name = asker.prefix ?? asker
    const group = this.#waiting.get(name) ?? new Map<Asker, Answer[]>()
    const isFull = this.#count >= this.#limits.newWaiting && group.size > 0
    // Without a rate nobody's turn ever comes. Who has nothing waiting is not refused for the many of others.
    if (this.#limits.newPerSecond === 0 || isFull) return Promise.resolve(false)
    return new Promise((resolve) => {
      const answers = group.get(asker)
      if (answers === undefined) group.set(asker, [resolve])
      else answers.push(resolve)
      this.#waiting.set(name, group)
      this.#count += 1
      this.#serveLater()
    })
  }

  /** Answers false to all that waits for `asker`, whose connection is gone. */
  leave(asker: Asker): void {
    const name = asker.prefix ?? asker
    const group = this.#waiting.get(name)
    const answers = group?.get(asker)
    if (group === undefined || answers === undefined) return
    group.delete(asker)
    if (group.size === 0) this.#waiting.delete(name)
    this.#count -= answers.length
    for (const answer of answers) answer(false)
  }

  #serveLater(): void {
    if (this.#timed) return
    this.#timed = true
    this.#clock.setTimer(Math.ceil(1_000 / this.#limits.newPerSecond), () => {
      this.#timed = false
      while (this.#count > 0 && this.#rate.take()) this.#next()?.(true)
      if (this.#count > 0) this.#serveLater()
    })
  }

  /** The first of the first connection of the first prefix; both go to the back. */
  #next(): Answer | undefined {
    const [name, group] = first(this.#waiting) ?? []
    const [asker, answers] = (group && first(group)) ?? []
    if (group === undefined || asker === undefined || answers === undefined) return undefined
    this.#waiting.delete(name)
    group.delete(asker)
    const answer = answers.shift()
    if (answers.length > 0) group.set(asker, answers)
    if (group.size > 0) this.#waiting.set(name, group)
    this.#count -= 1
    return answer
  }
}

function first<K, V>(map: ReadonlyMap<K, V>): readonly [K, V] | undefined {
  for (const entry of map) return entry
  return undefined
}
