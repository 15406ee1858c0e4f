import type { DuplexConnection, Session } from "./connection.ts"
import type { Bytes } from "@smpkit/codec"
import type { RatchetState } from "@smpkit/ratchet"
import type { Context } from "./context.ts"
import { wishOf } from "./post-quantum/setting.ts"
import type { AgentMessage } from "./messages.ts"
import type { SendQueue } from "./queues.ts"
import type { Outgoing } from "./records.ts"
import {
  encryptConfirmation,
  sealConfirmation,
  sealMessage,
  type SealedMessage,
  sendsOwnKey,
} from "./seal.ts"

/** An agent message, sealed and ready to be stored together with the session that it leaves behind. */
export interface Prepared {
  readonly session: Session
  readonly item: Outgoing
  readonly sealed: SealedMessage
}

type Kind = Extract<AgentMessage["type"], Outgoing["type"]>

/**
 * Seals a message of the kinds that this agent sends. `messageId` of an A_MSG was given to the application before, if it waited. The application's wish
 * for post-quantum encryption goes with its messages, and with all where it is required, so that it can begin. Throws `AgentError LARGE`.
 */
export function prepare(
  context: Context,
  connection: DuplexConnection,
  session: Session,
  message: Extract<AgentMessage, { readonly type: Kind }>,
  messageId?: number,
): Prepared {
  const { agentVersion, send } = connection
  const isMessage = message.type === "A_MSG"
  const postQuantum = isMessage || connection.postQuantum === "required" ? wishOf(connection) : undefined
  const sealed = sealMessage(session, send, { agentVersion, message, random: context.random, postQuantum })
  const isNew = isMessage && messageId === undefined
  return {
    session: isNew ? { ...sealed.session, nextMessageId: session.nextMessageId + 1 } : sealed.session,
    sealed,
    item: {
      type: message.type,
      sndMsgId: sealed.sndMsgId,
      messageId: isMessage ? (messageId ?? session.nextMessageId) : undefined,
      created: context.clock.now(),
      notification: isMessage || message.type === "HELLO" || message.type === "EREADY",
      signed: true,
      body: sealed.body,
    },
  }
}

/**
 * A side's confirmation, its first item. Where it has to carry our key for the queue, which is chosen when the server is reached, it is a draft.
 * Throws `AgentError LARGE`.
 */
export function prepareConfirmation(
  context: Context,
  ratchet: RatchetState,
  send: SendQueue,
  content: Parameters<typeof encryptConfirmation>[2],
): { readonly ratchet: RatchetState; readonly hash: Bytes; readonly item: Outgoing } {
  const common = { sndMsgId: 1, messageId: undefined, created: context.clock.now(), notification: true }
  if (sendsOwnKey(send)) {
    const { body, ...sealed } = sealConfirmation(ratchet, send, { ...content, random: context.random })
    return { ...sealed, item: { ...common, type: "confirmation", signed: true, body } }
  }
  const { envelope, ...encrypted } = encryptConfirmation(ratchet, send, content)
  return { ...encrypted, item: { ...common, type: "draft", signed: false, body: envelope } }
}
