import type { Bytes } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import { ServerError } from "../errors.ts"
import type { QueueChange, QueueRecord, QueueStep, StoredMessage } from "../queue.ts"
import { queueName } from "../queue-name.ts"
import type { QueueKey, QueueStore, StoreSpace } from "./store.ts"

interface StoredQueue {
  record: QueueRecord
  readonly messages: StoredMessage[]
}

/** Queues that last as long as the process. */
export class MemoryStore implements QueueStore {
  readonly #queues = new Map<string, StoredQueue>()
  readonly #recipientIds = new Map<string, string>()
  #used = 0

  create(record: QueueRecord): Promise<boolean> {
    const recipientId = queueName(record.recipientId)
    const senderId = queueName(record.senderId)
    if (this.#queues.has(recipientId) || this.#recipientIds.has(senderId)) return Promise.resolve(false)
    this.#queues.set(recipientId, { record, messages: [] })
    this.#recipientIds.set(senderId, recipientId)
    this.#used += queueSize
    return Promise.resolve(true)
  }

  find(keys: readonly QueueKey[]): Promise<readonly (QueueRecord | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.#find(key)?.record))
  }

  apply<R>(key: QueueKey, step: QueueStep<R>): Promise<R | undefined> {
    const queue = this.#find(key)
    if (queue === undefined) return Promise.resolve(undefined)
    const { record, messages } = queue
    try {
      const { changes, outcome } = step.run({
        record,
        size: messages.length,
        message: (n) => messages[n],
        headIs: (msgId) => messages[0] !== undefined && equalBytes(messages[0].msgId, msgId),
      })
      for (const change of changes) this.#change(queue, change)
      return Promise.resolve(outcome)
    } catch (cause) {
      return Promise.reject(new ServerError("STORE", "the store failed", { cause }))
    }
  }

  recipientIds(after: Bytes | undefined, limit: number): Promise<readonly Bytes[]> {
    const from = after === undefined ? "" : queueName(after)
    const ids = [...this.#queues.entries()].filter(([id]) => id > from || after === undefined)
    ids.sort(([a], [b]) => (a < b ? -1 : 1))
    return Promise.resolve(ids.slice(0, limit).map(([, queue]) => queue.record.recipientId))
  }

  space(): Promise<StoreSpace> {
    return Promise.resolve({ used: this.#used, free: undefined })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #find({ party, id }: QueueKey): StoredQueue | undefined {
    const name = queueName(id)
    // Both parties look into both maps, found or not.
    const recipientId = this.#recipientIds.get(name)
    return this.#queues.get(party === "recipient" ? name : (recipientId ?? ""))
  }

  #change(queue: StoredQueue, change: QueueChange): void {
    switch (change.type) {
      case "record":
        queue.record = change.record
        return
      case "append":
        queue.messages.push(change.message)
        this.#used += messageSize(change.message)
        return
      case "dropHead": {
        const head = queue.messages.shift()
        if (head !== undefined) this.#used -= messageSize(head)
        return
      }
      case "delete":
        this.#queues.delete(queueName(queue.record.recipientId))
        this.#recipientIds.delete(queueName(queue.record.senderId))
        for (const message of queue.messages) this.#used -= messageSize(message)
        this.#used -= queueSize
        return
      default:
        change satisfies never
    }
  }
}

// What a queue and a message take beside the body, roughly.
const queueSize = 512
function messageSize(message: StoredMessage): number {
  return 128 + (message.type === "message" ? message.body.length : 0)
}
