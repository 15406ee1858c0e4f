import { generateKeyPair } from "@smpkit/crypto"
import { type QueueUri, sameServer, type ServerAddress } from "@smpkit/smp"
import type { Success } from "@smpkit/client"
import { requestingState } from "../contact/ask.ts"
import { begunWith, isAsking, shortLinkOrigin } from "../contact/origin.ts"
import { contactTables } from "../contact/contact-tables.ts"
import type { Connection } from "../connection.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { AgentError } from "../errors.ts"
import { asAgentError, serverText } from "../failures.ts"
import { newConnection } from "../invite.ts"
import { alreadyKnown, type JoinOptions, joiningState } from "../join.ts"
import type { ConnectionLink } from "../links.ts"
import { listRecords, putRecord } from "../records.ts"
import type { Registry } from "../registry.ts"
import { assertLinks } from "./link-versions.ts"
import type { FixedLinkData, UserLinkData } from "./link-data.ts"
import { ownLinkTable } from "./own-link.ts"
import { linkKeys, openLinkData } from "./sealed-link-data.ts"
import type { ShortLink } from "./short-link.ts"

type Resolving = Connection & { readonly state: "resolving" }

/**
 * Starts to join with a short link, or goes on with an earlier attempt. The key that LKEY sets on an invitation's queue is stored before anything is
 * sent, and never changes (connection-links.md, "Resolving"). Throws `AgentError` LINK_ALREADY_USED, PROHIBITED.
 */
export async function startResolving(
  context: Context,
  registry: Registry,
  id: string,
  { link, info, postQuantum }: JoinOptions & { readonly link: ShortLink },
): Promise<Conversation> {
  assertForeign(context, link)
  const origin = shortLinkOrigin(link)
  const isInvitation = link.type === "invitation"
  for (const one of begunWith(context, registry, origin)) {
    const again = one.connection.state === "resolving" || registry.joins.mayRepeat(one.id)
    if (again || (isInvitation ? one.connection.state === "joining" : isAsking(one.connection))) return one
    if (isInvitation) throw alreadyKnown(one.id)
  }
  const senderKey = isInvitation ? generateKeyPair("ed25519", context.random) : undefined
  return await registry.create(
    {
      ...newConnection(context, id, isInvitation ? "joiner" : "initiator", postQuantum),
      state: "resolving",
      link,
      senderKey,
      info,
    },
    (tx) => {
      putRecord(tx, contactTables.origin, id, origin)
    },
  )
}

/** Own links lead to nobody. */
function assertForeign({ store }: Context, link: ShortLink): void {
  const origin = shortLinkOrigin(link).join()
  for (const { key, value } of listRecords(store, ownLinkTable)) {
    if (shortLinkOrigin(value.link).join() === origin) throw alreadyKnown(key)
  }
}

/**
 * Gets the data of a short link, checks it, and makes of it what the long link would have begun. Throws `AgentError`; after a temporary one the
 * connection stays and goes on, with the same key.
 */
export async function resolve(context: Context, conversation: Conversation): Promise<void> {
  const c = conversation.connection
  if (c.state !== "resolving") return
  const answer = await requestData(context, c)
  const data = openLinkData(c.link, answer.senderId, answer)
  // It may have changed meanwhile.
  const now = conversation.connection
  if (now.state !== "resolving" || !conversation.active) return
  const connection = nextState(context, now, data)
  await conversation.save({ connection })
}

async function requestData(context: Context, c: Resolving): Promise<Success<"LGET">> {
  const { link, senderKey: key } = c
  try {
    const client = await context.pool.client(link.server, "send")
    assertLinks(client)
    if (link.type === "contact") {
      const { linkId } = linkKeys("contact", link.linkKey)
      if (linkId === undefined) throw new TypeError("an address whose key names no data")
      return await client.request({ type: "LGET" }, { entityId: linkId })
    }
    if (key === undefined) throw new TypeError("an invitation without the key that answers it")
    return await client.request({ type: "LKEY", senderKey: key.publicKey }, { entityId: link.linkId, key })
  } catch (error) {
    const failure = asAgentError(error, link.server, c.id)
    throw failure.code === "AUTH" ? refusal(link, failure) : failure
  }
}

function refusal({ type, server }: ShortLink, cause: AgentError): AgentError {
  const detail = { server: serverText(server), cause }
  return type === "invitation"
    ? new AgentError(
        "LINK_ALREADY_USED",
        "Somebody else has used this link before, or it was taken back: ask for a new one.",
        detail,
      )
    : new AgentError(
        "AUTH",
        "The server knows no such address: it was deleted, or its short link was. Ask for a new link.",
        detail,
      )
}

interface Data {
  readonly fixed: FixedLinkData
  readonly user: UserLinkData
}

function nextState(context: Context, c: Resolving, { fixed, user }: Data): Connection {
  const { link, senderKey, info, ...common } = c
  const request = withServer(fixed.request, link.server)
  if (request.type === "invitation" && senderKey !== undefined) {
    const { send, ...joining } = joiningState(context, common, request, info)
    // LKEY has set the key, which only a messaging queue takes.
    return {
      ...joining,
      send: { ...send, info: { ...send.info, mode: "messaging" }, authKey: senderKey, secured: true },
    }
  }
  if (user.type !== "contact" || !user.direct) {
    throw new AgentError(
      "NOT_SUPPORTED",
      "This address is reached by way of others, as those of large groups are, which this release does not do.",
      { connectionId: c.id },
    )
  }
  return requestingState(context, common, request, info)
}

/** connection-links.md, "Resolving", step 6: the link's own server counts. */
function withServer(request: ConnectionLink, server: ServerAddress): ConnectionLink {
  const [first, ...others] = request.queues
  if (sameServer(first.server, server)) return request
  const queue: QueueUri = { ...first, server }
  return { ...request, queues: [queue, ...others] }
}
