import { toBase64Url } from "@smpkit/codec"
import { type Context, putNotices } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import type { AgentErrorCode } from "./errors.ts"
import { fastRetry } from "@smpkit/client"
import { Backoff } from "./backoff.ts"
import { isDuplex } from "./connection.ts"
import { failureOf, serverText } from "./failures.ts"
import type { Notice } from "./notice.ts"
import type { ReceiveQueue } from "./queues.ts"
import { leaveRemains } from "./remains.ts"
import type { StoreTx } from "./store/index.ts"
import { deleteRecord, listRecords, putRecord, type Removal, tables } from "./records.ts"

/** Ends a connection for the application: now or, where that shall wait for what was not delivered, after it. */
export async function deleteConnection(
  context: Context,
  conversation: Conversation,
  { waitForDelivery }: { readonly waitForDelivery: boolean },
): Promise<void> {
  if (waitForDelivery && conversation.unsent > 0) {
    await conversation.save({ connection: { ...conversation.connection, leaving: true } })
    conversation.kick()
  } else {
    await closeConnection(context, conversation, "DELETED", "The connection was deleted.")
  }
}

/** Ends a connection: its records go, its queue is deleted on the server, now or as soon as that can be reached, and the application hears `closed`. */
export async function closeConnection(
  context: Context,
  conversation: Conversation,
  code: AgentErrorCode,
  message: string,
): Promise<void> {
  if (!conversation.active) return
  conversation.active = false
  const { id } = conversation
  const queues = conversation.lanes.map((lane) => conversation.queueOf(lane))
  const removals = queues.flatMap((queue) => (queue === undefined ? [] : [plannedRemoval(context, queue)]))
  const failed = code === "DELETED" ? [] : failedMessages(conversation, code, message)
  const notices = context.numbered([...failed, { type: "closed", connectionId: id, code, message }])
  await context.update((tx) => {
    conversation.erase(tx)
    leaveRemains(tx)
    for (const { write } of removals) write(tx)
    putNotices(tx, notices)
  })
  context.onErased(id)
  for (const { start } of removals) start()
  await context.emit(notices)
}

/** What waits for a connection that ends by itself is not lost without a word. */
function failedMessages(
  { connection: c, outgoing, held }: Conversation,
  code: AgentErrorCode,
  why: string,
): readonly Notice[] {
  if (!isDuplex(c)) return []
  const waiting = [...outgoing.map(({ messageId }) => messageId), ...held.ids()]
  const message = `It was not delivered before the connection was closed. ${why}`
  const server = serverText(c.send.info.server)
  return waiting.flatMap((messageId) =>
    messageId === undefined
      ? []
      : [{ type: "failed", connectionId: c.id, messageId, code, message, server } as const],
  )
}

/** An own queue that is to go: `write` records that, and `start` deletes it on its server, now or as soon as that can be reached. */
export function plannedRemoval(
  context: Context,
  { server, recipientId, recipientKey }: ReceiveQueue,
): { readonly write: (tx: StoreTx) => void; readonly start: () => void } {
  const key = toBase64Url(context.random.bytes(12), { padded: false })
  const removal: Removal = { server, recipientId, recipientKey }
  return {
    write: (tx) => {
      putRecord(tx, tables.removal, key, removal)
    },
    start: () => {
      context.background(removeQueue(context, key, removal))
    },
  }
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
