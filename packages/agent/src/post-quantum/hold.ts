import type { Bytes } from "@smpkit/codec"
import { type DuplexConnection, isDuplex, type Session } from "../connection.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { AgentError } from "../errors.ts"
import { serverText } from "../failures.ts"
import { prepare } from "../outgoing.ts"
import { deleteRecord, numberKey, putRecord } from "../records.ts"
import { maxMessageLength, tooLarge } from "../seal.ts"
import type { WriteAlongside } from "../send-message.ts"
import { type HeldMessage, heldTable } from "./held-messages.ts"
import { mayLeave } from "./setting.ts"

/** More than so many do not wait. */
const maxHeld = 256

/** Stores a message until it may leave; resolves with its `messageId` when it is on disk. Throws `AgentError` LARGE, POST_QUANTUM. */
export async function holdMessage(
  context: Context,
  conversation: Conversation,
  session: Session,
  body: Bytes,
  alongside?: WriteAlongside,
): Promise<number> {
  const { id, held, connection: c } = conversation
  const room = maxMessageLength(c.postQuantum !== "off")
  if (body.length > room) throw tooLarge(room)
  if (held.count >= maxHeld) {
    throw new AgentError(
      "POST_QUANTUM",
      "Too many messages wait: the other side has not agreed on keys that this connection may use.",
      { connectionId: id },
    )
  }
  const messageId = session.nextMessageId
  const message = { messageId, created: context.clock.now(), body: body.slice() }
  held.add(message)
  await conversation.save({
    session: { ...session, nextMessageId: messageId + 1 },
    also: (tx) => {
      putRecord(tx, heldTable, numberKey(id, messageId), message)
      alongside?.(tx, { messageId })
    },
  })
  return messageId
}

/** Encrypts what was held, once both directions are hybrid. */
export async function releaseHeld(context: Context, conversation: Conversation): Promise<void> {
  const { held } = conversation
  if (held.count === 0) return
  const { connection: c, session } = conversation
  if (session === undefined || !isDuplex(c) || !conversation.active) return
  if (!mayLeave(c, session.ratchet)) return
  await Promise.all(held.take(() => true).map((message) => release(context, conversation, c, message)))
}

/** Memory changes before this awaits, so that the next one builds on it. */
async function release(
  context: Context,
  conversation: Conversation,
  c: DuplexConnection,
  { messageId, body, created }: HeldMessage,
): Promise<void> {
  const { session } = conversation
  if (session === undefined) throw new TypeError("held messages without a session")
  const { sealed, item, session: next } = prepare(context, c, session, { type: "A_MSG", body }, messageId)
  const { hash, sndMsgId } = sealed
  await conversation.save({
    session: next,
    outgoing: [item],
    sent: { sndMsgId, record: { messageId, hash, created } },
    also: (tx) => {
      deleteRecord(tx, heldTable, numberKey(conversation.id, messageId))
    },
  })
}

/** What was held as long as messages wait for a server will not leave: the application hears so. */
export async function expireHeld(context: Context, conversation: Conversation): Promise<void> {
  const { held, id } = conversation
  if (held.count === 0) return
  const { connection: c } = conversation
  if (!conversation.active || !isDuplex(c)) return
  const limit = context.clock.now() - context.options.messageExpiryMs
  const old = held.take(({ created }) => created < limit)
  if (old.length === 0) return
  const server = serverText(c.send.info.server)
  const isRequired = c.postQuantum === "required"
  const message = isRequired
    ? "It was held too long: the other side has not agreed on post-quantum encryption, which this connection requires."
    : "It was held too long: the other side has not agreed on new keys."
  await conversation.saveAndShow({
    notices: old.map(({ messageId }) => ({
      type: "failed",
      connectionId: id,
      messageId,
      code: isRequired ? "POST_QUANTUM" : "EXPIRED",
      message,
      server,
    })),
    also: (tx) => {
      for (const { messageId } of old) deleteRecord(tx, heldTable, numberKey(id, messageId))
    },
  })
}
