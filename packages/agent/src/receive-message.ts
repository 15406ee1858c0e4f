import { equalBytes } from "@smpkit/crypto"
import type { RatchetError } from "@smpkit/ratchet"
import type { Bytes } from "@smpkit/codec"
import { type Connection, isDuplex, type ReceiveQueueHolder, type Session } from "./connection.ts"
import type { Context } from "./context.ts"
import type { Changes } from "./changes.ts"
import type { Conversation } from "./conversation.ts"
import type { AgentEnvelope } from "./envelopes.ts"
import { AgentError, type AgentErrorCode } from "./errors.ts"
import { serverText } from "./failures.ts"
import type { Receipt } from "./messages.ts"
import { gapBefore } from "./gap.ts"
import { envelopeHash, openAgentMessage, type OpenedMessage } from "./open.ts"
import { prepare } from "./outgoing.ts"
import { hybridNotices } from "./post-quantum/setting.ts"
import { connectedNotice } from "./receive-confirmation.ts"
import type { Outcome } from "./receive.ts"
import type { Notice } from "./notice.ts"
import { takeQueueMessage } from "./rotation/take-message.ts"
import { mayAnswer } from "./resynchronize/may-encrypt.ts"
import { receiveReady } from "./resynchronize/receive-ratchet-key.ts"
import { agentVersions } from "./version.ts"

type Envelope = Extract<AgentEnvelope, { readonly type: "AgentMsgEnvelope" }>
type Message = Extract<OpenedMessage<Session>, { readonly type: "message" }>

/** So many messages in a row that do not decrypt mean that the ratchets are apart (security.md Q3). */
const failuresForRequired = 3

interface Source {
  readonly msgId: Bytes
  readonly time: number
}

/** An `M` envelope (agent-protocol.md, "Agent messages", "Re-delivered messages" and double-ratchet.md, "Errors and what the agent does"). */
export function receiveAgentMessage(
  context: Context,
  conversation: Conversation,
  c: ReceiveQueueHolder,
  envelope: Envelope,
  source: Source,
): Outcome {
  const session = c.state === "requested" ? c.confirmations[0].session : conversation.session
  if (session === undefined) throw new AgentError("A_PROHIBITED", "A message before any confirmation.")
  const hash = envelopeHash(envelope.sealed)
  const result = openAgentMessage(session, envelope.sealed, {
    random: context.random,
    now: context.clock.now(),
  })
  if (result.type === "failed") return failed(conversation, c, hash, result.error)
  conversation.seen.add(hash)
  const connection = afterSuccess(c, envelope.version)
  const changed = [
    ...syncNotices(c, connection),
    ...hybridNotices(c.id, session.ratchet, result.session.ratchet),
  ]
  if (result.type === "refused") {
    const refusal = new AgentError(result.code, "The other side sent something that is no agent message.")
    return {
      changes: {
        ...stored(connection, result.session),
        seen: true,
        notices: [errorNotice(c, refusal), ...changed],
      },
      head: "done",
    }
  }
  const outcome = dispatch(context, conversation, connection, result, source, session)
  return {
    ...outcome,
    changes: {
      ...stored(outcome.changes.connection ?? connection, outcome.changes.session ?? result.session),
      ...withoutState(outcome.changes),
      notices: [
        ...gapNotices(c, result, session),
        ...changed,
        ...(outcome.changes.notices ?? []),
        ...lossNotices(c, result.evicted),
      ],
      seen: true,
    },
  }
}

/** Messages of the application carry their integrity themselves. A QTEST may come early, and is counted at its turn. */
function gapNotices(
  c: ReceiveQueueHolder,
  { message, integrity }: Message,
  { ratchet }: Session,
): readonly Notice[] {
  if (message.type === "A_MSG" || (message.type === "QTEST" && integrity.type === "skipped")) return []
  const gap = gapBefore(integrity, { afterNewKeys: ratchet.receiving === undefined })
  return gap === undefined ? [] : [errorNotice(c, gap)]
}

/** Keys of missing messages that had to go are messages lost (security.md Q5). */
function lossNotices(c: ReceiveQueueHolder, evicted: number): readonly Notice[] {
  if (evicted === 0) return []
  const message = `${evicted} messages that did not arrive yet cannot be read any more: too many were missing.`
  return [errorNotice(c, new AgentError("A_CRYPTO", message))]
}

/** A change of whether the two ratchets are in step. */
function syncNotices(before: Connection, { id: connectionId, ratchetSync }: Connection): readonly Notice[] {
  if (ratchetSync === before.ratchetSync) return []
  return [{ type: "ratchetSync", connectionId, state: ratchetSync }]
}

/** Before the application has chosen, the session is part of the confirmation. */
function stored(connection: Connection, session: Session): Changes {
  if (connection.state !== "requested") return { connection, session }
  const [first, ...others] = connection.confirmations
  return { connection: { ...connection, confirmations: [{ ...first, session }, ...others] } }
}

function withoutState({ connection: _c, session: _s, ...others }: Changes): Changes {
  return others
}

function afterSuccess(c: ReceiveQueueHolder, envelopeVersion: number): ReceiveQueueHolder {
  const agentVersion = Math.max(c.agentVersion, Math.min(envelopeVersion, agentVersions.max))
  const received = { ...c, agentVersion, failures: 0 }
  // With the ratchet of a copy, what can be read says nothing about what can be sent.
  if (c.ratchetSync === "started" || c.sendLocked) return received
  const resync = c.resync.own === undefined ? c.resync : { ...c.resync, own: undefined }
  return { ...received, ratchetSync: "ok", resync }
}

