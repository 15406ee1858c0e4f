import type { Bytes } from "@smpkit/codec"
import { type BrokerMessage, encodeBatches, encodeBrokerMessage, encodeTransmission } from "@smpkit/smp"
import type { SmpSession } from "@smpkit/transport"
import type { OutboxPart } from "./outbox-space.ts"

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
  /** What waits, and what is held for answers to come. */
  readonly #space: OutboxPart
  readonly #onRoom: () => void
  #items: Bytes[] = []
  #waitingBytes = 0
  #writing = false
  #scheduled = false
  #closed = false
  #waiting: (() => void)[] = []

  constructor(session: SmpSession, space: OutboxPart, onRoom: () => void) {
    this.#session = session
    this.#space = space
    this.#onRoom = onRoom
  }

  /** Whether more may wait to be written. */
  get hasRoom(): boolean {
    return this.#space.hasRoom()
  }

  /** Keeps room for an answer that takes up to so many bytes, until it is disposed of. */
  hold(bytes: number): Disposable {
    this.#space.add(bytes)
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (!held) return
        held = false
        this.#space.add(-bytes)
        this.#wake()
      },
    }
  }

  add(corrId: Bytes, entityId: Bytes, message: BrokerMessage): void {
    if (this.#closed) return
    const { version, sessionId } = this.#session
    const command = encodeBrokerMessage(version, message)
    const item = encodeTransmission(version, sessionId, { authorization: empty, corrId, entityId, command })
    this.#items.push(item)
    this.#space.add(sizeOf(item))
    this.#waitingBytes += sizeOf(item)
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
    while (this.#waitingBytes > 0 && !this.#closed) {
      await new Promise<void>((resolve) => this.#drainWaiting.push(resolve))
    }
  }
  #drainWaiting: (() => void)[] = []

  /** Drops what waits. */
  close(): void {
    this.#closed = true
    this.#items = []
    this.#written(this.#waitingBytes)
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
        this.#written(items.reduce((sum, item) => sum + sizeOf(item), 0))
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

  // What was dropped at closing is written no more.
  #written(bytes: number): void {
    const fewer = Math.min(bytes, this.#waitingBytes)
    this.#waitingBytes -= fewer
    this.#space.add(-fewer)
  }

  #wake(): void {
    if (this.hasRoom || this.#closed) {
      for (const resolve of this.#waiting.splice(0)) resolve()
      if (!this.#closed) this.#onRoom()
    }
    if (this.#waitingBytes === 0 || this.#closed)
      for (const resolve of this.#drainWaiting.splice(0)) resolve()
  }
}
