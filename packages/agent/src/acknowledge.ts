import type { Context } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import { AgentError } from "./errors.ts"
import { failureOf } from "./failures.ts"
import { fastRetry } from "@smpkit/client"
import { Backoff } from "./backoff.ts"
import type { ReceiveQueue } from "./queues.ts"
import type { Head, PendingReceipt } from "./records.ts"
import type { Lane } from "./rotation/moves.ts"

/**
 * So many messages of a connection wait for the application at most. The server may forget each as soon as it is in the agent's own store, but for the
 * last of these: with its ACK the next one would come, and an application that does not keep up pauses receiving (security.md Q26).
 */
export const maxUnacknowledged = 16

/**
 * Tells the server that the message at the head of the queue is dealt with. A dropped connection needs no retry here: the next subscription
 * delivers the message again if the ACK was lost, and its id tells that it is done.
 */
export async function acknowledgeHead(
  context: Context,
  conversation: Conversation,
  lane: Lane,
): Promise<void> {
  const { head } = lane
  const queue = conversation.queueOf(lane)
  if (head?.type !== "done" || queue === undefined) return
  conversation.acknowledging = true
  try {
    await untilAnswered(context, conversation, lane, head, queue)
  } finally {
    conversation.acknowledging = false
  }
}

async function untilAnswered(
  context: Context,
  conversation: Conversation,
  lane: Lane,
  head: Head,
  { server, recipientId, recipientKey }: ReceiveQueue,
): Promise<void> {
  const backoff = new Backoff(fastRetry)
  for (;;) {
    try {
      const answer = await context.pool.request(
        server,
        "receive",
        { type: "ACK", msgId: head.smpMsgId },
        { entityId: recipientId, key: recipientKey },
      )
      conversation.clearHead(lane, head)
      conversation.acknowledging = false
      if (answer.type === "MSG") context.onMessage(server, recipientId, answer)
      else await context.flush()
      return
    } catch (error) {
      if (context.closing.signal.aborted || !conversation.active) return
      await context.flush()
      const failure = failureOf(error)
      if (failure === undefined) throw error
      // NO_MSG: it was acknowledged before, or this session is not subscribed yet. AUTH: the queue is gone.
      if (failure.type === "permanent" || failure.code === "NETWORK") return
      await context.pause(backoff.nextMs())
      if (lane.head !== head) return
    }
  }
}

/** The lane of a message whose ACK waits for the application, where one acknowledged message makes room for the next. */
function heldLane({ lanes, messages }: Conversation): Lane | undefined {
  return messages.unacknowledgedCount <= maxUnacknowledged
    ? lanes.find(({ head }) => head?.type === "shown")
    : undefined
}

/** The application is done with a message: resolves when that is recorded. */
export async function acknowledgeMessage(
  context: Context,
  conversation: Conversation,
  messageId: number,
  receipt: boolean,
): Promise<void> {
  const incoming = conversation.messages.incoming(messageId)
  if (incoming === undefined) {
    throw new AgentError("NOT_FOUND", "There is no unacknowledged message with this messageId.", {
      connectionId: conversation.id,
    })
  }
  const { connection } = conversation
  const pending: PendingReceipt = {
    sndMsgId: incoming.sndMsgId,
    hash: incoming.hash,
    received: incoming.received,
  }
  const lane = heldLane(conversation)
  const held = lane?.head
  // The message at the head is on disk since it came, so its ACK need not wait for the record that the application is done with another. While messages
  // come, one transaction stores it together with the next of them.
  const recorded = conversation.saveWithNext({
    acknowledged: messageId,
    ...(held === undefined ? {} : { head: { ...held, type: "done" }, lane }),
    ...(receipt ? { receipt: pending } : {}),
    ...(receipt && !connection.receipts ? { connection: { ...connection, receipts: true } } : {}),
  })
  if (lane !== undefined) context.background(acknowledgeHead(context, conversation, lane))
  if (conversation.storing || conversation.acknowledging) context.flushSoon()
  else context.background(context.flush())
  await recorded
}
