import type { Bytes } from "@smpkit/codec"
import { generateX3dhKeys } from "@smpkit/ratchet"
import type { Connection, ConnectionCommon } from "./connection.ts"
import type { Context } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import { AgentError } from "./errors.ts"
import { invitationLink, makeQueueKeys, sendQueueOf } from "./handshake.ts"
import { type ConnectionLink, formatLink } from "./links.ts"
import { createQueue } from "./new-queue.ts"
import { prepareConfirmation } from "./outgoing.ts"
import { type PostQuantumSetting, takesPart } from "./post-quantum/setting.ts"
import { peerOf } from "./receive-confirmation.ts"
import { putRecord } from "./records.ts"
import { noResync } from "./resynchronize/state.ts"
import type { Registry } from "./registry.ts"
import { chooseServer, onReachableServer } from "./server-choice.ts"
import { makeLink, ownLinkOf, ownLinkTable } from "./short-links/own-link.ts"
import { formatShortLink } from "./short-links/short-link.ts"
import { agentVersions } from "./version.ts"

/** How a connection is made. */
export interface CreateOptions {
  readonly postQuantum: Connection["postQuantum"]
  /** Of the short link; `undefined` for none. */
  readonly userData: Bytes | undefined
  readonly signal: AbortSignal | undefined
}

/** How others get to a connection. */
export interface CreatedLinks {
  readonly link: string
  readonly shortLink?: string
}

/** What every new connection starts with. */
export function newConnection(
  context: Context,
  id: string,
  role: Connection["role"],
  postQuantum: Connection["postQuantum"],
): ConnectionCommon {
  return {
    id,
    created: context.clock.now(),
    role,
    agentVersion: agentVersions.max,
    postQuantum,
    verified: false,
    receipts: false,
    ratchetSync: "ok",
    failures: 0,
    peerKeys: undefined,
    sendLocked: false,
    leaving: false,
    resync: noResync,
  }
}

/** agent-protocol.md, "Fast handshake", step 1. A call that fails or is cut off leaves no connection. */
export async function invite(
  context: Context,
  registry: Registry,
  id: string,
  { postQuantum, userData, signal }: CreateOptions,
): Promise<CreatedLinks> {
  const queue = makeQueueKeys(chooseServer(context), context.random)
  const x3dh = generateX3dhKeys(context.random, { postQuantum: offersKey(postQuantum, userData) })
  const linkOf = (own: Parameters<typeof invitationLink>[0]): ConnectionLink => invitationLink(own, x3dh)
  const start = newConnection(context, id, "initiator", postQuantum)
  const conversation = await registry.create({ ...start, state: "new", queue, x3dh })
  try {
    const { made, ...created } = await onReachableServer(context, queue, {}, async (keys) => {
      if (keys !== queue)
        await conversation.save({ connection: { ...start, state: "new", queue: keys, x3dh } })
      const made = userData && makeLink(keys, "invitation", linkOf, userData, context.random)
      const options = { connectionId: id, signal, link: made?.request }
      return { ...(await createQueue(context, keys, options)), made }
    })
    signal?.throwIfAborted()
    const own = made && ownLinkOf(made, created.queue, created.linkId)
    await conversation.save({
      connection: { ...start, state: "invited", receive: created.queue, x3dh },
      also: (tx) => {
        if (own !== undefined) putRecord(tx, ownLinkTable, id, own)
      },
    })
    await registry.watch(conversation, created.client)
    return {
      link: formatLink(longLink(linkOf(created.queue), postQuantum)),
      ...(own === undefined ? {} : { shortLink: formatShortLink(own.link) }),
    }
  } catch (error) {
    if (!context.closing.signal.aborted && conversation.connection.state === "new")
      await abandon(context, registry, conversation)
    throw error
  }
}

/**
 * Whether the keys get a KEM key: for a short link, whose data have room for it, and where post-quantum encryption is required, so that all of it is hybrid from
 * the first message on. Without one the joiner proposes a key of its own, and what comes after the initiator's answer is hybrid.
 */
function offersKey(setting: PostQuantumSetting, userData: Bytes | undefined): boolean {
  return setting === "required" || (setting === "on" && userData !== undefined)
}

/** A long link leaves the KEM key out, which is half of its length, unless it is required. */
export function longLink(link: ConnectionLink, setting: PostQuantumSetting): ConnectionLink {
  if (link.type === "contact" || setting === "required") return link
  return { ...link, parameters: { ...link.parameters, kem: undefined } }
}

/** Removes a connection that nobody knows of. */
export async function abandon(
  context: Context,
  registry: Registry,
  conversation: Conversation,
): Promise<void> {
  conversation.active = false
  registry.remove(conversation.id)
  await context.update((tx) => {
    conversation.erase(tx)
  })
}

/** Steps 7 and 8: the application has chosen whose answer it accepts. Everything is stored for sending. */
export async function allow(
  context: Context,
  conversation: Conversation,
  confirmationId: string,
  info: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const c = conversation.connection
  const where = { connectionId: c.id }
  if (c.state !== "requested") {
    throw new AgentError("PROHIBITED", "No confirmation of this connection waits for an answer.", where)
  }
  const confirmation = c.confirmations.find((one) => one.id === confirmationId)
  if (confirmation === undefined) {
    throw new AgentError(
      "NOT_FOUND",
      "There is no such confirmation: use the confirmationId of the event.",
      where,
    )
  }
  if (c.sendLocked)
    throw new AgentError("SEND_LOCKED", "This store came back from a copy: make a new connection.", where)
  if (c.confirmations.length > 1 && !c.asked) {
    await conversation.save({ connection: { ...c, asked: true } })
    throw new AgentError(
      "SECOND_CONFIRMATION",
      "Several parties have answered this link. Find out by another way whose answer is the right one, then allow that one again.",
      where,
    )
  }
  const { confirmations: _c, asked: _a, x3dh: _x, ...rest } = c
  const { agentVersion, peerKeys, senderKey, session } = confirmation
  const send = sendQueueOf(confirmation.replyQueue, context.random)
  const sealed = prepareConfirmation(context, session.ratchet, send, {
    agentVersion,
    content: { type: "AgentConnInfo", info },
    parameters: undefined,
    postQuantum: takesPart(c.postQuantum, agentVersion, session.ratchet.version),
  })
  await conversation.save({
    connection: {
      ...rest,
      state: "accepted",
      agentVersion: Math.max(agentVersion, Math.min(c.agentVersion, agentVersions.max)),
      peerKeys,
      send,
      receive: {
        ...c.receive,
        peer: peerOf(confirmation),
        securing: senderKey === undefined ? { type: "none" } : { type: "pending", senderKey },
      },
    },
    session: { ...session, ratchet: sealed.ratchet, lastSentId: 1, lastSentHash: sealed.hash },
    outgoing: [sealed.item],
  })
  const { parked } = conversation
  conversation.parked = undefined
  if (parked !== undefined)
    context.onMessage(c.receive.server, c.receive.recipientId, { type: "MSG", ...parked })
}
