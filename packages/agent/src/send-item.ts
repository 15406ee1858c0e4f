import { isDuplex } from "./connection.ts"
import type { Context } from "./context.ts"
import type { OutgoingItem } from "./changes.ts"
import type { Conversation } from "./conversation.ts"
import { type Failure, failureOf } from "./failures.ts"
import { closeConnection } from "./removal.ts"
import { boxed } from "./rotation/boxed.ts"
import { sendsOwnKey } from "./seal.ts"
import { chooseSenderKey, chosenKey, secureSendQueue } from "./sender-key.ts"

// The commands that bring an item to the other side's queue.

/** Sets the keys that the queues need before anything is sent: both commands may be repeated. */
export async function prepareQueues(
  context: Context,
  conversation: Conversation,
): Promise<Failure | undefined> {
  if (conversation.outgoing.length === 0) return undefined
  const c = conversation.connection
  if (!isDuplex(c)) return undefined
  try {
    if (c.receive.securing.type === "pending") {
      await context.pool.request(
        c.receive.server,
        "receive",
        { type: "KEY", senderKey: c.receive.securing.senderKey },
        { entityId: c.receive.recipientId, key: c.receive.recipientKey },
      )
      const now = conversation.connection
      if (isDuplex(now)) {
        await conversation.save({
          connection: { ...now, receive: { ...now.receive, securing: { type: "done" } } },
        })
      }
    }
    if (sendsOwnKey(c.send) && !c.send.secured) await secureSendQueue(context, conversation)
    else await chooseSenderKey(context, conversation)
    return undefined
  } catch (error) {
    if (!conversation.active) return undefined
    const failure = failureOf(error)
    if (failure === undefined) throw error
    if (failure.type !== "permanent") return failure
    await closeConnection(context, conversation, "AUTH", `The handshake cannot go on: ${failure.message}`)
    return undefined
  }
}

/** One attempt; the answer is why it failed. */
export async function sendItem(
  context: Context,
  conversation: Conversation,
  item: OutgoingItem,
): Promise<Failure | undefined> {
  const record = conversation.outgoingRecord(item.sndMsgId)
  const c = conversation.connection
  if (record === undefined || !isDuplex(c)) return undefined
  const { info } = c.send
  const body = boxed(record, conversation.moves.send, c.send, context.random)
  try {
    await context.pool.request(
      info.server,
      "send",
      { type: "SEND", notification: item.notification, body },
      { entityId: info.senderId, ...(item.signed ? { key: chosenKey(c.send) } : {}) },
    )
    return undefined
  } catch (error) {
    if (context.closing.signal.aborted) return { type: "temporary", code: "NETWORK", message: "closing" }
    const failure = failureOf(error)
    if (failure === undefined) throw error
    return failure
  }
}
