/** Blocks whose commands are under way, so many at a time. */
export class InFlight {
  readonly #limit: number
  #count = 0
  #waiting: { readonly below: number; readonly resolve: () => void }[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  /** One more, until it is disposed of. */
  begin(): Disposable {
    this.#count += 1
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (!held) return
        held = false
        this.#count -= 1
        const ready = this.#waiting.filter(({ below }) => this.#count < below)
        this.#waiting = this.#waiting.filter(({ below }) => this.#count >= below)
        for (const { resolve } of ready) resolve()
      },
    }
  }

  /** Resolves when one more may begin. */
  room(): Promise<void> {
    return this.#below(this.#limit)
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#below(1)
  }

  #below(below: number): Promise<void> {
    if (this.#count < below) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ below, resolve }))
  }
}
