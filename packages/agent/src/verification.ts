import { securityCode } from "@smpkit/ratchet"
import { isDuplex } from "./connection.ts"
import { sessionOf } from "./connection-state.ts"
import type { Conversation } from "./conversation.ts"
import { AgentError } from "./errors.ts"
import { isHybrid } from "./post-quantum/setting.ts"

/** What both users compare. Throws `AgentError NOT_CONNECTED`. */
export function codeOf(conversation: Conversation): { readonly code: string; readonly postQuantum: boolean } {
  const ratchet = sessionOf(conversation)?.ratchet
  if (ratchet === undefined) throw notConnected(conversation, "There is no code")
  return { code: securityCode(ratchet.ad), postQuantum: isHybrid(ratchet) }
}

/** Records whether the user has compared it. Throws `AgentError` NOT_CONNECTED, STORE. */
export async function storeVerified(conversation: Conversation, verified: boolean): Promise<void> {
  const { connection } = conversation
  if (!isDuplex(connection)) throw notConnected(conversation, "There is nothing to verify")
  await conversation.save({ connection: { ...connection, verified } })
}

function notConnected({ id: connectionId }: Conversation, what: string): AgentError<"NOT_CONNECTED"> {
  return new AgentError("NOT_CONNECTED", `${what} before the other side has answered.`, { connectionId })
}
