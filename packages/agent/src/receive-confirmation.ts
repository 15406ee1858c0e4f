import { equalBytes } from "@smpkit/crypto"
import { hybridOf, type RatchetState } from "@smpkit/ratchet"
import type { Confirmation, Connection, ReceiveQueueHolder, Session } from "./connection.ts"
import type { Context } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import type { AgentEnvelope } from "./envelopes.ts"
import { AgentError } from "./errors.ts"
import { serverText } from "./failures.ts"
import { keysHash, readConfirmation } from "./handshake.ts"
import { decryptContent, type QueueMessage } from "./open.ts"
import { prepare } from "./outgoing.ts"
import type { QueuePeer } from "./queues.ts"
import { hybridNotices, isHybrid } from "./post-quantum/setting.ts"
import type { Outcome } from "./receive.ts"
import type { Notice } from "./notice.ts"

type Envelope = Extract<AgentEnvelope, { readonly type: "AgentConfirmation" }>

/** More answers than this to one invitation are not kept. */
const maxConfirmations = 8

/** The first confirmation on a queue: somebody's answer to our invitation, or the initiator's answer to ours. */
export function receiveConfirmation(
  context: Context,
  conversation: Conversation,
  c: ReceiveQueueHolder,
  opened: QueueMessage,
  envelope: Envelope,
): Outcome {
  if (opened.header.type === "_" && c.receive.mode !== "messaging") {
    throw new AgentError("A_PROHIBITED", "A confirmation without the key that this queue needs.")
  }
  if (c.state === "invited") return firstAnswer(context, c, opened, envelope)
  if (c.state === "joined") return initiatorsAnswer(context, conversation, c, opened, envelope)
  throw new AgentError("A_PROHIBITED", "A confirmation in a state of the connection that needs none.")
}

function firstAnswer(
  context: Context,
  c: Connection & { readonly state: "invited" },
  opened: QueueMessage,
  envelope: Envelope,
): Outcome {
  const confirmation = readConfirmation(c, opened, envelope, {
    random: context.random,
    now: context.clock.now(),
  })
  const { queueKey: key, queueSecret: secret, peerKeys, agentVersion } = confirmation
  return {
    changes: {
      connection: {
        ...c,
        state: "requested",
        agentVersion,
        peerKeys,
        receive: { ...c.receive, peer: { key, secret } },
        confirmations: [confirmation],
        asked: false,
      },
      notices: [confirmationNotice(c.id, confirmation)],
    },
    head: "done",
  }
}

/** Step 10: only now does the joiner know that it speaks with the creator of the link (design.md N3, security.md Q4). */
function initiatorsAnswer(
  context: Context,
  conversation: Conversation,
  c: Connection & { readonly state: "joined" },
  { header, newPeer }: QueueMessage,
  envelope: Envelope,
): Outcome {
  const { session } = conversation
  if (session === undefined || newPeer === undefined)
    throw new TypeError("a joined connection without a session")
  const result = decryptContent(session.ratchet, envelope.sealed, {
    random: context.random,
    now: context.clock.now(),
  })
  if (result.type === "failed") {
    const message =
      "The answer does not come from whoever made the link: somebody read the link and answers in their place. " +
      "Tell the other side by another way, and make a new connection there."
    return { changes: {}, head: "done", close: { code: "NOT_AUTHENTIC", message } }
  }
  if (envelope.parameters !== undefined) {
    throw new AgentError("A_PROHIBITED", "An answer with new keys where the agreed ones are used.")
  }
  const { content } = result
  if (content?.type !== "AgentConnInfo") throw new AgentError("A_PROHIBITED", "An answer that is none.")
  const answered = { ...session, ratchet: result.ratchet, lastReceivedId: 1, lastReceivedHash: result.hash }
  const lost = lostNotices(c, session.ratchet, result.ratchet)
  const info: Notice = { type: "info", connectionId: c.id, info: content.info }
  const receive = { ...c.receive, peer: newPeer }
  if (header.type === "_") {
    return {
      changes: {
        connection: { ...c, state: "connected", receive },
        session: answered,
        notices: [...lost, info, connectedNotice(c.id, answered)],
      },
      head: "done",
    }
  }
  // Slow handshake: our queue gets the sender's key, then our HELLO goes out.
  const greeting = {
    ...c,
    state: "greeting",
    answer: false,
    receive: { ...receive, securing: { type: "pending", senderKey: header.senderKey } },
  } as const
  const hello = prepare(context, greeting, answered, { type: "HELLO" })
  return {
    changes: {
      connection: greeting,
      session: hello.session,
      outgoing: [hello.item],
      notices: [...lost, info],
    },
    head: "done",
  }
}

/** A further confirmation: the same one again, or somebody else's (security.md Q4). */
export function repeatedConfirmation(
  context: Context,
  conversation: Conversation,
  c: ReceiveQueueHolder,
  opened: QueueMessage,
  envelope: Envelope,
): Outcome {
  const nothing: Outcome = { changes: {}, head: "done" }
  const { parameters } = envelope
  if (c.role === "joiner" || parameters === undefined) return nothing
  const keys = keysHash(parameters)
  if (c.peerKeys !== undefined && equalBytes(keys, c.peerKeys)) return nothing
  const warning: Notice = {
    type: "error",
    connectionId: c.id,
    code: "SECOND_CONFIRMATION",
    message:
      "A second party has answered this link: somebody else has read it. Compare the security code with the other side by another way before you trust this connection.",
    server: serverText(c.receive.server),
  }
  if (c.state !== "requested") return { changes: { notices: [warning] }, head: "done" }
  if (c.confirmations.some(({ peerKeys }) => equalBytes(peerKeys, keys))) return nothing
  if (c.confirmations.length >= maxConfirmations) return { changes: { notices: [warning] }, head: "done" }
  const confirmation = readConfirmation(c, opened, envelope, {
    random: context.random,
    now: context.clock.now(),
  })
  const [first, ...others] = c.confirmations
  return {
    changes: {
      connection: { ...c, confirmations: [first, ...others, confirmation], asked: false },
      notices: [warning, confirmationNotice(conversation.id, confirmation)],
    },
    head: "done",
  }
}

/** The event of a handshake that is complete. */
export function connectedNotice(connectionId: string, { ratchet }: Session): Notice {
  return { type: "connected", connectionId, postQuantum: hybridOf(ratchet).sending }
}

/** What the answer takes away: its own direction and ours are told by `connected`, but an end is not silent (security.md Q6). */
function lostNotices(c: Connection, before: RatchetState, after: RatchetState): readonly Notice[] {
  const notices: Notice[] = []
  if (hybridOf(before).sending && !hybridOf(after).sending)
    notices.push(...hybridNotices(c.id, before, after))
  if (c.postQuantum === "required" && !isHybrid(after)) {
    notices.push({
      type: "error",
      connectionId: c.id,
      code: "POST_QUANTUM",
      message:
        "The other side has answered without post-quantum encryption, which this connection requires: messages are held, and none is accepted.",
      server: "receive" in c ? serverText(c.receive.server) : undefined,
    })
  }
  return notices
}

function confirmationNotice(connectionId: string, { id, info, replyQueue, session }: Confirmation): Notice {
  return {
    type: "confirmation",
    connectionId,
    confirmationId: id,
    info,
    postQuantum: hybridOf(session.ratchet).sending,
    servers: [serverText(replyQueue.server)],
  }
}

/** The secret of a queue's confirmation. */
export function peerOf({ queueKey: key, queueSecret: secret }: Confirmation): QueuePeer {
  return { key, secret }
}
