import type { ServerRole } from "@smpkit/client"
import type { ServerAddress } from "@smpkit/smp"
import type { Connection } from "./connection.ts"
import type { Context } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import { serverText } from "./failures.ts"
import { listRecords, tables } from "./records.ts"

/** A connection that is made to a server. */
export interface ServerUse {
  readonly role: ServerRole
  readonly server: ServerAddress
}

/** One object for each use, whoever uses it: many connections have few servers. */
export class ServerUses {
  readonly #all = new Map<string, ServerUse>()

  of(role: ServerRole, server: ServerAddress): ServerUse {
    const key = `${role} ${serverText(server)}`
    let use = this.#all.get(key)
    if (use === undefined) {
      use = { role, server }
      this.#all.set(key, use)
    }
    return use
  }

  /** What the queues of a connection need, also those that are to be made or found; not one that it moves to. */
  ofConnection(c: Connection): readonly ServerUse[] {
    const uses: ServerUse[] = []
    if ("receive" in c) uses.push(this.of("receive", c.receive.server))
    if ("queue" in c) uses.push(this.of("receive", c.queue.server))
    if ("send" in c) uses.push(this.of("send", c.send.info.server))
    if ("address" in c) uses.push(this.of("send", c.address.server))
    if ("link" in c) uses.push(this.of("send", c.link.server))
    return uses
  }
}

/** The servers of a connection's queues, also of those that are to be made or found, or move. */
export function serversOf(
  servers: ServerUses,
  { outline: { uses }, moves }: Conversation,
): readonly ServerUse[] {
  const { receive, send } = moves
  if (!moves.going) return uses
  return [
    ...uses,
    ...(receive === undefined ? [] : [servers.of("receive", receive.queue.server)]),
    ...(send.move === undefined ? [] : [servers.of("send", send.move.queue.info.server)]),
  ]
}

/** Gives up connections to servers that neither one of `conversations` nor a queue that is to be deleted needs any more. */
export function releaseUnused(
  context: Context,
  uses: readonly ServerUse[],
  conversations: Iterable<Conversation>,
): void {
  const { servers } = context
  const unused = new Set(uses.map(({ role, server }) => servers.of(role, server)))
  for (const conversation of conversations) {
    for (const use of serversOf(servers, conversation)) unused.delete(use)
    if (unused.size === 0) return
  }
  for (const { value } of listRecords(context.store, tables.removal)) {
    unused.delete(servers.of("receive", value.server))
  }
  for (const { role, server } of unused) context.background(context.pool.release(server, role))
}
