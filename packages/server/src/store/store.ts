import type { Bytes } from "@smpkit/codec"
import type { LinkData } from "@smpkit/smp"
import type { QueueRecord, QueueStep } from "../queue.ts"

/** By whose id a queue is named. */
export type Party = "recipient" | "sender" | "link"

export interface QueueKey {
  readonly party: Party
  readonly id: Bytes
}

/** Bytes that a store takes, and bytes that are left to it where that is known. */
export interface StoreSpace {
  readonly used: number
  readonly free: number | undefined
}

/**
 * Where queues and their messages live. Operations on one queue happen one after the other, in the order in which they were called.
 * What writes resolves when it is durable, and all promises settle in the order of the transactions. A failure rejects with `ServerError STORE`.
 */
export interface QueueStore extends AsyncDisposable {
  /** Adds a queue without messages, with link data where its record has a link id. False when one of its ids is taken. */
  create(record: QueueRecord, linkData?: LinkData): Promise<boolean>
  /** Looks queues up for authorization. The work for an id does not depend on whether there is a queue (security.md Q22). */
  find(keys: readonly QueueKey[]): Promise<readonly (QueueRecord | undefined)[]>
  /** Runs a step and makes its changes, in one transaction. `undefined` when there is no such queue. */
  apply<R>(key: QueueKey, step: QueueStep<R>): Promise<R | undefined>
  /** Up to `limit` recipient ids in their order, those after `after` where given. */
  recipientIds(after: Bytes | undefined, limit: number): Promise<readonly Bytes[]>
  space(): Promise<StoreSpace>
  /** Ends after all that was begun is durable. Idempotent. */
  close(): Promise<void>
}
