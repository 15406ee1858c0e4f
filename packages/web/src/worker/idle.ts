/** Calls `lock` when nothing was done for a while. Time is asked for, not counted: timers of a hidden page or a sleeping machine come late. */
export class IdleLock implements Disposable {
  readonly #now: () => number
  readonly #lock: () => void
  readonly #timer: Disposable
  #minutes: number
  #last: number

  constructor({
    minutes,
    now,
    every,
    lock,
  }: {
    /** 0: never. */
    readonly minutes: number
    /** Milliseconds since 1970. */
    readonly now: () => number
    /** Calls a function every `ms`. */
    readonly every: (ms: number, f: () => void) => Disposable
    readonly lock: () => void
  }) {
    this.#minutes = minutes
    this.#now = now
    this.#lock = lock
    this.#last = now()
    this.#timer = every(10_000, () => {
      this.#check()
    })
  }

  set minutes(minutes: number) {
    this.#minutes = minutes
    this.active()
  }

  /** The user did something. Too late counts as idle: a machine that wakes up is locked before its first key. */
  active(): void {
    if (this.#check()) return
    this.#last = this.#now()
  }

  #check(): boolean {
    if (this.#minutes <= 0 || this.#now() - this.#last < this.#minutes * 60_000) return false
    this[Symbol.dispose]()
    this.#lock()
    return true
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]()
  }
}
