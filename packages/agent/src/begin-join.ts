import { startRequest } from "./contact/ask.ts"
import type { Context } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import { type JoinOptions, startJoin } from "./join.ts"
import { parseLink } from "./links.ts"
import type { Registry } from "./registry.ts"
import { startResolving } from "./short-links/resolve.ts"
import { looksLikeShortLink, parseShortLink } from "./short-links/short-link.ts"

/**
 * How to begin with a link of any kind, as a connection `id`, or as the one that has begun with the same link. Throws `AgentError LINK` for what is none,
 * before anything is stored.
 */
export function beginningWith(
  context: Context,
  registry: Registry,
  id: string,
  text: string,
): (options: JoinOptions) => Promise<Conversation> {
  if (looksLikeShortLink(text)) {
    const link = parseShortLink(text, context.knownServers)
    return (options) => startResolving(context, registry, id, { ...options, link })
  }
  const link = parseLink(text)
  return link.type === "contact"
    ? (options) => startRequest(context, registry, id, { ...options, link })
    : (options) => startJoin(context, registry, id, { ...options, link })
}
