import type { ServerRole } from "@smpkit/client"
import { sameServer, type ServerAddress } from "@smpkit/smp"
import type { Connection } from "./connection.ts"
import type { Context } from "./context.ts"
import { listRecords, tables } from "./records.ts"

/** A connection that is made to a server. */
export interface ServerUse {
  readonly role: ServerRole
  readonly server: ServerAddress
}

/** The servers of a connection's queues, also of those that are to be made or found. */
export function serversOf(c: Connection): readonly ServerUse[] {
  const uses: ServerUse[] = []
  if ("receive" in c) uses.push({ role: "receive", server: c.receive.server })
  if ("queue" in c) uses.push({ role: "receive", server: c.queue.server })
  if ("send" in c) uses.push({ role: "send", server: c.send.info.server })
  if ("address" in c) uses.push({ role: "send", server: c.address.server })
  if ("link" in c) uses.push({ role: "send", server: c.link.server })
  return uses
}

/** Gives up connections to servers that neither one of `connections` nor a queue that is to be deleted needs any more. */
export function releaseUnused(
  context: Context,
  uses: readonly ServerUse[],
  connections: readonly Connection[],
): void {
  const needed = connections.flatMap(serversOf)
  for (const { value } of listRecords(context.store, tables.removal)) {
    needed.push({ role: "receive", server: value.server })
  }
  for (const { role, server } of uses) {
    if (needed.some((other) => other.role === role && sameServer(other.server, server))) continue
    context.background(context.pool.release(server, role))
  }
}
