import type { Context } from "../context.ts"
import { makeQueueKeys } from "../handshake.ts"
import { type CreatedLinks, type CreateOptions, newConnection } from "../invite.ts"
import { formatLink } from "../links.ts"
import { createQueue } from "../new-queue.ts"
import { putRecord } from "../records.ts"
import type { Registry } from "../registry.ts"
import { chooseServer, onReachableServer } from "../server-choice.ts"
import { makeLink, ownLinkOf, ownLinkTable } from "../short-links/own-link.ts"
import { formatShortLink } from "../short-links/short-link.ts"
import { addressLink } from "./address-link.ts"

/** Makes an address, which everybody with its link can ask at. A call that fails or is cut off leaves no connection. */
export async function makeAddress(
  context: Context,
  registry: Registry,
  id: string,
  { postQuantum, userData, signal }: CreateOptions,
): Promise<CreatedLinks> {
  const planned = makeQueueKeys(chooseServer(context), context.random)
  const { queue, linkId, client, made } = await onReachableServer(context, planned, {}, async (keys) => {
    const made = userData && makeLink(keys, "contact", addressLink, userData, context.random)
    const options = { connectionId: id, signal, mode: "contact", link: made?.request } as const
    return { ...(await createQueue(context, keys, options)), made }
  })
  signal?.throwIfAborted()
  const own = made && ownLinkOf(made, queue, linkId)
  const start = newConnection(context, id, "initiator", postQuantum)
  const conversation = await registry.create({ ...start, state: "address", receive: queue }, (tx) => {
    if (own !== undefined) putRecord(tx, ownLinkTable, id, own)
  })
  await registry.watch(conversation, client)
  return {
    link: formatLink(addressLink(queue)),
    ...(own === undefined ? {} : { shortLink: formatShortLink(own.link) }),
  }
}
