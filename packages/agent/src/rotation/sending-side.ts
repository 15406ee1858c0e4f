import { agreedVersion } from "@smpkit/codec"
import { dh, generateKeyPair } from "@smpkit/crypto"
import { clientVersions, queueInfoOf } from "@smpkit/smp"
import { type DuplexConnection, isDuplex, type Session } from "../connection.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { AgentError } from "../errors.ts"
import { type Failure, failureOf } from "../failures.ts"
import { prepare } from "../outgoing.ts"
import type { SendQueue } from "../queues.ts"
import type { Outcome } from "../receive.ts"
import { numberKey, type Outgoing, putRecord, tables } from "../records.ts"
import { chosenKey, senderKeyFor } from "../sender-key.ts"
import { mayEncrypt } from "../resynchronize/may-encrypt.ts"
import type { SendMove, SendSide } from "./move-tables.ts"
import { switched, switchFailed } from "./notices.ts"
import { isQueue, type QueueMessage, refuse } from "./queue-messages.ts"

// The other side moves its queue: agent-protocol.md, "Queue rotation", S.

const hourMs = 3600_000
/** The other side can bridge 512 missing messages (security.md Q5). */
const maxAhead = 256

/** QADD: the other side offers another queue. It is answered later, when the queue's server was reached. Throws `AgentError` A_QUEUE, A_VERSION. */
export function takeQadd(
  context: Context,
  conversation: Conversation,
  c: DuplexConnection,
  { queues }: QueueMessage<"QADD">,
): Outcome {
  const { moves } = conversation
  const [[uri, replaced]] = queues
  const { info } = c.send
  if (replaced === undefined || !isQueue(info, replaced)) return refuse("it replaces none that is in use")
  if (isQueue(info, uri)) return refuse("it is the one that is in use")
  if (agreedVersion(clientVersions, uri.versions) === undefined) {
    throw new AgentError("A_VERSION", "The other side's new queue is for other versions of the protocol.")
  }
  const dhKey = generateKeyPair("x25519", context.random)
  const queue: SendQueue = {
    info: queueInfoOf(uri),
    authKey: undefined,
    dhKey,
    secret: dh(dhKey.privateKey, uri.dhKey),
    secured: false,
  }
  const due = nextDue(moves.send, context.clock.now())
  // A move that has not ended is one that the other side has given up.
  const { write: dropCopies } = moves.takeCopies(() => false, due)
  const write = moves.setSend({ ...moves.send, accepted: due, move: { state: "asked", due, queue } })
  return {
    changes: {
      notices: [switched(c.id, "send", "started", uri.server)],
      also: (tx) => {
        dropCopies(tx)
        write(tx)
      },
    },
    head: "done",
  }
}

/** One an hour; one that was not answered yet gives its turn to the next. */
function nextDue({ accepted, move }: SendSide, now: number): number {
  if (accepted === undefined) return now
  if (move?.state === "asked" && move.due > now) return move.due
  return Math.max(now, accepted + hourMs)
}

/** QUSE: our key is set on the new queue. Throws `AgentError A_QUEUE`. */
export function takeQuse(
  context: Context,
  conversation: Conversation,
  c: DuplexConnection,
  session: Session,
  { queues }: QueueMessage<"QUSE">,
): Outcome {
  const { moves } = conversation
  const { move } = moves.send
  const [[address]] = queues
  if (move?.state !== "answered" || !isQueue(move.queue.info, address)) {
    return refuse("it was not offered before")
  }
  const queue = { ...move.queue, secured: true }
  const { server, senderId } = queue.info
  const test = prepare(context, { ...c, send: queue }, session, {
    type: "QTEST",
    queues: [{ server, senderId }],
  })
  const testing: SendMove = { state: "testing", after: move.after, queue, test: test.item }
  return {
    changes: {
      session: test.session,
      notices: [switched(c.id, "send", "secured", server)],
      also: moves.setSend({ ...moves.send, move: testing }),
    },
    head: "done",
  }
}

