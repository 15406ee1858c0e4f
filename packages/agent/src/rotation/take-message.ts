import { isDuplex, type ReceiveQueueHolder, type Session } from "../connection.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { isAgentError } from "../errors.ts"
import { serverText } from "../failures.ts"
import type { Outcome } from "../receive.ts"
import type { QueueMessage } from "./queue-messages.ts"
import { refuse } from "./queue-messages.ts"
import { takeQkey } from "./receiving-side.ts"
import { takeQadd, takeQuse } from "./sending-side.ts"

/** A message of queue rotation; `session` is the one that it leaves behind. One that is refused counts, and is told. */
export function takeQueueMessage(
  context: Context,
  conversation: Conversation,
  c: ReceiveQueueHolder,
  session: Session,
  message: QueueMessage,
): Outcome {
  try {
    return taken(context, conversation, c, session, message)
  } catch (error) {
    if (!isAgentError(error)) throw error
    const { code, message: text } = error
    const server = serverText(c.receive.server)
    return {
      changes: { notices: [{ type: "error", connectionId: c.id, code, message: text, server }] },
      head: "done",
    }
  }
}

function taken(
  context: Context,
  conversation: Conversation,
  c: ReceiveQueueHolder,
  session: Session,
  message: QueueMessage,
): Outcome {
  if (!isDuplex(c) || c.state !== "connected") return refuse("the connection is not complete")
  switch (message.type) {
    case "QADD":
      return takeQadd(context, conversation, c, message)
    case "QKEY":
      return takeQkey(conversation, c, message)
    case "QUSE":
      if (c.sendLocked) return refuse("this store came back from a copy, and must re-synchronise first")
      return takeQuse(context, conversation, c, session, message)
    case "QTEST":
      // That it came on the new queue is what counts.
      return { changes: {}, head: "done" }
    default:
      return message satisfies never
  }
}
