import { dh } from "@smpkit/crypto"
import type { SmpClient } from "@smpkit/client"
import type { ServerAddressWithAuth } from "@smpkit/smp"
import { type DuplexConnection, isDuplex, type ReceiveQueueHolder } from "../connection.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { AgentError } from "../errors.ts"
import { type Failure, failureOf } from "../failures.ts"
import { addressOf, makeQueueKeys } from "../handshake.ts"
import { createQueue } from "../new-queue.ts"
import { prepare } from "../outgoing.ts"
import type { NewQueue, ReceiveQueue } from "../queues.ts"
import type { Outcome } from "../receive.ts"
import { plannedRemoval } from "../removal.ts"
import { sendable } from "../send-message.ts"
import { onReachableServer, serversApart } from "../server-choice.ts"
import { mayEncrypt } from "../resynchronize/may-encrypt.ts"
import { switched, switchFailed } from "./notices.ts"
import { isQueue, type QueueMessage, refuse } from "./queue-messages.ts"
import type { ReceiveMove } from "./move-tables.ts"

// We move our own queue: agent-protocol.md, "Queue rotation", R.

export interface SwitchOptions {
  readonly server?: ServerAddressWithAuth | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes the new queue and stores QADD; the answer names the session that is subscribed to it. Throws `AgentError` NOT_CONNECTED, SEND_LOCKED, DELETED,
 * PROHIBITED, and as `createQueue`.
 */
export async function offerQueue(
  context: Context,
  conversation: Conversation,
  { server, signal }: SwitchOptions,
): Promise<{ readonly queue: ReceiveQueue; readonly client: SmpClient }> {
  const { moves } = conversation
  const before = movable(conversation)
  moves.making = true
  try {
    const create = (keys: NewQueue): ReturnType<typeof createQueue> =>
      createQueue(context, keys, { connectionId: conversation.id, password: server?.basicAuth, signal })
    // To a server that the connection does not use, else to another than that of the queue, else to the same.
    const avoided = [before.receive.server, before.send.info.server]
    const [chosen = before.receive.server] = server === undefined ? serversApart(context, avoided) : [server]
    const planned = makeQueueKeys(chosen, context.random)
    const { queue, client } =
      server === undefined
        ? await onReachableServer(context, planned, { avoided }, create)
        : await create(planned)
    await storeOffer(context, conversation, queue)
    return { queue, client }
  } finally {
    moves.making = false
  }
}

/** The connection, if its queue may be moved now. */
function movable(conversation: Conversation): DuplexConnection {
  const c = sendable(conversation)
  const { moves, session, id: connectionId } = conversation
  if (c.state !== "connected")
    throw new AgentError("NOT_CONNECTED", "Wait for the event `connected` before moving a queue.", {
      connectionId,
    })
  if (session === undefined || !mayEncrypt(c, session.ratchet)) {
    throw new AgentError(
      "PROHIBITED",
      "New keys are being agreed on with the other side: wait for the event `ratchetSync` with the state `ok` before moving a queue.",
      { connectionId },
    )
  }
  if (moves.making || moves.receive !== undefined) {
    throw new AgentError(
      "PROHIBITED",
      moves.receive?.state === "draining"
        ? "The queue was moved a moment ago, and the old one is still being emptied: try again later."
        : "The queue is being moved already: wait for the event `queueSwitched` with the phase `completed`.",
      { connectionId },
    )
  }
  return c
}

async function storeOffer(context: Context, conversation: Conversation, queue: ReceiveQueue): Promise<void> {
  const { moves, session, connection: c, id } = conversation
  const removal = plannedRemoval(context, queue)
  try {
    moves.making = false
    movable(conversation)
    if (session === undefined || !isDuplex(c)) throw new TypeError("a connection that may send has a session")
    const { server, senderId } = c.receive
    const { hosts, port, keyHash } = server
    const qadd = prepare(context, c, session, {
      type: "QADD",
      queues: [[addressOf(queue), { server: { hosts, port, keyHash }, senderId }]],
    })
    await conversation.saveAndShow({
      session: qadd.session,
      outgoing: [qadd.item],
      notices: [switched(id, "receive", "started", queue.server)],
      also: moves.setReceive({ state: "offered", since: context.clock.now(), queue }),
    })
  } catch (error) {
    // The connection has changed while the server made the queue.
    if (!context.closing.signal.aborted) {
      await context.update(removal.write)
      removal.start()
    }
    throw error
  }
}

/** QKEY: the key that the other side will send with. Throws `AgentError A_QUEUE`. */
export function takeQkey(
  conversation: Conversation,
  c: ReceiveQueueHolder,
  { queues }: QueueMessage<"QKEY">,
): Outcome {
  const { moves } = conversation
  const move = moves.receive
  const [[info, senderKey]] = queues
  if (move?.state !== "offered" || !isQueue(move.queue, info)) return refuse("no such queue was offered")
  const { dhKey } = move.queue
  const secret = dh(dhKey.privateKey, info.dhKey)
  const queue: ReceiveQueue = {
    ...move.queue,
    peer: { key: info.dhKey.raw, secret },
    securing: { type: "pending", senderKey },
  }
  return {
    changes: {
      notices: [switched(c.id, "receive", "confirmed", queue.server)],
      also: moves.setReceive({ ...move, state: "securing", queue }),
    },
    head: "done",
  }
}

/** Sets the sender's key on the new queue, then says so with QUSE. The answer is why that failed. */
export async function secureQueue(
  context: Context,
  conversation: Conversation,
  move: ReceiveMove,
): Promise<Failure | undefined> {
  const { queue } = move
  if (queue.securing.type !== "pending") throw new TypeError("a queue to be secured without a key")
  const { server, recipientId: entityId, recipientKey: key, senderId } = queue
  const { senderKey } = queue.securing
  try {
    await context.pool.request(server, "receive", { type: "KEY", senderKey }, { entityId, key })
  } catch (error) {
    context.assertOpen()
    const failure = failureOf(error)
    if (failure === undefined) throw error
    return failure
  }
  const { moves, connection: c, session } = conversation
  if (moves.receive !== move || !conversation.active || !isDuplex(c) || session === undefined)
    return undefined
  if (!mayEncrypt(c, session.ratchet)) return undefined
  const { hosts, port, keyHash } = server
  const quse = prepare(context, c, session, {
    type: "QUSE",
    queues: [[{ server: { hosts, port, keyHash }, senderId }, true]],
  })
  await conversation.saveAndShow({
    session: quse.session,
    outgoing: [quse.item],
    notices: [switched(c.id, "receive", "secured", server)],
    also: moves.setReceive({ ...move, state: "using", queue: { ...queue, securing: { type: "done" } } }),
  })
  return undefined
}

/** The other side will not use the new queue: it goes, and the old one stays. */
export async function withdrawOffer(
  context: Context,
  conversation: Conversation,
  move: ReceiveMove,
  why: string,
): Promise<void> {
  const { moves, id } = conversation
  if (moves.receive !== move || !conversation.active) return
  const removal = plannedRemoval(context, move.queue)
  const write = moves.setReceive(undefined)
  moves.onDropped(move.queue)
  await conversation.saveAndShow({
    notices: [switchFailed(id, move.queue.server, why)],
    also: (tx) => {
      write(tx)
      removal.write(tx)
    },
  })
  removal.start()
}
