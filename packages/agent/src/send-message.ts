import type { Bytes } from "@smpkit/codec"
import { type DuplexConnection, isDuplex } from "./connection.ts"
import type { Context } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import { AgentError } from "./errors.ts"
import { prepare } from "./outgoing.ts"
import { holdMessage } from "./post-quantum/hold.ts"
import { mayLeave } from "./post-quantum/setting.ts"
import { goesByItself } from "./resynchronize/restored-copy.ts"
import { sendsOwnKey } from "./seal.ts"
import type { StoreTx } from "./store/index.ts"
import { earlyMessagesVersion } from "./version.ts"

/** What the application knows a message by, and whether a KEM secret is in its key. */
export interface StoredMessage {
  readonly messageId: number
  readonly postQuantum: boolean
}

/** Writes an application's own records in the transaction that stores a message. Runs once, at once, and may not throw. */
export type WriteAlongside = (tx: StoreTx, message: { readonly messageId: number }) => void

/**
 * Encrypts a message and stores it for sending; resolves when ciphertext and ratchet are on disk. Where post-quantum encryption is required and not on, the
 * message is held until it is. Throws `AgentError` NOT_CONNECTED, SEND_LOCKED, DELETED, LARGE, POST_QUANTUM, STORE.
 */
export async function storeMessage(
  context: Context,
  conversation: Conversation,
  body: Bytes,
  alongside?: WriteAlongside,
): Promise<StoredMessage> {
  const connection = sendable(conversation)
  const { session } = conversation
  if (session === undefined) throw new TypeError("a connection that may send has a session")
  if (!mayLeave(connection, session.ratchet))
    return {
      messageId: await holdMessage(context, conversation, session, body, alongside),
      postQuantum: true,
    }
  const messageId = session.nextMessageId
  const prepared = prepare(context, connection, session, { type: "A_MSG", body })
  const { sealed, item } = prepared
  const { hash, sndMsgId, hybrid } = sealed
  await conversation.save({
    session: prepared.session,
    outgoing: [item],
    sent: { sndMsgId, record: { messageId, hash, created: item.created } },
    also: (tx) => alongside?.(tx, { messageId }),
  })
  return { messageId, postQuantum: hybrid }
}

/** Both queues exist and the application may send; the connection, narrowed, or the reason why not. */
export function sendable(conversation: Conversation): DuplexConnection {
  const c = conversation.connection
  const where = { connectionId: c.id }
  if (c.sendLocked && c.ratchetSync !== "started" && !goesByItself(c)) {
    throw new AgentError(
      "SEND_LOCKED",
      "This store came back from a copy: call synchronizeRatchet before sending.",
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
