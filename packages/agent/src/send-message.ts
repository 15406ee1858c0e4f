import type { Bytes } from "@smpkit/codec"
import { type DuplexConnection, isDuplex } from "./connection.ts"
import type { Context } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import { AgentError } from "./errors.ts"
import { prepare } from "./outgoing.ts"
import { sendsOwnKey } from "./seal.ts"
import { earlyMessagesVersion } from "./version.ts"

/**
 * Encrypts a message and stores it for sending; resolves, with its `messageId`, when ciphertext and ratchet are on disk.
 * Throws `AgentError` NOT_CONNECTED, SEND_LOCKED, DELETED, LARGE, STORE.
 */
export async function storeMessage(
  context: Context,
  conversation: Conversation,
  body: Bytes,
): Promise<number> {
  const connection = sendable(conversation)
  const { session } = conversation
  if (session === undefined) throw new TypeError("a connection that may send has a session")
  const messageId = session.nextMessageId
  const prepared = prepare(context, connection, session, { type: "A_MSG", body })
  const { sealed, item } = prepared
  const { hash, sndMsgId } = sealed
  await conversation.save({
    session: prepared.session,
    outgoing: [item],
    sent: { sndMsgId, record: { messageId, hash, created: item.created } },
  })
  return messageId
}

/** Both queues exist and the application may send; the connection, narrowed, or the reason why not. */
function sendable(conversation: Conversation): DuplexConnection {
  const c = conversation.connection
  const where = { connectionId: c.id }
  if (c.sendLocked) {
    throw new AgentError(
      "SEND_LOCKED",
      "This store came back from a copy: the connection must re-synchronise before it sends, or be made anew.",
      where,
    )
  }
  if (c.leaving) throw new AgentError("DELETED", "The connection is being deleted.", where)
  if (!isDuplex(c) || !maySend(c)) {
    throw new AgentError("NOT_CONNECTED", "Wait for the event `connected` before sending.", where)
  }
  return c
}

/** agent-protocol.md, "Slow handshake" (trap): whoever may still have to say HELLO holds messages back until the handshake is complete. */
function maySend(c: DuplexConnection): boolean {
  switch (c.state) {
    case "connected":
      return true
    case "accepted":
      return sendsOwnKey(c.send)
    case "joined":
      return sendsOwnKey(c.send) && c.receive.mode === "messaging" && c.agentVersion >= earlyMessagesVersion
    case "waiting":
    case "greeting":
      return false
    default:
      return c satisfies never
  }
}
