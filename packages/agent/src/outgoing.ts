import type { DuplexConnection, Session } from "./connection.ts"
import type { Context } from "./context.ts"
import type { AgentMessage } from "./messages.ts"
import type { Outgoing } from "./records.ts"
import { sealMessage, type SealedMessage } from "./seal.ts"

/** An agent message, sealed and ready to be stored together with the session that it leaves behind. */
export interface Prepared {
  readonly session: Session
  readonly item: Outgoing
  readonly sealed: SealedMessage
}

type Kind = Extract<AgentMessage["type"], Outgoing["type"]>

/** Seals a message of the kinds that this agent sends. Throws `AgentError LARGE`. */
export function prepare(
  context: Context,
  connection: DuplexConnection,
  session: Session,
  message: Extract<AgentMessage, { readonly type: Kind }>,
): Prepared {
  const { agentVersion, send } = connection
  const sealed = sealMessage(session, send, { agentVersion, message, random: context.random })
  const isMessage = message.type === "A_MSG"
  return {
    session: isMessage ? { ...sealed.session, nextMessageId: session.nextMessageId + 1 } : sealed.session,
    sealed,
    item: {
      type: message.type,
      sndMsgId: sealed.sndMsgId,
      messageId: isMessage ? session.nextMessageId : undefined,
      created: context.clock.now(),
      notification: isMessage || message.type === "HELLO",
      signed: true,
      body: sealed.body,
    },
  }
}
