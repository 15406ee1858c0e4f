import { includesVersion } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import { e2eVersions, hybridOf } from "@smpkit/ratchet"
import { type DuplexConnection, isDuplex, type ReceiveQueueHolder, type Session } from "../connection.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { AgentError } from "../errors.ts"
import { serverText } from "../failures.ts"
import { keysHash } from "../handshake.ts"
import { prepare } from "../outgoing.ts"
import { isHybrid } from "../post-quantum/setting.ts"
import type { Outcome } from "../receive.ts"
import type { Notice } from "../notice.ts"
import { replaceRatchet } from "./new-ratchet.ts"
import { maxProcessed, type PeerRatchetKey } from "./state.ts"

/** So many keys of the other side may belong to one re-synchronisation that was begun anew several times. */
const maxAnswers = 4

/**
 * The other side's new keys (agent-protocol.md, "Ratchet re-synchronisation", step 2). Only the key of the queue protects them, so whoever has that and the
 * server can send others: no re-synchronisation is silent, and where the user has compared the code, or requires post-quantum encryption, it waits for the
 * application (security.md Q1). Throws `AgentError` for what is refused.
 */
export function receiveRatchetKey(
  context: Context,
  { session }: Conversation,
  c: ReceiveQueueHolder,
  peer: PeerRatchetKey,
): Outcome {
  if (!isDuplex(c) || session === undefined)
    throw new AgentError("A_PROHIBITED", "New keys of the other side before it is connected.")
  const hash = keysHash(peer)
  const { processed } = c.resync
  // Whoever has not heard of our newest keys answers them with the same ones as before, which need not have come last. An old one that a server repeats costs one more round.
  const isAnswer =
    c.ratchetSync === "started" && processed.slice(-maxAnswers).some((other) => equalBytes(other, hash))
  const known = !isAnswer && processed.some((other) => equalBytes(other, hash))
  const isAsked = c.resync.asked !== undefined && equalBytes(keysHash(c.resync.asked), hash)
  if (known || isAsked) return { changes: {}, head: "done" }
  if (!includesVersion(e2eVersions, peer.version))
    throw new AgentError("A_VERSION", "New keys of another end-to-end version.")
  if (processed.length >= maxProcessed)
    throw new AgentError(
      "A_PROHIBITED",
      "The other side re-synchronises again and again: make a new connection.",
    )
  if (c.ratchetSync === "agreed") return tooEarly(c, peer)
  if (c.ratchetSync !== "started" && (c.verified || c.postQuantum === "required")) return ask(c, peer)
  return { changes: replaceRatchet(context, c, session, peer), head: "done" }
}

/** Keys that do not belong to those that were agreed: the other side may not have got ours. The application answers them. */
function tooEarly(c: DuplexConnection, peer: PeerRatchetKey): Outcome {
  const message =
    "The other side has begun a re-synchronisation anew before the last one was complete: call synchronizeRatchet."
  return {
    changes: {
      connection: { ...c, ratchetSync: "required", resync: { ...c.resync, asked: peer } },
      notices: [error(c, message), { type: "ratchetSync", connectionId: c.id, state: "required" }],
    },
    head: "done",
  }
}

/** The ratchet stays as it is until the application has decided. */
function ask(c: DuplexConnection, peer: PeerRatchetKey): Outcome {
  const message =
    "The other side asks for new keys, as after a restored backup; somebody else who has broken into its queue could ask as well. " +
    "Ask it by another way, then call synchronizeRatchet and compare the security code again."
  const connection = { ...c, ratchetSync: "allowed", resync: { ...c.resync, asked: peer } } as const
  return {
    changes: {
      connection,
      notices: [error(c, message), { type: "ratchetSync", connectionId: c.id, state: "allowed" }],
    },
    head: "done",
  }
}

function error(c: DuplexConnection, message: string): Notice {
  return {
    type: "error",
    connectionId: c.id,
    code: "A_CRYPTO",
    message,
    server: serverText(c.receive.server),
  }
}

/**
 * EREADY (step 4): the side that had no sending chain answers with its own. So does one whose directions have both become hybrid with it, as
 * the other side's become so only with the next message. Anything else needs no answer.
 */
export function receiveReady(
  context: Context,
  c: ReceiveQueueHolder,
  before: Session,
  session: Session,
): Outcome {
  const isFirst = before.ratchet.sending === undefined
  const isNowHybrid = isHybrid(session.ratchet) && !hybridOf(before.ratchet).receiving
  if (!isDuplex(c) || c.sendLocked || !(isFirst || isNowHybrid)) return { changes: {}, head: "done" }
  const ready = prepare(context, c, session, { type: "EREADY", lastDecrypted: session.lastReceivedId })
  return { changes: { session: ready.session, outgoing: [ready.item] }, head: "done" }
}
