import { agreedVersion, type Bytes, encode, utf8 } from "@smpkit/codec"
import { boxKey, boxNonceSize, equalBytes, type Random } from "@smpkit/crypto"
import { e2eVersions, generateX3dhKeys, type X3dhKeys } from "@smpkit/ratchet"
import {
  clientVersions,
  maxPayloadLength,
  type QueueInfo,
  queueInfoOf,
  sameServer,
  sealClientMessage,
} from "@smpkit/smp"
import type { Connection, ConnectionCommon } from "../connection.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { agentEnvelope } from "../envelopes.ts"
import { AgentError, isAgentError } from "../errors.ts"
import { invitationLink, makeQueueKeys, sendQueueOf } from "../handshake.ts"
import { newConnection } from "../invite.ts"
import type { JoinOptions } from "../join.ts"
import { type ConnectionLink, formatLink } from "../links.ts"
import { createQueue } from "../new-queue.ts"
import { takesPart } from "../post-quantum/setting.ts"
import { putRecord } from "../records.ts"
import type { NewQueue, ReceiveQueue } from "../queues.ts"
import type { Registry } from "../registry.ts"
import { chooseServer, onReachableServer } from "../server-choice.ts"
import { agentVersions } from "../version.ts"
import { contactTables } from "./contact-tables.ts"
import { addressOrigin, begunWith, isAsking } from "./origin.ts"
import { deliverRequest } from "./request-delivery.ts"

type Requesting = Connection & { readonly state: "requesting" }

/**
 * Starts to ask at an address; while an earlier request to it is unanswered, that one goes on. Throws `AgentError` A_VERSION, LARGE, PROHIBITED.
 */
export async function startRequest(
  context: Context,
  registry: Registry,
  id: string,
  { link, info, postQuantum }: JoinOptions & { readonly link: ConnectionLink },
): Promise<Conversation> {
  assertForeign(registry, link)
  const origin = addressOrigin(link)
  const known = begunWith(context, registry, origin).find(
    (one) => isAsking(one.connection) || registry.joins.mayRepeat(one.id),
  )
  if (known !== undefined) return known
  const start = newConnection(context, id, "initiator", postQuantum)
  return await registry.create(requestingState(context, start, link, info), (tx) => {
    putRecord(tx, contactTables.origin, id, origin)
  })
}

function assertForeign(registry: Registry, { queues: [queue] }: ConnectionLink): void {
  const own = registry.all().find((one) => {
    const c = one.outline.state === "address" ? one.connection : undefined
    if (c?.state !== "address") return false
    const { server, senderId } = c.receive
    return sameServer(server, queue.server) && equalBytes(senderId, queue.senderId)
  })
  if (own !== undefined) {
    throw new AgentError("PROHIBITED", "This is an address of this agent: others can ask at it.", {
      connectionId: own.id,
    })
  }
}

/** What is stored before anything is sent: all keys of the invitation that the request will carry. Throws `AgentError` A_VERSION, LARGE. */
export function requestingState(
  context: Context,
  common: ConnectionCommon,
  link: ConnectionLink,
  info: Bytes,
): Requesting {
  const [queue] = link.queues
  const agentVersion = agreedVersion(agentVersions, link.versions)
  if (agentVersion === undefined || agreedVersion(clientVersions, queue.versions) === undefined) {
    throw new AgentError(
      "A_VERSION",
      "This address is for other versions of the protocol: ask for one made with a current release.",
    )
  }
  const address = queueInfoOf(queue)
  const keys = makeQueueKeys(chooseServer(context, address.server), context.random)
  // The invitation speaks our own end-to-end versions, whatever the address says.
  const postQuantum = takesPart(common.postQuantum, agentVersion, e2eVersions.max)
  const x3dh = generateX3dhKeys(context.random, { postQuantum })
  const state: Requesting = {
    ...common,
    state: "requesting",
    agentVersion,
    address,
    queue: keys,
    x3dh,
    info,
  }
  assertRequestFits(state, context.random)
  return state
}

/** The ids of servers have one length, so that the request is as long as the one that will be sent. Throws `AgentError LARGE`. */
function assertRequestFits(c: Requesting, random: Random): void {
  sealRequest(c, { ...c.queue, senderId: new Uint8Array(24), mode: "messaging" }, random)
}

function requestFits(c: Requesting, random: Random): boolean {
  try {
    assertRequestFits(c, random)
    return true
  } catch (error) {
    if (isAgentError(error) && error.code === "LARGE") return false
    throw error
  }
}

/**
 * The own invitation and the request at the address that carries it (agent-protocol.md, "Contact address", step 2); stored for sending when this resolves.
 * Throws `AgentError`; after a temporary one the connection stays and goes on.
 */
export async function continueRequest(
  context: Context,
  registry: Registry,
  conversation: Conversation,
): Promise<void> {
  const c = conversation.connection
  if (c.state !== "requesting") return
  const { queue: receive, client } = await onReachableServer(
    context,
    c.queue,
    { avoided: [c.address.server], suits: (queue) => requestFits({ ...c, queue }, context.random) },
    async (queue) => {
      if (queue !== c.queue) await conversation.save({ connection: { ...c, queue } })
      return await createQueue(context, queue, { connectionId: c.id })
    },
  )
  const { queue: _q, address, info: _i, state: _s, ...rest } = c
  const body = sealRequest(c, receive, context.random)
  const request = { queue: address, body, created: context.clock.now() }
  await conversation.save({
    connection: { ...rest, state: "invited", receive },
    also: (tx) => {
      putRecord(tx, contactTables.addressRequest, c.id, request)
    },
  })
  await registry.watch(conversation, client)
  context.background(deliverRequest(context, conversation))
}

/** The body of the SEND: one box, made with a key that is used for nothing else, and no ratchet. Throws `AgentError LARGE`. */
function sealRequest(
  c: {
    readonly address: QueueInfo
    readonly agentVersion: number
    readonly x3dh: X3dhKeys
    readonly info: Bytes
  },
  own:
    | Pick<ReceiveQueue, "server" | "senderId" | "dhKey" | "mode">
    | (NewQueue & Pick<ReceiveQueue, "senderId" | "mode">),
  random: Random,
): Bytes {
  const { dhKey, secret } = sendQueueOf(c.address, random)
  const header = { type: "_" } as const
  const payload = encode(agentEnvelope, {
    type: "AgentInvitation",
    version: c.agentVersion,
    link: utf8(formatLink(invitationLink(own, c.x3dh))),
    info: c.info,
  })
  const room = maxPayloadLength(dhKey.publicKey, header)
  if (payload.length > room) {
    throw new AgentError(
      "LARGE",
      `The info is ${payload.length - room} bytes too long for a request to an address: send it when you are connected.`,
    )
  }
  return sealClientMessage(
    boxKey(secret),
    {
      version: Math.min(c.address.version, clientVersions.max),
      senderKey: dhKey.publicKey,
      nonce: random.bytes(boxNonceSize),
    },
    { header, payload },
  )
}
