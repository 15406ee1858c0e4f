import type { Bytes } from "@smpkit/codec"
import { generateKeyPair } from "@smpkit/crypto"
import type { ReceiveQueue } from "../queues.ts"
import { addressLink } from "../contact/address-link.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { AgentError } from "../errors.ts"
import { asAgentError } from "../failures.ts"
import { deleteRecord, getRecord, putRecord } from "../records.ts"
import { agentVersions } from "../version.ts"
import { assertLinks } from "./link-versions.ts"
import { newUserData, type OwnLink, ownLinkTable } from "./own-link.ts"
import { linkKeys, sealLinkData, sealUserLinkData } from "./sealed-link-data.ts"
import { formatShortLink } from "./short-link.ts"

/**
 * Replaces the user data of a short link; an address that has none gets one (connection-links.md, "Creating"). The link, once there, stays the same.
 * Throws `AgentError`: PROHIBITED, LARGE, NOT_SUPPORTED, LINK_ALREADY_USED for an invitation that somebody has joined with, AUTH, NETWORK, TIMEOUT, STORE.
 */
export async function setLinkData(
  context: Context,
  conversation: Conversation,
  userData: Bytes,
  signal: AbortSignal | undefined,
): Promise<string> {
  const queue = linkQueue(conversation)
  const own = ownLinkIn(context, conversation)
  const { link, root, fixed } = own ?? makeForAddress(context, conversation, queue)
  const { key, linkId } = linkKeys(link.type, link.linkKey)
  const sealed = sealUserLinkData(key, root, newUserData(link.type, userData), context.random)
  // Before the server has it: LSET takes no other fixed part afterwards.
  if (own === undefined)
    await context.update((tx) => {
      putRecord(tx, ownLinkTable, conversation.id, { link, root, fixed })
    })
  const place = link.type === "invitation" ? link.linkId : linkId
  if (place === undefined) throw new TypeError("an address without the id of its link")
  try {
    const client = await context.pool.client(queue.server, "receive", { signal })
    assertLinks(client)
    await client.request(
      { type: "LSET", linkId: place, fixed, user: sealed },
      { entityId: queue.recipientId, key: queue.recipientKey, signal },
    )
  } catch (error) {
    const failure = asAgentError(error, queue.server, conversation.id)
    if (failure.code !== "AUTH" || link.type !== "invitation") throw failure
    throw new AgentError(
      "LINK_ALREADY_USED",
      "Somebody has joined with this invitation: its data cannot change any more.",
      { connectionId: conversation.id, server: failure.server, cause: error },
    )
  }
  return formatShortLink(link)
}

/** Takes a short link's data from the server; the long link stays good. It may be repeated. Throws as `setLinkData`. */
export async function deleteShortLink(
  context: Context,
  conversation: Conversation,
  signal: AbortSignal | undefined,
): Promise<void> {
  const queue = linkQueue(conversation)
  if (ownLinkIn(context, conversation) === undefined) return
  try {
    await context.pool.request(
      queue.server,
      "receive",
      { type: "LDEL" },
      { entityId: queue.recipientId, key: queue.recipientKey, signal },
    )
  } catch (error) {
    throw asAgentError(error, queue.server, conversation.id)
  }
  await context.update((tx) => {
    deleteRecord(tx, ownLinkTable, conversation.id)
  })
}

function ownLinkIn({ store }: Context, { id }: Conversation): OwnLink | undefined {
  return getRecord(store, ownLinkTable, id)
}

/** The queue whose link may be changed now. */
function linkQueue({ connection: c }: Conversation): ReceiveQueue {
  if (c.state === "address" || c.state === "invited") return c.receive
  throw new AgentError(
    "PROHIBITED",
    "Only an address, or an invitation that nobody has answered, has a short link.",
    { connectionId: c.id },
  )
}

/** A link for a queue that has none; only of an address, as the keys of an invitation are in its own link already. */
function makeForAddress(context: Context, { connection: c }: Conversation, queue: ReceiveQueue): OwnLink {
  if (c.state !== "address") {
    throw new AgentError(
      "PROHIBITED",
      "An invitation gets its short link when it is made: ask for one with `short`.",
      { connectionId: c.id },
    )
  }
  const root = generateKeyPair("ed25519", context.random)
  const request = addressLink(queue)
  const { linkKey, sealed } = sealLinkData(
    root,
    { versions: agentVersions, request, linkEntityId: undefined },
    newUserData("contact", new Uint8Array(0)),
    context.random,
  )
  const { hosts, port, keyHash } = queue.server
  const server = { hosts, port, keyHash }
  return { link: { type: "contact", kind: "contact", server, linkKey }, root, fixed: sealed.fixed }
}
