/** Values from one producer for one consumer, in order. It does not bound itself: the producer looks at `size`. */
export class EventQueue<T> implements AsyncIterable<T> {
  readonly #items: T[] = []
  readonly #taken: () => void
  #wake: (() => void) | undefined
  #ended = false

  /** `taken` is called after each value that the consumer took. */
  constructor(taken: () => void = () => undefined) {
    this.#taken = taken
  }

  get size(): number {
    return this.#items.length
  }

  push(item: T): void {
    if (this.#ended) return
    this.#items.push(item)
    this.#wake?.()
  }

  /** After this the consumer still gets what is in the queue, then the end. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const [item] = this.#items.splice(0, 1)
      if (item !== undefined) {
        this.#taken()
        yield item
      } else if (this.#ended) {
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}
