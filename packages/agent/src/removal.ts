import { toBase64Url } from "@smpkit/codec"
import { type Context, putNotices } from "./context.ts"
import { receiveQueueOf } from "./connection.ts"
import type { Conversation } from "./conversation.ts"
import type { AgentErrorCode } from "./errors.ts"
import { fastRetry } from "@smpkit/client"
import { Backoff } from "./backoff.ts"
import { failureOf } from "./failures.ts"
import { deleteRecord, listRecords, putRecord, type Removal, tables } from "./records.ts"

/** Ends a connection: its records go, its queue is deleted on the server, now or as soon as that can be reached, and the application hears `closed`. */
export async function closeConnection(
  context: Context,
  conversation: Conversation,
  code: AgentErrorCode,
  message: string,
): Promise<void> {
  if (!conversation.active) return
  conversation.active = false
  const { id, connection } = conversation
  const queue = receiveQueueOf(connection)
  const removal: Removal | undefined = queue && {
    server: queue.server,
    recipientId: queue.recipientId,
    recipientKey: queue.recipientKey,
  }
  const key = toBase64Url(context.random.bytes(12), { padded: false })
  const notices = context.numbered([{ type: "closed", connectionId: id, code, message }])
  await context.update((tx) => {
    conversation.erase(tx)
    if (removal !== undefined) putRecord(tx, tables.removal, key, removal)
    putNotices(tx, notices)
  })
  context.onErased(id)
  if (removal !== undefined) context.background(removeQueue(context, key, removal))
  await context.emit(notices)
}

/** Deletes the queues of connections that are gone, also those of an earlier run. */
export function resumeRemovals(context: Context): void {
  for (const { key, value } of [...listRecords(context.store, tables.removal)]) {
    context.background(removeQueue(context, key, value))
  }
}

async function removeQueue(
  context: Context,
  key: string,
  { server, recipientId, recipientKey }: Removal,
): Promise<void> {
  const backoff = new Backoff(fastRetry)
  for (;;) {
    context.assertOpen()
    try {
      await context.pool.request(
        server,
        "receive",
        { type: "DEL" },
        { entityId: recipientId, key: recipientKey },
      )
      break
    } catch (error) {
      const failure = failureOf(error)
      if (failure === undefined) throw error
      // A second DEL is answered with AUTH: the queue is gone, which is what was wanted.
      if (failure.type === "permanent") break
      await context.pause(backoff.nextMs())
    }
  }
  await context.update((tx) => {
    deleteRecord(tx, tables.removal, key)
  })
  context.onQueueDeleted(server)
}
