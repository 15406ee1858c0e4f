import type { Context } from "./context.ts"
import { continueRequest } from "./contact/ask.ts"
import type { Conversation } from "./conversation.ts"
import { abandon } from "./invite.ts"
import { isAgentError } from "./errors.ts"
import { isTemporary } from "./failures.ts"
import { continueJoin } from "./join.ts"
import type { Registry } from "./registry.ts"
import { resolve } from "./short-links/resolve.ts"

/**
 * One attempt to get on with a link, from wherever an earlier one ended. Throws `AgentError`; after a temporary one the connection stays, with its keys, and
 * goes on; after a permanent one it is gone, unless its key may be on the other side's queue.
 */
export async function proceed(
  context: Context,
  registry: Registry,
  conversation: Conversation,
): Promise<void> {
  try {
    await resolve(context, conversation)
    await continueRequest(context, registry, conversation)
    await continueJoin(context, registry, conversation)
  } catch (error) {
    // Whose key is on the other side's queue goes on with it when what was wrong is put right, as a server's password.
    const isBegun = conversation.connection.state === "joining"
    const isOver = isAgentError(error) && !isTemporary(error) && !isBegun
    if (isOver && conversation.active && !context.closing.signal.aborted)
      await abandon(context, registry, conversation)
    throw error
  }
}
