import type { Bytes } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import { queueInfoOf, sameServer } from "@smpkit/smp"
import type { Connection, ConnectionCommon } from "./connection.ts"
import type { Context } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import { AgentError, isAgentError } from "./errors.ts"
import { asAgentError, serverText } from "./failures.ts"
import { addressOf, joinKeys, makeQueueKeys } from "./handshake.ts"
import { abandon, newConnection } from "./invite.ts"
import type { ConnectionLink } from "./links.ts"
import { createQueue } from "./new-queue.ts"
import { prepareConfirmation } from "./outgoing.ts"
import { mayHaveLink } from "./outline.ts"
import type { NewQueue } from "./queues.ts"
import type { Registry } from "./registry.ts"
import { assertInfoFits, sendsOwnKey } from "./seal.ts"
import { secureSendQueue } from "./sender-key.ts"
import { chooseServer, onReachableServer } from "./server-choice.ts"

type Invitation = ConnectionLink & { readonly type: "invitation" }
type Joining = Connection & { readonly state: "joining" }

/**
 * Starts to join, or goes on where an earlier attempt with the same link was cut off: keys, ratchet and reply queue's keys stay the same
 * (agent-protocol.md, "Repeats"). Throws `AgentError` LINK_ALREADY_USED for a link that this agent has joined with, or made itself.
 */
export async function startJoin(
  context: Context,
  registry: Registry,
  id: string,
  { link, info, postQuantum }: JoinOptions & { readonly link: Invitation },
): Promise<Conversation> {
  const known = findJoined(registry, link)
  if (known !== undefined && (known.connection.state === "joining" || registry.joins.mayRepeat(known.id)))
    return known
  if (known !== undefined) throw alreadyKnown(known.id)
  const start = newConnection(context, id, "joiner", postQuantum)
  return await registry.create(joiningState(context, start, link, info))
}

/** What a joiner says besides its link. */
export interface JoinOptions {
  readonly info: Bytes
  readonly postQuantum: Connection["postQuantum"]
}

/** What is stored before anything is sent: all keys of the join. Throws `AgentError` A_VERSION, POST_QUANTUM, NO_SERVER, LARGE. */
export function joiningState(
  context: Context,
  common: ConnectionCommon,
  link: Invitation,
  info: Bytes,
): Joining {
  const join = joinKeys(link, common.postQuantum, context.random)
  const queue = makeQueueKeys(chooseServer(context, join.send.info.server), context.random)
  const { send, parameters, ratchet, agentVersion, peerKeys } = join
  const joining = { agentVersion, peerKeys, send, queue, parameters, ratchet, info }
  // Before the link is used up.
  assertReplyFits(joining)
  return { ...common, state: "joining", ...joining }
}

/** A reply is as long as the address of its queue makes it. Throws `AgentError LARGE`. */
function assertReplyFits({
  queue,
  ratchet,
  agentVersion,
  parameters,
  info,
}: Pick<Joining, "queue" | "ratchet" | "agentVersion" | "parameters" | "info">): void {
  const reply = queueInfoOf(addressOf({ ...queue, senderId: new Uint8Array(24), mode: "messaging" }))
  assertInfoFits(ratchet, {
    agentVersion,
    content: { type: "AgentConnInfoReply", queues: [reply], info },
    postQuantum: parameters.kem !== undefined,
  })
}

function replyFits(joining: Joining): boolean {
  try {
    assertReplyFits(joining)
    return true
  } catch (error) {
    if (isAgentError(error) && error.code === "LARGE") return false
    throw error
  }
}

/** The connection that was joined with a link, or that the link leads to. */
export function findJoined(registry: Registry, link: Invitation): Conversation | undefined {
  const [{ senderId }] = link.queues
  return registry.all().find((one) => mayHaveLink(one.outline, senderId) && concerns(one.connection, link))
}

export function alreadyKnown(connectionId: string): AgentError<"LINK_ALREADY_USED"> {
  return new AgentError(
    "LINK_ALREADY_USED",
    "This agent knows this link already: each link is for one other agent.",
    { connectionId },
  )
}

function concerns(c: Connection, link: Invitation): boolean {
  const [{ server, senderId }] = link.queues
  const own = "receive" in c && c.role === "initiator" ? c.receive : undefined
  const theirs = "send" in c && c.role === "joiner" ? c.send.info : undefined
  return [own, theirs].some(
    (q) => q !== undefined && sameServer(q.server, server) && equalBytes(q.senderId, senderId),
  )
}

/**
 * Steps 3 to 5: our key on the initiator's queue, our own queue, and the confirmation stored for sending. Throws `AgentError`; after a temporary one
 * the connection stays and can be continued, after a permanent one it is gone.
 */
export async function continueJoin(
  context: Context,
  registry: Registry,
  conversation: Conversation,
): Promise<void> {
  const c = conversation.connection
  if (c.state !== "joining") return
  const { server } = c.send.info
  let { send } = c
  if (sendsOwnKey(send) && !send.secured) {
    try {
      await secureSendQueue(context, conversation)
    } catch (error) {
      const failure = asAgentError(error, server, c.id)
      if (failure.code !== "AUTH") throw failure
      await abandon(context, registry, conversation)
      throw new AgentError(
        "LINK_ALREADY_USED",
        "Somebody else has used this link before: ask for a new one.",
        {
          server: serverText(server),
          cause: error,
        },
      )
    }
    if (conversation.connection.state !== "joining") return
    send = conversation.connection.send
  }
  const joining = conversation.connection
  if (joining.state !== "joining") return
  const suits = (queue: NewQueue): boolean => replyFits({ ...joining, queue })
  const { queue: receive, client } = await onReachableServer(
    context,
    c.queue,
    { avoided: [server], suits },
    async (queue) => {
      if (queue !== c.queue) await conversation.save({ connection: { ...joining, queue } })
      return await createQueue(context, queue, { connectionId: c.id })
    },
  )
  const { queue: _q, parameters, ratchet, info, ...rest } = c
  const sealed = prepareConfirmation(context, ratchet, send, {
    agentVersion: c.agentVersion,
    content: { type: "AgentConnInfoReply", queues: [queueInfoOf(addressOf(receive))], info },
    parameters,
    postQuantum: parameters.kem !== undefined,
  })
  await conversation.save({
    connection: { ...rest, state: "joined", send, receive },
    session: {
      ratchet: sealed.ratchet,
      lastReceivedId: 0,
      lastReceivedHash: new Uint8Array(0),
      lastSentId: 1,
      lastSentHash: sealed.hash,
      nextMessageId: 1,
    },
    outgoing: [sealed.item],
  })
  await registry.watch(conversation, client)
}
