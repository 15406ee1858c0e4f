import type { Changes } from "../changes.ts"
import { type Connection, type ConnectionCommon, isDuplex } from "../connection.ts"
import { type Context, putNotices, type StoredNotice } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { serverText } from "../failures.ts"
import type { Notice } from "../notice.ts"
import type { Registry } from "../registry.ts"
import { resyncVersion } from "../version.ts"
import { synchronizeRatchet } from "./synchronize.ts"

// A copy of a store may be behind what was sent, and two messages under one key would give both away (security.md Q2): no ratchet of it encrypts
// again. A connection gets new keys with the other side first (docs/decisions/009-moving-a-store.md).

/** The connections that are locked, by id, so that nobody looks for them among all. */
const lockedTable = "copied"

/**
 * Locks the connections of a store that came back from a copy; resolves with the events of that, which are stored. Those that had no ratchet yet have nothing
 * that could be used twice. It may be repeated after a crash.
 */
export async function lockCopy(context: Context, registry: Registry): Promise<readonly StoredNotice[]> {
  const notices: StoredNotice[] = []
  for (const conversation of registry.all()) {
    const { connection: c } = conversation
    if (c.state === "joining") notices.push(...(await giveUpJoin(context, conversation)))
    else if ((c.state === "requested" || isDuplex(c)) && !c.sendLocked)
      notices.push(...(await lock(conversation, c)))
  }
  await context.update((tx) => {
    tx.setRestored(false)
  })
  return notices
}

/** The confirmation that it would send may have been sent with other content under the same key. */
async function giveUpJoin(context: Context, conversation: Conversation): Promise<readonly StoredNotice[]> {
  const { id: connectionId } = conversation
  const message = "This agent came back from a copy that was made while it joined: ask for a new link."
  const notices = context.numbered([{ type: "closed", connectionId, code: "SEND_LOCKED", message }])
  conversation.active = false
  await context.update((tx) => {
    conversation.erase(tx)
    putNotices(tx, notices)
  })
  context.onErased(connectionId)
  return notices
}

async function lock(conversation: Conversation, c: Connection): Promise<readonly StoredNotice[]> {
  // New keys that were sent before the copy was made may have been answered: that answer does not come again.
  const removed = conversation.outgoing.filter(({ type }) => type === "AgentRatchetKey")
  for (const item of removed) conversation.outgoing.splice(conversation.outgoing.indexOf(item), 1)
  const waits = c.state === "connected" && !goesByItself(c)
  const changes: Changes = {
    connection: {
      ...c,
      sendLocked: true,
      ratchetSync: waits || c.ratchetSync === "started" ? "required" : c.ratchetSync,
      resync: { ...c.resync, own: undefined },
    },
    finished: removed.map(({ sndMsgId }) => sndMsgId),
    notices: waits ? lockedNotices(c) : [],
    also: (tx) => {
      tx.put(lockedTable, c.id, new Uint8Array(0))
    },
  }
  return await conversation.save(changes)
}

/** Whether a locked connection asks for new keys by itself: not where the user has compared the code, or requires post-quantum encryption (security.md Q1). */
export function goesByItself(c: ConnectionCommon): boolean {
  return !c.verified && c.postQuantum !== "required" && c.agentVersion >= resyncVersion
}

function lockedNotices(c: Connection): readonly Notice[] {
  if (!isDuplex(c)) return []
  const message =
    c.agentVersion >= resyncVersion
      ? "This agent came back from a copy, so this connection needs new keys before it sends: call synchronizeRatchet, and compare the security code again."
      : "This agent came back from a copy, and the other side's release cannot agree on new keys: make a new connection."
  const error = {
    type: "error",
    connectionId: c.id,
    code: "SEND_LOCKED",
    message,
    server: serverText(c.receive.server),
  } as const
  return [{ type: "ratchetSync", connectionId: c.id, state: "required" }, error]
}

/**
 * The connections of a copy ask the other side for new keys by themselves, one after another, once they are connected and where that needs nobody's consent. Called on start
 * and from time to time.
 */
export async function resynchronizeCopies(context: Context, registry: Registry): Promise<void> {
  const ids = new Set([...context.store.list(lockedTable)].map(({ key }) => key))
  if (ids.size === 0) return
  for (const conversation of registry.all()) {
    if (!ids.has(conversation.id) || !conversation.active) continue
    const { connection: c } = conversation
    if (!c.sendLocked) {
      // Receipts waited for that.
      registry.start(conversation.id)
      continue
    }
    ids.delete(conversation.id)
    if (c.state === "connected" && c.ratchetSync !== "started" && goesByItself(c))
      await synchronizeRatchet(context, conversation, { force: true })
  }
  // Those that have new keys, or are gone.
  await context.update((tx) => {
    for (const id of ids) tx.delete(lockedTable, id)
  })
}
