import type { Bytes } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import type { LinkData } from "@smpkit/smp"
import { ServerError } from "../errors.ts"
import type { QueueChange, QueueRecord, QueueStep, StoredMessage } from "../queue.ts"
import { queueName } from "../queue-name.ts"
import type { QueueKey, QueueStore, StoreSpace } from "./store.ts"

interface StoredQueue {
  record: QueueRecord
  linkData: LinkData | undefined
  readonly messages: StoredMessage[]
}

/** Queues that last as long as the process. */
export class MemoryStore implements QueueStore {
  readonly #queues = new Map<string, StoredQueue>()
  /** Recipient ids by sender id, and by link id. */
  readonly #recipientIds = { sender: new Map<string, string>(), link: new Map<string, string>() }
  #used = 0

  create(record: QueueRecord, linkData?: LinkData): Promise<boolean> {
    const recipientId = queueName(record.recipientId)
    const senderId = queueName(record.senderId)
    const { sender, link } = this.#recipientIds
    const linkId = record.linkId && queueName(record.linkId)
    if (this.#queues.has(recipientId) || sender.has(senderId) || (linkId !== undefined && link.has(linkId)))
      return Promise.resolve(false)
    this.#queues.set(recipientId, { record, linkData, messages: [] })
    sender.set(senderId, recipientId)
    if (linkId !== undefined) link.set(linkId, recipientId)
    this.#used += queueSize + linkSize(linkData)
    return Promise.resolve(true)
  }

  find(keys: readonly QueueKey[]): Promise<readonly (QueueRecord | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.#find(key)?.record))
  }

  apply<R>(key: QueueKey, step: QueueStep<R>): Promise<R | undefined> {
    const queue = this.#find(key)
    if (queue === undefined) return Promise.resolve(undefined)
    const { record, linkData, messages } = queue
    try {
      const { changes, outcome } = step.run({
        record,
        size: messages.length,
        message: (n) => messages[n],
        headIs: (msgId) => messages[0] !== undefined && equalBytes(messages[0].msgId, msgId),
        linkData: () => linkData,
        linkTaken: (linkId) => this.#isLinkOfOther(queue, linkId),
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
    // All parties look into all maps, found or not.
    const recipientIds = {
      recipient: name,
      sender: this.#recipientIds.sender.get(name),
      link: this.#recipientIds.link.get(name),
    }
    return this.#queues.get(recipientIds[party] ?? "")
  }

  #isLinkOfOther({ record }: StoredQueue, linkId: Bytes): boolean {
    const recipientId = this.#recipientIds.link.get(queueName(linkId))
    return recipientId !== undefined && recipientId !== queueName(record.recipientId)
  }

  #setLink(queue: StoredQueue, linkId: Bytes | undefined, linkData: LinkData | undefined): void {
    if (queue.record.linkId !== undefined) this.#recipientIds.link.delete(queueName(queue.record.linkId))
    if (linkId !== undefined)
      this.#recipientIds.link.set(queueName(linkId), queueName(queue.record.recipientId))
    this.#used += linkSize(linkData) - linkSize(queue.linkData)
    queue.record = { ...queue.record, linkId }
    queue.linkData = linkData
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
      case "link":
        this.#setLink(queue, change.linkId, change.data)
        return
      case "unlink":
        this.#setLink(queue, undefined, undefined)
        return
      case "delete":
        this.#setLink(queue, undefined, undefined)
        this.#queues.delete(queueName(queue.record.recipientId))
        this.#recipientIds.sender.delete(queueName(queue.record.senderId))
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
function linkSize(data: LinkData | undefined): number {
  return data === undefined ? 0 : 128 + data.fixed.length + data.user.length
}
function messageSize(message: StoredMessage): number {
  return 128 + (message.type === "message" ? message.body.length : 0)
}
