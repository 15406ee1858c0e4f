import type { Bytes } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import { isDuplex, type ReceiveQueueHolder } from "../connection.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import type { Outcome } from "../receive.ts"
import type { Lane } from "./moves.ts"
import { switched } from "./notices.ts"

/** Where a message came from: `connection` with that queue as its own. */
export interface Source {
  readonly connection: ReceiveQueueHolder
  readonly lane: Lane
  /** The connection's own queue, where the message came from the second one. */
  readonly own: ReceiveQueueHolder["receive"] | undefined
}

/** The queue of a connection that a message came from; `undefined` when the connection has no such queue any more. */
export function sourceOf(conversation: Conversation, recipientId: Bytes): Source | undefined {
  const { connection: c, moves } = conversation
  if (!("receive" in c)) return undefined
  if (equalBytes(c.receive.recipientId, recipientId))
    return { connection: c, lane: conversation.first, own: undefined }
  if (moves.receive === undefined || !moves.isSecond(recipientId) || !isDuplex(c)) return undefined
  return {
    connection: { ...c, receive: moves.receive.queue },
    lane: moves.second,
    own: c.receive,
  }
}

/**
 * What a message changes, with the connection's own queue in its place. The first one that comes by a new queue makes that the connection's own
 * (agent-protocol.md, "Queue rotation", step 5): only the other side knows its secret.
 */
export function placed(
  context: Context,
  conversation: Conversation,
  { connection: c, own }: Source,
  outcome: Outcome,
): Outcome {
  if (own === undefined) return outcome
  const { moves } = conversation
  const { connection = c } = outcome.changes
  const move = moves.receive
  if (move?.state !== "using" || outcome.opened !== true) {
    if (outcome.changes.connection === undefined || !("receive" in connection)) return outcome
    return { ...outcome, changes: { ...outcome.changes, connection: { ...connection, receive: own } } }
  }
  conversation.first = moves.swap(conversation.first)
  const write = moves.setReceive({ state: "draining", since: context.clock.now(), queue: own })
  const { also, notices = [] } = outcome.changes
  return {
    ...outcome,
    changes: {
      ...outcome.changes,
      connection,
      notices: [switched(c.id, "receive", "completed", move.queue.server), ...notices],
      also: (tx) => {
        write(tx)
        moves.putSecondHead(tx)
        also?.(tx)
      },
    },
  }
}