function dispatch(
  context: Context,
  conversation: Conversation,
  c: ReceiveQueueHolder,
  opened: Message,
  { msgId, time }: Source,
  before: Session,
): Outcome {
  const { message, session } = opened
  switch (message.type) {
    case "A_MSG": {
      if (c.postQuantum === "required" && !opened.hybrid) return refusedPlain(c)
      const messageId = session.nextMessageId
      const { sndMsgId, hash, integrity } = opened
      return {
        changes: {
          session: { ...session, nextMessageId: messageId + 1 },
          incoming: {
            messageId,
            sndMsgId,
            smpMsgId: msgId,
            hash,
            body: message.body,
            brokerTime: time,
            integrity,
            received: context.clock.now(),
            postQuantum: opened.hybrid,
          },
        },
        head: "done",
      }
    }
    case "HELLO":
      return hello(context, c, before, session)
    case "A_RCVD":
      return receipts(conversation, c, message.receipts)
    case "A_QCONT":
      return { changes: {}, head: "done", resume: true }
    case "EREADY":
      return receiveReady(context, c, before, session)
    case "QADD":
    case "QKEY":
    case "QUSE":
    case "QTEST":
      return takeQueueMessage(context, conversation, c, opened, message)
    default:
      return message satisfies never
  }
}

/** security.md Q6. The other side does not hear of it: it may ask for a receipt in vain. */
function refusedPlain(c: ReceiveQueueHolder): Outcome {
  const error = new AgentError(
    "POST_QUANTUM",
    "A message came without post-quantum encryption, which this connection requires, and was not accepted.",
  )
  return { changes: { notices: [errorNotice(c, error)] }, head: "done" }
}

/** agent-protocol.md, "Slow handshake": HELLO goes from joiner to initiator and back, once each. */
function hello(context: Context, c: ReceiveQueueHolder, before: Session, session: Session): Outcome {
  const mayGreet = mayAnswer(c, before.ratchet, session.ratchet)
  if (
    mayGreet &&
    isDuplex(c) &&
    c.role === "initiator" &&
    (c.state === "waiting" || c.state === "accepted")
  ) {
    const greeting = { ...c, state: "greeting", answer: true } as const
    const answer = prepare(context, greeting, session, { type: "HELLO" })
    return {
      changes: { connection: greeting, session: answer.session, outgoing: [answer.item] },
      head: "done",
    }
  }
  if (isDuplex(c) && c.role === "joiner" && (c.state === "waiting" || c.state === "greeting")) {
    return {
      changes: {
        connection: { ...c, state: "connected" },
        notices: [connectedNotice(c.id, session)],
      },
      head: "done",
    }
  }
  const error = new AgentError("A_PROHIBITED", "The other side sent HELLO where none belongs.")
  return { changes: { notices: [errorNotice(c, error)] }, head: "done" }
}

/** agent-protocol.md, "Delivery receipts", sender. A receipt that came before is not found any more, and ignored. */
function receipts(conversation: Conversation, c: ReceiveQueueHolder, list: readonly Receipt[]): Outcome {
  const notices: Notice[] = []
  const forgotten: number[] = []
  for (const { sndMsgId, msgHash } of list) {
    const sent = conversation.messages.sent(sndMsgId)
    if (sent === undefined || forgotten.includes(sndMsgId)) continue
    const hashOk = equalBytes(sent.hash, msgHash)
    if (hashOk) forgotten.push(sndMsgId)
    notices.push({ type: "delivered", connectionId: c.id, messageId: sent.messageId, hashOk })
  }
  return { changes: { notices, forgotten }, head: "done" }
}

/**
 * A message that does not decrypt changes no ratchet state; one that came before is nothing to speak of. That holds for one that failed before as well:
 * a server that repeats it shall not make of one failure as many as `required` needs (security.md Q3).
 */
function failed(
  conversation: Conversation,
  c: ReceiveQueueHolder,
  hash: Bytes,
  error: RatchetError,
): Outcome {
  if (conversation.seen.has(hash)) return { changes: {}, head: "done" }
  conversation.seen.add(hash)
  const refusal = new AgentError(codeOf(error), failureText(error))
  const notices = [errorNotice(c, refusal)]
  if (refusal.code !== "A_CRYPTO") return { changes: { notices, seen: true }, head: "done" }
  const failures = Math.min(c.failures + 1, 255)
  // While keys are replaced, what was on its way under the old ones changes nothing.
  const isFixed = c.ratchetSync === "started" || c.ratchetSync === "agreed" || c.sendLocked
  const worse = c.ratchetSync === "required" || failures >= failuresForRequired ? "required" : "allowed"
  const ratchetSync = isFixed ? c.ratchetSync : worse
  const connection = { ...c, failures, ratchetSync } as const
  const changes = { connection, notices: [...notices, ...syncNotices(c, connection)], seen: true }
  return { changes, head: "done" }
}

function failureText(error: RatchetError): string {
  if (error.code === "SKIPPED") {
    return "More messages of the other side are missing than can be bridged: neither this one nor any later one can be read. Call synchronizeRatchet."
  }
  return `A message of the other side does not decrypt (${error.code}): ${error.message}. If that happens again and again, call synchronizeRatchet.`
}

function codeOf(error: RatchetError): AgentErrorCode {
  if (error.code === "MESSAGE") return "A_MESSAGE"
  return error.code === "DUPLICATE" ? "A_DUPLICATE" : "A_CRYPTO"
}

function errorNotice(c: ReceiveQueueHolder, { code, message }: AgentError): Notice {
  return { type: "error", connectionId: c.id, code, message, server: serverText(c.receive.server) }
}
