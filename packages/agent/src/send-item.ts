import type { SmpClient } from "@smpkit/client"
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
async function prepareQueues(context: Context, conversation: Conversation): Promise<Failure | undefined> {
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

/** What to send by, when something waits and the queues are prepared. */
export type Reached =
  | { readonly type: "client"; readonly client: SmpClient }
  | { readonly type: "failure"; readonly failure: Failure }

/** Prepares the queues and reaches the other side's server; `undefined` when nothing waits, or the connection has ended. */
export async function reachQueue(context: Context, conversation: Conversation): Promise<Reached | undefined> {
  const failure = await prepareQueues(context, conversation)
  if (failure !== undefined) return { type: "failure", failure }
  const c = conversation.connection
  if (conversation.outgoing.length === 0 || !isDuplex(c) || !conversation.active) return undefined
  try {
    return { type: "client", client: await context.pool.client(c.send.info.server, "send") }
  } catch (error) {
    const failed = attemptFailure(context, error)
    return { type: "failure", failure: failed }
  }
}

/** One attempt; the answer is why it failed. */
export async function sendItem(
  context: Context,
  conversation: Conversation,
  item: OutgoingItem,
  client: SmpClient,
): Promise<Failure | undefined> {
  const record = conversation.messages.outgoing(item.sndMsgId)
  const c = conversation.connection
  if (record === undefined || !isDuplex(c)) return undefined
  const { info } = c.send
  const body = boxed(record, conversation.moves.send, c.send, context.random)
  try {
    await client.request(
      { type: "SEND", notification: item.notification, body },
      { entityId: info.senderId, ...(item.signed ? { key: chosenKey(c.send) } : {}) },
    )
    return undefined
  } catch (error) {
    return attemptFailure(context, error)
  }
}

function attemptFailure(context: Context, error: unknown): Failure {
  if (context.closing.signal.aborted) return { type: "temporary", code: "NETWORK", message: "closing" }
  const failure = failureOf(error)
  if (failure === undefined) throw error
  return failure
}
