/** Work of one process that is spread over the turns of the event loop: one piece between two turns, so that open connections go on meanwhile. */
export class Turns {
  readonly #nextTurn: () => Promise<void>
  /** First those that are nearer to their end, so that whoever began gets through. */
  readonly #queues: readonly [(() => void)[], (() => void)[]] = [[], []]
  #running = false

  /** `nextTurn` resolves when the event loop has looked at its sockets again. */
  constructor(nextTurn: () => Promise<void>) {
    this.#nextTurn = nextTurn
  }

  /** How many pieces wait. */
  get waiting(): number {
    return this.#queues[0].length + this.#queues[1].length
  }

  /** Runs a piece when its turn comes; `end` before `begin`. */
  async run<T>(kind: "begin" | "end", work: () => T): Promise<T> {
    await new Promise<void>((resolve) => {
      this.#queues[kind === "end" ? 0 : 1].push(resolve)
      if (!this.#running) void this.#go()
    })
    return work()
  }

  async #go(): Promise<void> {
    this.#running = true
    for (let next = this.#shift(); next !== undefined; next = this.#shift()) {
      next()
      await this.#nextTurn()
    }
    this.#running = false
  }

  #shift(): (() => void) | undefined {
    return this.#queues[0].shift() ?? this.#queues[1].shift()
  }
}
