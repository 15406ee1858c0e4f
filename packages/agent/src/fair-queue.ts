/** How much goes on at a time. */
export interface FairQueueLimits {
  /** So many begin together, where so many wait. */
  readonly together: number
  /** So many go on at a time; a multiple of `together`. */
  readonly most: number
}

interface Item {
  readonly work: () => Promise<void>
  readonly settle: (work?: Promise<void>) => void
}

/**
 * Work of which there may be very much: a bounded part of it goes on at a time, and begins in groups, so that what it sends in one tick shares blocks. What is
 * urgent goes before what was asked for in bulk.
 */
export class FairQueue {
  readonly #limits: FairQueueLimits
  readonly #mayBegin: () => boolean
  readonly #urgent: Item[] = []
  readonly #bulk: Item[] = []
  #going = 0
  #scheduled = false
  #ended = false

  /** `mayBegin` says whether more than what is urgent may begin at the moment; call `changed` when it says so again. */
  constructor(limits: FairQueueLimits, mayBegin: () => boolean) {
    this.#limits = limits
    this.#mayBegin = mayBegin
  }

  /** Resolves, or rejects, with the work; resolves without it when the queue ends before. */
  push(work: () => Promise<void>, { urgent = false }: { readonly urgent?: boolean } = {}): Promise<void> {
    if (this.#ended) return Promise.resolve()
    return new Promise((resolve) => {
      const waiting = urgent ? this.#urgent : this.#bulk
      waiting.push({ work, settle: resolve })
      this.#schedule()
    })
  }

  /** Something may begin that could not before. */
  changed(): void {
    if (this.#hasRoom()) this.#schedule()
  }

  /** What has not begun does not begin any more. */
  end(): void {
    this.#ended = true
    for (const { settle } of [...this.#urgent.splice(0), ...this.#bulk.splice(0)]) settle()
  }

  /** What is pushed in one tick begins together. */
  #schedule(): void {
    if (this.#scheduled || this.#urgent.length + this.#bulk.length === 0) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      while (this.#hasRoom() && this.#beginGroup());
    })
  }

  #hasRoom(): boolean {
    return this.#going + this.#limits.together <= this.#limits.most
  }

  #beginGroup(): boolean {
    const { together } = this.#limits
    const urgent = this.#urgent.splice(0, together)
    const group = this.#mayBegin() ? [...urgent, ...this.#bulk.splice(0, together - urgent.length)] : urgent
    for (const item of group) this.#begin(item)
    return group.length > 0
  }

  #begin({ work, settle }: Item): void {
    this.#going++
    const done = work()
    settle(done)
    const end = (): void => {
      this.#going--
      this.changed()
    }
    done.then(end, end)
  }
}
