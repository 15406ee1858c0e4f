import type { Context } from "./context.ts"
import { deliverRequest } from "./contact/request-delivery.ts"
import type { Conversation } from "./conversation.ts"
import { abandon } from "./invite.ts"
import { messageEvent } from "./message-event.ts"
import { expireHeld, releaseHeld } from "./post-quantum/hold.ts"
import type { Registry } from "./registry.ts"
import { closeConnection } from "./removal.ts"
import { lockCopy, resynchronizeCopies } from "./resynchronize/restored-copy.ts"

const housekeepingMs = 5 * 60_000
/** How long a message of ours waits for its receipt (agent-protocol.md, "Delivery receipts"). */
const receiptAgeMs = 21 * 24 * 3600_000

/** Takes up what an earlier run left: events that were not taken, messages that were not acknowledged, joins, deliveries, subscriptions. */
export async function resumeConnections(context: Context, registry: Registry): Promise<void> {
  const notices = context.storedNotices()
  const locked = context.store.wasRestored ? await lockCopy(context, registry) : []
  // The application does not read yet, so nobody waits for it here.
  context.background(context.emit([...notices, ...locked]))
  for (const conversation of registry.all()) {
    for (const incoming of conversation.messages.unacknowledged())
      context.show(messageEvent(conversation.id, incoming, true))
  }
  for (const conversation of registry.all()) {
    const unfinished = resume(context, registry, conversation)
    // In one tick where there is nothing to wait for, so that subscriptions share blocks.
    if (unfinished !== undefined) await unfinished
  }
  context.background(resynchronizeCopies(context, registry))
}

function resume(context: Context, registry: Registry, conversation: Conversation): Promise<void> | undefined {
  const { state } = conversation.outline
  switch (state) {
    case "new":
      // Its link was never told to anybody.
      return abandon(context, registry, conversation)
    case "joining":
    case "resolving":
    case "requesting":
      registry.joins.resume(conversation)
      return undefined
    case "address":
    case "invited":
    case "requested":
    case "accepted":
    case "joined":
    case "waiting":
    case "greeting":
    case "connected":
      context.background(registry.watch(conversation))
      context.background(deliverRequest(context, conversation))
      registry.start(conversation.id)
      context.background(releaseHeld(context, conversation))
      return undefined
    default:
      return state satisfies never
  }
}

/** What has to be looked at from time to time. */
export function startHousekeeping(context: Context, registry: Registry): Disposable {
  let timer: Disposable | undefined
  const waiting = new Map<string, number>()
  const schedule = (): void => {
    timer = context.clock.setTimer(housekeepingMs, () => {
      if (context.closing.signal.aborted) return
      context.background(tidy(context, registry, waiting).finally(schedule))
    })
  }
  schedule()
  return {
    [Symbol.dispose]: () => {
      timer?.[Symbol.dispose]()
    },
  }
}

/** `waiting`: since when initiators wait for HELLO in this run. Their records tell only when the link was made, which may be long before it was answered. */
async function tidy(context: Context, registry: Registry, waiting: Map<string, number>): Promise<void> {
  const now = context.clock.now()
  registry.tidyMoves()
  await resynchronizeCopies(context, registry)
  for (const conversation of registry.all()) {
    const forgotten = conversation.messages.sentBefore(now - receiptAgeMs)
    if (forgotten.length > 0 && conversation.active) await conversation.save({ forgotten })
    await expireHeld(context, conversation)
    const { state } = conversation.outline
    if (state !== "waiting") waiting.delete(conversation.id)
    if (state === "joined" || state === "waiting") await closeUnanswered(context, conversation, waiting)
  }
}

/** The handshake's next message has not come, and maybe never will: a server may have lost it. */
async function closeUnanswered(
  context: Context,
  conversation: Conversation,
  waiting: Map<string, number>,
): Promise<void> {
  const now = context.clock.now()
  const { id, created, role, state } = conversation.connection
  const since = role === "joiner" ? created : (waiting.get(id) ?? now)
  if (role === "initiator") waiting.set(id, since)
  if (now - since < context.options.noAnswerMs) return
  waiting.delete(id)
  const message =
    state === "joined"
      ? "Whoever made the link has not answered in time: somebody may have answered in their place. Tell the other side by another way."
      : "The other side has not completed the handshake in time: begin again with a new link."
  await closeConnection(context, conversation, "NO_ANSWER", message)
}
