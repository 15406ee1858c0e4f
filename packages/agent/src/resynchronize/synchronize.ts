import { isDuplex } from "../connection.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { AgentError } from "../errors.ts"
import { releaseHeld } from "../post-quantum/hold.ts"
import { resyncVersion } from "../version.ts"
import { replaceRatchet } from "./new-ratchet.ts"
import { newKeys, prepareRatchetKey } from "./ratchet-key.ts"

/**
 * Starts a re-synchronisation, or answers one that waits for the application (agent-protocol.md, "Ratchet re-synchronisation", step 1; security.md Q1). It is
 * stored for sending when this resolves. Throws `AgentError` NOT_CONNECTED, NOT_SUPPORTED, PROHIBITED, POST_QUANTUM, STORE.
 */
export async function synchronizeRatchet(
  context: Context,
  conversation: Conversation,
  { force }: { readonly force: boolean },
): Promise<void> {
  const { connection: c, session } = conversation
  const where = { connectionId: c.id }
  if (!isDuplex(c) || c.state !== "connected" || session === undefined)
    throw new AgentError("NOT_CONNECTED", "Wait for the event `connected` before that.", where)
  const { asked } = c.resync
  if (asked !== undefined) {
    await conversation.saveAndShow(replaceRatchet(context, c, session, asked))
    await releaseHeld(context, conversation)
    return
  }
  if (c.agentVersion < resyncVersion)
    throw new AgentError(
      "NOT_SUPPORTED",
      "The other side's release cannot re-synchronise: make a new connection.",
      where,
    )
  const isOpen = c.sendLocked || c.ratchetSync === "allowed" || c.ratchetSync === "required"
  // With `force` anew where it has begun: what was sent, or the answer to it, may be lost.
  if (!force && (c.ratchetSync === "started" || !isOpen)) {
    throw new AgentError(
      "PROHIBITED",
      c.ratchetSync === "started"
        ? "It has begun: the other side has to answer. Messages are held until then. `force` begins anew, where no answer comes."
        : "The ratchets are in step, so there is nothing to re-synchronise. `force` does it all the same.",
      where,
    )
  }
  const { version } = session.ratchet
  const own = newKeys(context, c, version)
  const key = prepareRatchetKey(context, c, session, version, own)
  await conversation.saveAndShow({
    connection: { ...c, ratchetSync: "started", resync: { ...c.resync, own } },
    session: key.session,
    outgoing: [key.item],
    notices: [{ type: "ratchetSync", connectionId: c.id, state: "started" }],
  })
}