/** Answers QADD with QKEY, once the new queue's server was reached: which key it takes depends on its version. The answer is why that failed. */
export async function answerQadd(
  context: Context,
  conversation: Conversation,
  asked: SendMove & { readonly state: "asked" },
): Promise<Failure | undefined> {
  const { info } = asked.queue
  try {
    const { version } = await context.pool.client(info.server, "send", { signal: context.closing.signal })
    const { moves, connection: c, session } = conversation
    if (moves.send.move !== asked || !conversation.active || session === undefined) return undefined
    if (!isDuplex(c) || !mayEncrypt(c, session.ratchet)) return undefined
    const authKey = senderKeyFor(version, context.random)
    const queue: SendQueue = { ...asked.queue, authKey }
    const qkey = prepare(context, c, session, {
      type: "QKEY",
      queues: [[{ ...info, dhKey: queue.dhKey.publicKey }, authKey.publicKey]],
    })
    const now = context.clock.now()
    const after = qkey.item.sndMsgId
    const also = moves.setSend({ ...moves.send, move: { state: "answered", since: now, after, queue } })
    await conversation.saveAndShow({
      session: qkey.session,
      outgoing: [qkey.item],
      notices: [switched(c.id, "send", "confirmed", info.server)],
      also,
    })
    return undefined
  } catch (error) {
    context.assertOpen()
    const failure = failureOf(error)
    if (failure === undefined) throw error
    return failure
  }
}

/** Sends QTEST to the new queue; when its server has kept it, everything goes there. The answer is why that failed. */
export async function testQueue(
  context: Context,
  conversation: Conversation,
  testing: SendMove & { readonly state: "testing" },
): Promise<Failure | undefined> {
  const { queue, test } = testing
  const { info } = queue
  // So far ahead of the others it could not be read: then it keeps its place among them.
  if (conversation.outgoing.length + conversation.moves.copyCount > maxAhead) {
    await useNewQueue(context, conversation, queue, [test])
    return undefined
  }
  try {
    await context.pool.request(
      info.server,
      "send",
      { type: "SEND", notification: test.notification, body: test.body },
      { entityId: info.senderId, key: chosenKey(queue) },
    )
  } catch (error) {
    context.assertOpen()
    const failure = failureOf(error)
    if (failure === undefined) throw error
    if (failure.type === "permanent") await abandonMove(context, conversation, failure.message)
    return failure
  }
  if (conversation.active && conversation.moves.send.move === testing)
    await useNewQueue(context, conversation, queue, [])
  return undefined
}

/**
 * The new queue takes the old one's place. Whatever the old one may take with it is sent once more, before what waits, as the same ciphertext in the
 * new queue's box: the other side swallows what it had.
 */
async function useNewQueue(
  context: Context,
  conversation: Conversation,
  send: SendQueue,
  also: readonly Outgoing[],
): Promise<void> {
  const { connection: c, session, moves } = conversation
  if (!isDuplex(c) || session === undefined) return
  // A receipt takes the record of its message.
  const copies = moves.takeCopies(
    ({ type, sndMsgId }) => type !== "A_MSG" || conversation.messages.sent(sndMsgId) !== undefined,
    context.clock.now(),
  )
  const write = moves.setSend({
    accepted: moves.send.accepted,
    formerBox: { secret: c.send.secret, upTo: session.lastSentId },
    move: undefined,
  })
  moves.storing = true
  moves.abandonOld()
  const saved = conversation.save({
    connection: { ...c, send },
    notices: [switched(c.id, "send", "completed", send.info.server)],
    also: (tx) => {
      copies.write(tx)
      write(tx)
      for (const item of also) putRecord(tx, tables.outgoing, numberKey(c.id, item.sndMsgId), item)
    },
  })
  try {
    const notices = await saved
    const items = [...copies.items, ...conversation.outgoing, ...also.map(({ body: _, ...item }) => item)]
    conversation.outgoing.splice(0, Infinity, ...items.sort((a, b) => a.sndMsgId - b.sndMsgId))
    context.background(context.emit(notices))
  } finally {
    // Nothing was sent meanwhile: what is on the way is told by its place in the list.
    moves.storing = false
  }
  conversation.resume()
}

/** The move has come to nothing: what waits goes on to the old queue. */
export async function abandonMove(context: Context, conversation: Conversation, why: string): Promise<void> {
  const { moves, id } = conversation
  const { move } = moves.send
  if (move === undefined || !conversation.active) return
  const copies = moves.takeCopies(() => false, context.clock.now())
  const write = moves.setSend({ ...moves.send, move: undefined })
  await conversation.saveAndShow({
    notices: [switchFailed(id, move.queue.info.server, why)],
    also: (tx) => {
      copies.write(tx)
      write(tx)
    },
  })
}
