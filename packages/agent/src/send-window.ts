/**
 * How many messages may be on their way to a queue without an answer. A queue that is full refuses a message and takes a later one when the other side
 * has read meanwhile; then the order is lost. So nothing is on the way behind a message that may be refused: the first messages go one by one, and the
 * window opens by one with each that is kept after that. A queue that was found full after few messages is small, and may be full at any time.
 */
export class SendWindow {
  readonly #most: number
  /** Messages kept since the queue was found full, or since the start. */
  #kept = 0
  #small = false

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#small ? 1 : Math.min(this.#most, Math.max(1, this.#kept - this.#most))
  }

  kept(): void {
    this.#kept++
  }

  /** The queue has refused a message. */
  full(): void {
    // A further refusal says nothing new.
    if (this.#kept === 0) return
    this.#small = this.#kept < smallWindows * this.#most
    this.#kept = 0
  }
}

/** A queue that holds more than so many windows is emptied more slowly than a window arrives. */
const smallWindows = 4
