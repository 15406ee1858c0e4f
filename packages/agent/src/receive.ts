import { type Bytes, WireError } from "@smpkit/codec"
import { boxKey, CryptoError, equalBytes } from "@smpkit/crypto"
import { openMessageBody, type ReceivedMessage } from "@smpkit/smp"
import { acknowledgeHead, maxUnacknowledged } from "./acknowledge.ts"
import { type Connection, isDuplex, type ReceiveQueueHolder } from "./connection.ts"
import { receiveRequest } from "./contact/receive-request.ts"
import type { Context } from "./context.ts"
import type { Changes, Delivered } from "./changes.ts"
import type { Conversation } from "./conversation.ts"
import { AgentError, isAgentError } from "./errors.ts"
import { serverText } from "./failures.ts"
import { messageEvent } from "./message-event.ts"
import { openQueueMessage } from "./open.ts"
import { prepare } from "./outgoing.ts"
import { releaseHeld } from "./post-quantum/hold.ts"
import { mayEncrypt } from "./resynchronize/may-encrypt.ts"
import type { Notice } from "./notice.ts"
import { receiveConfirmation, repeatedConfirmation } from "./receive-confirmation.ts"
import { receiveAgentMessage } from "./receive-message.ts"
import { receiveRatchetKey } from "./resynchronize/receive-ratchet-key.ts"
import { closeConnection } from "./removal.ts"
import { countedTest } from "./rotation/early-test.ts"
import { placed, sourceOf } from "./rotation/second-queue.ts"

/** What a received message changes, and whether the server may forget it at once or waits for the application. */
export interface Outcome {
  readonly changes: Changes
  /** `parked`: neither stored nor acknowledged. */
  readonly head: "done" | "parked"
  /** The handshake failed in a way that ends the connection. */
  readonly close?: { readonly code: "NOT_AUTHENTIC"; readonly message: string }
  /** The other side has made room in its queue. */
  readonly resume?: boolean
  /** Its sender knows the queue's secret. */
  readonly opened?: boolean
}

/**
 * Takes one message through all layers; everything that it changes is one transaction, and its effects come after that
 * (agent-protocol.md, "Order of effects"). Whatever a message holds, the queue goes on.
 */
export async function receive(
  context: Context,
  conversation: Conversation,
  message: Delivered,
  resume: () => void,
): Promise<void> {
  const source = sourceOf(conversation, message.recipientId)
  if (source === undefined || !conversation.wanted) return
  const { connection: c, lane } = source
  const before = lane.head
  if (before !== undefined && equalBytes(before.smpMsgId, message.msgId)) {
    // Delivered again after a drop: shown in this run or at its start, or waiting for its ACK.
    if (before.type === "done") await acknowledgeHead(context, conversation, lane)
    return
  }
  const outcome = countedTest(
    conversation,
    placed(context, conversation, source, outcomeOf(context, conversation, c, message)),
  )
  if (outcome.close !== undefined) {
    await closeConnection(context, conversation, outcome.close.code, outcome.close.message)
    return
  }
  if (outcome.head === "parked") {
    conversation.parked = message
    return
  }
  const { incoming } = outcome.changes
  const held = incoming !== undefined && conversation.messages.unacknowledgedCount + 1 >= maxUnacknowledged
  const head = { type: held ? "shown" : "done", smpMsgId: message.msgId } as const
  conversation.storing = true
  const stored = await conversation.save({ ...outcome.changes, head, lane }).finally(() => {
    conversation.storing = false
  })
  if (incoming !== undefined) await context.events.push(messageEvent(conversation.id, incoming, false))
  await context.emit(stored)
  await releaseHeld(context, conversation)
  conversation.moves.kick()
  if (!held) await acknowledgeHead(context, conversation, lane)
  // Only now: an attempt before the ACK of a quota marker would find the other side as full as before.
  if (outcome.resume === true) resume()
}

function outcomeOf(
  context: Context,
  conversation: Conversation,
  c: ReceiveQueueHolder,
  { msgId, body }: Delivered,
): Outcome {
  try {
    const received = openServerLayer(c, msgId, body)
    switch (received.type) {
      case "quota":
        return quotaMarker(context, conversation, c)
      case "message":
        return bodyOutcome(context, conversation, c, { msgId, time: received.time, body: received.body })
      default:
        return received satisfies never
    }
  } catch (error) {
    if (isAgentError(error)) return refused(c, error)
    throw error
  }
}

function openServerLayer(c: ReceiveQueueHolder, msgId: Bytes, body: Bytes): ReceivedMessage {
  try {
    return openMessageBody(boxKey(c.receive.serverSecret), msgId, body)
  } catch (error) {
    if (error instanceof CryptoError || error instanceof WireError) {
      throw new AgentError("A_CRYPTO", "The server delivered a message that its own key does not open.", {
        cause: error,
      })
    }
    throw error
  }
}

/** agent-protocol.md, "Acceptance by (queue has secret, public header has key)". */
function bodyOutcome(
  context: Context,
  conversation: Conversation,
  c: ReceiveQueueHolder,
  message: { readonly msgId: Bytes; readonly time: number; readonly body: Bytes },
): Outcome {
  if (c.state === "address") return receiveRequest(context, c, message.body)
  // Two parties answered: their messages wait until the application has chosen (security.md Q4).
  const undecided = c.state === "requested" && c.confirmations.length > 1
  const opened = openQueueMessage(c.receive, message.body)
  const { envelope, newPeer } = opened
  if (newPeer !== undefined) {
    if (envelope.type !== "AgentConfirmation") {
      throw new AgentError("A_PROHIBITED", "A message with a new key that is no confirmation.")
    }
    const first = c.receive.peer === undefined
    return first
      ? receiveConfirmation(context, conversation, c, opened, envelope)
      : repeatedConfirmation(context, conversation, c, opened, envelope)
  }
  if (undecided) return { changes: {}, head: "parked" }
  switch (envelope.type) {
    case "AgentMsgEnvelope":
      if (opened.header.type !== "_")
        throw new AgentError("A_PROHIBITED", "A message with a key where none belongs.")
      return { ...receiveAgentMessage(context, conversation, c, envelope, message), opened: true }
    case "AgentRatchetKey":
      if (opened.header.type !== "_")
        throw new AgentError("A_PROHIBITED", "New keys with a key where none belongs.")
      return receiveRatchetKey(context, conversation, c, envelope.parameters)
    case "AgentConfirmation":
    case "AgentInvitation":
      throw new AgentError("A_PROHIBITED", "An envelope that does not belong on this queue.")
    default:
      return envelope satisfies never
  }
}

/** The queue was full and is empty now: the other side hears so (agent-protocol.md, "Receiving and acknowledging"). */
function quotaMarker(context: Context, conversation: Conversation, c: Connection): Outcome {
  const { session } = conversation
  if (!isDuplex(c) || session === undefined || !mayEncrypt(c, session.ratchet))
    return { changes: {}, head: "done" }
  const { server, senderId } = c.receive
  const { hosts, port, keyHash } = server
  const prepared = prepare(context, c, session, {
    type: "A_QCONT",
    queue: { server: { hosts, port, keyHash }, senderId },
  })
  return { changes: { session: prepared.session, outgoing: [prepared.item] }, head: "done", resume: true }
}

function refused(c: ReceiveQueueHolder, error: AgentError): Outcome {
  const notice: Notice = {
    type: "error",
    connectionId: c.id,
    code: error.code,
    message: error.message,
    server: serverText(c.receive.server),
  }
  return { changes: { notices: [notice] }, head: "done" }
}
