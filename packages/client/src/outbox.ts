import type { Bytes } from "@smpkit/codec"
import { encodeBatches } from "@smpkit/smp"
import { type Outgoing, rounds } from "./rounds.ts"

/** A transmission that waits for its block. */
export interface Queued extends Outgoing {
  readonly corrId: Bytes
}

/** Transmissions on their way to the session: those of one tick share blocks, and so do those that come while the socket is full. */
export class Outbox {
  readonly #send: (content: Bytes) => Promise<void>
  readonly #isWanted: (corrId: Bytes) => boolean
  #queue: Queued[] = []
  #sending = false
  #ended = false

  /** `isWanted` says whether a request still waits for its answer; what nobody waits for is not sent. */
  constructor(send: (content: Bytes) => Promise<void>, isWanted: (corrId: Bytes) => boolean) {
    this.#send = send
    this.#isWanted = isWanted
  }

  /** Rejects, for one of the calls, with what the session throws. */
  async push(queued: Queued): Promise<void> {
    this.#queue.push(queued)
    if (this.#sending) return
    this.#sending = true
    try {
      await Promise.resolve()
      while (this.#queue.length > 0 && !this.#ended) {
        const queue = this.#queue.filter(({ corrId }) => this.#isWanted(corrId))
        this.#queue = []
        for (const round of rounds(queue)) {
          for (const content of encodeBatches(round.map(({ transmission }) => transmission)))
            await this.#send(content)
        }
      }
    } finally {
      this.#sending = false
    }
  }

  end(): void {
    this.#ended = true
  }
}
