import { addressLink } from "./contact/address-link.ts"
import { originOf } from "./contact/origin.ts"
import type { Context } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import { AgentError } from "./errors.ts"
import { invitationLink } from "./handshake.ts"
import { type CreatedLinks, longLink } from "./invite.ts"
import { formatLink } from "./links.ts"
import { getRecord } from "./records.ts"
import { ownLinkTable } from "./short-links/own-link.ts"
import { formatShortLink } from "./short-links/short-link.ts"

/** The links of a connection that somebody can still come by. Throws `AgentError PROHIBITED` for any other, as for one that asked at an address itself. */
export function linksOf(context: Context, { id, connection: c }: Conversation): CreatedLinks {
  const isOpen = c.state === "address" || (c.state === "invited" && originOf(context, id) === undefined)
  if (!isOpen) {
    throw new AgentError(
      "PROHIBITED",
      "Only an address, or an invitation that nobody has answered, has a link.",
      {
        connectionId: id,
      },
    )
  }
  const link =
    c.state === "address"
      ? addressLink(c.receive)
      : longLink(invitationLink(c.receive, c.x3dh), c.postQuantum)
  const own = getRecord(context.store, ownLinkTable, id)
  return { link: formatLink(link), ...(own === undefined ? {} : { shortLink: formatShortLink(own.link) }) }
}
