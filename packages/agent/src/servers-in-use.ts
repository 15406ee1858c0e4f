import type { ServerRole } from "@smpkit/client"
import { sameServer, type ServerAddress } from "@smpkit/smp"
import type { Conversation } from "./conversation.ts"
import type { Context } from "./context.ts"
import { listRecords, tables } from "./records.ts"

/** A connection that is made to a server. */
export interface ServerUse {
  readonly role: ServerRole
  readonly server: ServerAddress
}

/** The servers of a connection's queues, also of those that are to be made or found, or move. */
export function serversOf({ connection: c, moves }: Conversation): readonly ServerUse[] {
  const uses: ServerUse[] = []
  if ("receive" in c) uses.push({ role: "receive", server: c.receive.server })
  if ("queue" in c) uses.push({ role: "receive", server: c.queue.server })
  if ("send" in c) uses.push({ role: "send", server: c.send.info.server })
  if ("address" in c) uses.push({ role: "send", server: c.address.server })
  if ("link" in c) uses.push({ role: "send", server: c.link.server })
  if (moves.receive !== undefined) uses.push({ role: "receive", server: moves.receive.queue.server })
  const { move } = moves.send
  if (move !== undefined) uses.push({ role: "send", server: move.queue.info.server })
  return uses
}

/** Gives up connections to servers that neither one of `conversations` nor a queue that is to be deleted needs any more. */
export function releaseUnused(
  context: Context,
  uses: readonly ServerUse[],
  conversations: readonly Conversation[],
): void {
  const needed = conversations.flatMap(serversOf)
  for (const { value } of listRecords(context.store, tables.removal)) {
    needed.push({ role: "receive", server: value.server })
  }
  for (const { role, server } of uses) {
    if (needed.some((other) => other.role === role && sameServer(other.server, server))) continue
    context.background(context.pool.release(server, role))
  }
}
