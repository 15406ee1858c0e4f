import { generateKeyPair, type Random } from "@smpkit/crypto"
import { sessionKeyVersion } from "@smpkit/smp"
import type { Context } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import type { SendQueue, SenderKey } from "./queues.ts"
import { boxConfirmation } from "./seal.ts"

// Our key on the other side's queue (agent-protocol.md, "Connection procedures"; design.md, N6).

/**
 * Chooses the key that authorizes our commands on the other side's queue, when its server is reached for the first time; a confirmation that carries
 * the key is sealed with it. Both are on disk when this resolves, and never change again; `undefined` when the connection has ended meanwhile.
 * Throws what reaching a server throws, and `AgentError STORE`.
 */
export async function chooseSenderKey(
  context: Context,
  conversation: Conversation,
): Promise<SenderKey | undefined> {
  const { connection } = conversation
  if (!("send" in connection)) return undefined
  if (connection.send.authKey !== undefined) return connection.send.authKey
  const { version } = await context.pool.client(connection.send.info.server, "send")
  // The connection may have gone on meanwhile.
  const now = conversation.connection
  if (!("send" in now) || !conversation.active) return undefined
  const authKey = senderKeyFor(version, context.random)
  const send: SendQueue = { ...now.send, authKey }
  const draft = conversation.outgoing.find(({ type }) => type === "draft")
  const record = draft && conversation.messages.outgoing(draft.sndMsgId)
  await conversation.save({
    connection: { ...now, send },
    ...(record === undefined
      ? {}
      : {
          completed: {
            ...record,
            type: "confirmation",
            body: boxConfirmation(send, record.body, context.random),
          },
        }),
  })
  return authKey
}

/** A deniable authenticator wherever the server takes one. */
export function senderKeyFor(version: number, random: Random): SenderKey {
  return version < sessionKeyVersion ? generateKeyPair("ed25519", random) : generateKeyPair("x25519", random)
}

/** Sets our key on the other side's queue; it may be repeated. Throws as `chooseSenderKey` and `ServerPool.request`. */
export async function secureSendQueue(context: Context, conversation: Conversation): Promise<void> {
  const key = await chooseSenderKey(context, conversation)
  const { connection } = conversation
  if (!("send" in connection) || key === undefined) return
  const { info } = connection.send
  await context.pool.request(
    info.server,
    "send",
    { type: "SKEY", senderKey: key.publicKey },
    { entityId: info.senderId, key },
  )
  const now = conversation.connection
  if ("send" in now && conversation.active)
    await conversation.save({ connection: { ...now, send: { ...now.send, secured: true } } })
}

/** The key of a queue whose server was reached before. */
export function chosenKey({ authKey }: SendQueue): SenderKey {
  if (authKey === undefined) throw new TypeError("a command on a queue before its key was chosen")
  return authKey
}
