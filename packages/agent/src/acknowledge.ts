import { equalBytes } from "@smpkit/crypto"
import type { Context } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import { AgentError } from "./errors.ts"
import { failureOf } from "./failures.ts"
import { fastRetry } from "@smpkit/client"
import { Backoff } from "./backoff.ts"
import type { PendingReceipt } from "./records.ts"

/**
 * Tells the server that the message at the head of the queue is dealt with. A dropped connection needs no retry here: the next subscription
 * delivers the message again if the ACK was lost, and its id tells that it is done.
 */
export async function acknowledgeHead(context: Context, conversation: Conversation): Promise<void> {
  const { head, connection } = conversation
  if (head?.type !== "done" || !("receive" in connection)) return
  const { server, recipientId, recipientKey } = connection.receive
  const backoff = new Backoff(fastRetry)
  for (;;) {
    try {
      const answer = await context.pool.request(
        server,
        "receive",
        { type: "ACK", msgId: head.smpMsgId },
        { entityId: recipientId, key: recipientKey },
      )
      conversation.clearHead(head)
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
      if (conversation.head !== head) return
    }
  }
}

/** The application is done with a message: resolves when that is recorded. */
export async function acknowledgeMessage(
  context: Context,
  conversation: Conversation,
  messageId: number,
  receipt: boolean,
): Promise<void> {
  const incoming = conversation.incoming(messageId)
  if (incoming === undefined) {
    throw new AgentError("NOT_FOUND", "There is no unacknowledged message with this messageId.", {
      connectionId: conversation.id,
    })
  }
  const { connection, head } = conversation
  const pending: PendingReceipt = {
    sndMsgId: incoming.sndMsgId,
    hash: incoming.hash,
    received: incoming.received,
  }
  const isHead = head?.type === "shown" && equalBytes(head.smpMsgId, incoming.smpMsgId)
  // The message is on disk since it was shown, so the ACK need not wait for the record that the application is done with it; and where
  // the answer is the next message, one transaction stores both.
  const recorded = conversation.saveWithNext({
    acknowledged: messageId,
    ...(isHead ? { head: { type: "done", smpMsgId: incoming.smpMsgId } } : {}),
    ...(receipt ? { receipt: pending } : {}),
    ...(receipt && !connection.receipts ? { connection: { ...connection, receipts: true } } : {}),
  })
  context.background(isHead ? acknowledgeHead(context, conversation) : context.flush())
  await recorded
}
