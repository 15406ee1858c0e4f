import type { Bytes } from "@smpkit/codec"
import { expire, removeAbandoned } from "./queue.ts"
import type { QueueStore } from "./store/store.ts"

const pageSize = 256

/** What a round looks for; `undefined` for nothing. */
export interface RoundRules {
  /** Messages older than this, in seconds, are dropped. */
  readonly messagesBefore: number | undefined
  /** Queues that nobody secured nor asked for since before the day `before` are removed. */
  readonly abandoned:
    | {
        readonly before: number
        readonly today: number
        readonly isSubscribed: (recipientId: Bytes) => boolean
      }
    | undefined
}

/** Goes through all queues; how many messages were dropped and queues removed. Ends early when `stopped` says so. */
export async function expiryRound(
  store: QueueStore,
  { messagesBefore, abandoned }: RoundRules,
  stopped: () => boolean = () => false,
): Promise<{ readonly messages: number; readonly queues: number }> {
  const step = messagesBefore === undefined ? undefined : expire(messagesBefore)
  let messages = 0
  let queues = 0
  let after: Bytes | undefined
  for (;;) {
    const ids = await store.recipientIds(after, pageSize)
    for (const id of ids) {
      const key = { party: "recipient", id } as const
      while (step !== undefined && !stopped() && (await store.apply(key, step)) === "expired") messages += 1
      if (abandoned === undefined || stopped()) continue
      const { before, today, isSubscribed } = abandoned
      if ((await store.apply(key, removeAbandoned(before, today, isSubscribed(id)))) === "removed")
        queues += 1
    }
    after = ids.at(-1)
    if (after === undefined || stopped()) return { messages, queues }
  }
}
