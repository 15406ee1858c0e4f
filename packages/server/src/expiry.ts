import type { Bytes } from "@smpkit/codec"
import { expire } from "./queue.ts"
import type { QueueStore } from "./store/store.ts"

const pageSize = 256

/** Drops messages older than `before` (seconds) from all queues; how many were dropped. Ends early when `stopped` says so. */
export async function expireMessages(
  store: QueueStore,
  before: number,
  stopped: () => boolean = () => false,
): Promise<number> {
  const step = expire(before)
  let count = 0
  let after: Bytes | undefined
  for (;;) {
    const ids = await store.recipientIds(after, pageSize)
    for (const id of ids) {
      while (!stopped() && (await store.apply({ party: "recipient", id }, step)) === "expired") count += 1
    }
    after = ids.at(-1)
    if (after === undefined || stopped()) return count
  }
}
