import type { Bytes } from "@smpkit/codec"
import { type BrokerMessage, encodeBatches, encodeBrokerMessage, encodeTransmission } from "@smpkit/smp"
import type { SmpSession } from "@smpkit/transport"

const empty: Bytes = new Uint8Array(0)
// What an item takes beside its bytes, about: without it, thousands of answers of a few bytes would count as nothing.
const itemOverhead = 200
const sizeOf = (item: Bytes): number => item.length + itemOverhead

/**
 * What leaves on one session: answers and messages of one turn of the event loop share blocks, and blocks go one after the other.
 * It never refuses; who adds asks `hasRoom` first or waits for `room`, so that a peer that does not read is paused instead of buffered.
 */
export class Outbox {
  readonly #session: SmpSession
  readonly #limit: number
  readonly #onRoom: () => void
  #items: Bytes[] = []
  #bytes = 0
  #writing = false
  #scheduled = false
  #closed = false
  #waiting: (() => void)[] = []

  constructor(session: SmpSession, limit: number, onRoom: () => void) {
    this.#session = session
    this.#limit = limit
    this.#onRoom = onRoom
  }

  /** Whether less than the limit waits to be written. */
  get hasRoom(): boolean {
    return this.#bytes < this.#limit
  }

  add(corrId: Bytes, entityId: Bytes, message: BrokerMessage): void {
    if (this.#closed) return
    const { version, sessionId } = this.#session
    const command = encodeBrokerMessage(version, message)
    const item = encodeTransmission(version, sessionId, { authorization: empty, corrId, entityId, command })
    this.#items.push(item)
    this.#bytes += sizeOf(item)
    if (this.#scheduled || this.#writing) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#write()
    })
  }

  /** Resolves when there is room, or nothing will be written any more. */
  room(): Promise<void> {
    if (this.hasRoom || this.#closed) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Resolves when all that was added has been handed to the transport, or nothing will be. */
  async drained(): Promise<void> {
    while (this.#bytes > 0 && !this.#closed) {
      await new Promise<void>((resolve) => this.#drainWaiting.push(resolve))
    }
  }
  #drainWaiting: (() => void)[] = []

  /** Drops what waits. */
  close(): void {
    this.#closed = true
    this.#items = []
    this.#bytes = 0
    this.#wake()
  }

  async #write(): Promise<void> {
    if (this.#writing) return
    this.#writing = true
    try {
      while (this.#items.length > 0) {
        const items = this.#items
        this.#items = []
        for (const content of encodeBatches(items)) await this.#session.send(content)
        for (const item of items) this.#bytes -= sizeOf(item)
        if (this.#bytes < 0) this.#bytes = 0
        this.#wake()
      }
    } catch {
      // The transport is gone, or an answer with an overlong corrId fits no block: either way this connection has no use any more.
      this.close()
      await this.#session.close()
    } finally {
      this.#writing = false
    }
  }

  #wake(): void {
    if (this.hasRoom || this.#closed) {
      for (const resolve of this.#waiting.splice(0)) resolve()
      if (!this.#closed) this.#onRoom()
    }
    if (this.#bytes === 0 || this.#closed) for (const resolve of this.#drainWaiting.splice(0)) resolve()
  }
}
