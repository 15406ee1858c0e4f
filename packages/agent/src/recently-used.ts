/** What can be read again from where it is stored. */
export interface Droppable {
  /** Lets go of it; `false` where it cannot be read again yet. */
  drop(): boolean
}

/** Drops what was not used for the longest time, as soon as more than `limit` are in use. */
export class RecentlyUsed {
  readonly #limit: number
  /** The one that was used last comes last. */
  readonly #all = new Set<Droppable>()
  #last: Droppable | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#all.size
  }

  use(one: Droppable): void {
    if (one === this.#last) return
    this.#last = one
    this.#all.delete(one)
    this.#all.add(one)
    // Twice: whoever could not be dropped before shall not stay for good, nor all of them be asked each time.
    this.#dropOldest()
    this.#dropOldest()
  }

  #dropOldest(): void {
    const [oldest] = this.#all
    if (oldest === undefined || this.#all.size <= this.#limit) return
    this.#all.delete(oldest)
    if (!oldest.drop()) this.#all.add(oldest)
  }

  forget(one: Droppable): void {
    if (one === this.#last) this.#last = undefined
    this.#all.delete(one)
  }
}
