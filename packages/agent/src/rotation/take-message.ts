import { isDuplex, type ReceiveQueueHolder } from "../connection.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { isAgentError } from "../errors.ts"
import { serverText } from "../failures.ts"
import type { Outcome } from "../receive.ts"
import { type Opened, takeQtest } from "./early-test.ts"
import { type QueueMessage, refuse } from "./queue-messages.ts"
import { takeQkey } from "./receiving-side.ts"
import { takeQadd, takeQuse } from "./sending-side.ts"

/** A message of queue rotation. One that is refused counts, and is told. */
export function takeQueueMessage(
  context: Context,
  conversation: Conversation,
  c: ReceiveQueueHolder,
  opened: Opened,
  message: QueueMessage,
): Outcome {
  try {
    return taken(context, conversation, c, opened, message)
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
  opened: Opened,
  message: QueueMessage,
): Outcome {
  if (!isDuplex(c)) return refuse("the connection is not complete")
  switch (message.type) {
    case "QADD":
      return takeQadd(context, conversation, c, message)
    case "QKEY":
      return takeQkey(conversation, c, message)
    case "QUSE":
      if (c.sendLocked) return refuse("this store came back from a copy, and must re-synchronise first")
      return takeQuse(context, conversation, c, opened.session, message)
    case "QTEST":
      // That it came on the new queue is what moves it.
      return takeQtest(conversation, opened)
    default:
      return message satisfies never
  }
}
