import { type Bytes, toHex } from "@smpkit/codec"
import type { ServerEvent } from "@smpkit/client"
import { CommandError } from "../failure.ts"

interface Waiting {
  readonly resolve: (msgId: Bytes) => void
  readonly reject: (error: unknown) => void
}

/** The messages that come over one connection, for whoever waits at their queue. */
export class Arrivals {
  readonly #waiting = new Map<string, Waiting>()
  #ended = false

  /** The id of the next message of a queue; asked for before it is sent. Rejects when the connection ends. */
  next(recipientId: Bytes): Promise<Bytes> {
    if (this.#ended) return Promise.reject(gone())
    return new Promise((resolve, reject) => {
      this.#waiting.set(toHex(recipientId), { resolve, reject })
    })
  }

  /** Takes a connection's events until they end. */
  async listen(events: AsyncIterable<ServerEvent>): Promise<void> {
    for await (const { entityId, message } of events) {
      if (message.type !== "MSG") continue
      const queue = toHex(entityId)
      const waiting = this.#waiting.get(queue)
      this.#waiting.delete(queue)
      waiting?.resolve(message.msgId)
    }
    this.#ended = true
    for (const { reject } of this.#waiting.values()) reject(gone())
    this.#waiting.clear()
  }
}

function gone(): CommandError {
  return new CommandError("FAILED", "the server closed the connection in the middle of the load: see its log")
}
