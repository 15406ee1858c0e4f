import type { AgentEvent } from "./events.ts"

interface Entry {
  readonly event: AgentEvent
  readonly onTaken: (() => void) | undefined
}

/**
 * Events on their way to the application: bounded, so that an application that does not read pauses receiving (security.md Q26).
 * An event counts as taken when the application asks for the next one.
 */
export class EventQueue {
  readonly #capacity: number
  readonly #entries: Entry[] = []
  #taken: Entry | undefined
  #wakeReader: (() => void) | undefined
  #wakeWriters: (() => void)[] = []
  #closed = false

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Adds an event at once; resolves when the application has caught up. Never rejects. */
  async push(event: AgentEvent, onTaken?: () => void): Promise<void> {
    if (this.#closed) return
    this.#entries.push({ event, onTaken })
    this.#wakeReader?.()
    while (this.#isFull()) {
      await new Promise<void>((resolve) => {
        this.#wakeWriters.push(resolve)
      })
    }
  }

  /** Events in order. Iterators share the queue: each event goes to one of them. */
  async *iterate(): AsyncGenerator<AgentEvent, void, undefined> {
    try {
      for (;;) {
        this.#markTaken()
        const entry = this.#entries.shift()
        if (entry === undefined) {
          if (this.#closed) return
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve
          })
          continue
        }
        if (this.#entries.length <= this.#capacity) {
          for (const wake of this.#wakeWriters.splice(0)) wake()
        }
        this.#taken = entry
        yield entry.event
      }
    } finally {
      this.#markTaken()
    }
  }

  /** Ends all iterators; what was not taken stays in the store. */
  close(): void {
    this.#closed = true
    this.#entries.length = 0
    this.#wakeReader?.()
    for (const wake of this.#wakeWriters.splice(0)) wake()
  }

  #isFull(): boolean {
    return this.#entries.length > this.#capacity && !this.#closed
  }

  #markTaken(): void {
    const taken = this.#taken
    this.#taken = undefined
    if (!this.#closed) taken?.onTaken?.()
  }
}
