import { fastRetry } from "@smpkit/client"
import { Backoff } from "../backoff.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { failureOf } from "../failures.ts"
import { plannedRemoval } from "../removal.ts"
import type { ReceiveMove } from "./move-tables.ts"

/** A queue from which nothing has come for so long is empty: what the other side had under way when it began with the new one is there as well. */
const quietMs = 5000
/** What the old server has held back for so long is lost, unless the other side has sent it once more. */
const maxDrainMs = 48 * 3600_000

/**
 * Waits until the old queue is empty, then has it deleted (agent-protocol.md, "Queue rotation", step 5 and what is lost there).
 * Messages that come meanwhile are received as any other.
 */
export async function drain(context: Context, conversation: Conversation, move: ReceiveMove): Promise<void> {
  const backoff = new Backoff(fastRetry)
  const { moves } = conversation
  const current = (): boolean => conversation.active && moves.receive === move
  for (;;) {
    const state = await look(context, conversation, move)
    if (!current()) return
    const late = context.clock.now() - move.since >= maxDrainMs
    const given = state === "gone" || (state === "unreachable" && late)
    // In order with the messages: none of those that came before is on its way to the store.
    await conversation.inOrder(async () => {
      if (current() && (given || (typeof state === "function" && state())))
        await drop(context, conversation, move)
    })
    if (!current()) return
    if (state === "unreachable") await context.pause(backoff.nextMs())
    else backoff.reset()
    if (!current()) return
  }
}

async function drop(context: Context, conversation: Conversation, { queue }: ReceiveMove): Promise<void> {
  const { moves } = conversation
  const removal = plannedRemoval(context, queue)
  const write = moves.setReceive(undefined)
  moves.onDropped(queue)
  await conversation.save({
    also: (tx) => {
      write(tx)
      removal.write(tx)
    },
  })
  removal.start()
}

/** Subscribed and quiet for a while in one session, with nothing waiting for an ACK: then it is empty. */
async function look(
  context: Context,
  conversation: Conversation,
  { queue }: ReceiveMove,
): Promise<(() => boolean) | "gone" | "unreachable"> {
  const { server, recipientId, recipientKey } = queue
  const lane = conversation.moves.second
  try {
    const client = await context.pool.client(server, "receive", { signal: context.closing.signal })
    const { arrivals } = lane
    // What waits for an ACK is delivered again. The record of a head may be older than the answer to its ACK.
    if (lane.head?.type !== "shown") {
      const answer = await client.request({ type: "SUB" }, { entityId: recipientId, key: recipientKey })
      if (answer.type === "MSG") context.onMessage(server, recipientId, answer)
    }
    await context.pause(quietMs)
    return () =>
      conversation.wanted &&
      context.pool.current(server, "receive") === client &&
      lane.head?.type !== "shown" &&
      lane.arrivals === arrivals
  } catch (error) {
    context.assertOpen()
    const failure = failureOf(error)
    if (failure === undefined) throw error
    return failure.type === "permanent" ? "gone" : "unreachable"
  }
}
