import type { Bytes } from "@smpkit/codec"
import type { SmpClient } from "@smpkit/client"
import type { LinkRequest, QueueMode } from "@smpkit/smp"
import type { Context } from "./context.ts"
import { AgentError } from "./errors.ts"
import { asAgentError, serverText } from "./failures.ts"
import { queueOf } from "./handshake.ts"
import type { NewQueue, ReceiveQueue } from "./queues.ts"
import { assertLinks } from "./short-links/link-versions.ts"

const empty = new Uint8Array(0)

export interface NewQueueOptions {
  readonly connectionId: string
  readonly signal?: AbortSignal | undefined
  /** By default `messaging`. */
  readonly mode?: QueueMode
  /** For making queues on this server; by default that of its address among the known ones. */
  readonly password?: string | undefined
  /** Data of a short link, for this one request. */
  readonly link?: { readonly corrId: Bytes; readonly data: LinkRequest } | undefined
}

/**
 * Makes a queue for keys that are stored already: NEW cannot be repeated safely, a second one with the same keys only leaves an orphan on the server (docs/decisions/006-queues-that-are-given-up.md).
 * The answer names the session that is subscribed to it. Throws `AgentError`.
 */
export async function createQueue(
  context: Context,
  keys: NewQueue,
  { connectionId, signal, mode = "messaging", link, ...options }: NewQueueOptions,
): Promise<{
  readonly queue: ReceiveQueue
  readonly linkId: Bytes | undefined
  readonly client: SmpClient
}> {
  const password =
    options.password ?? context.knownServers.find((s) => serverText(s) === serverText(keys.server))?.basicAuth
  try {
    const client = await context.pool.client(
      { ...keys.server, ...(password === undefined ? {} : { basicAuth: password }) },
      "receive",
      { signal },
    )
    if (link !== undefined) assertLinks(client)
    const ids = await client.request(
      {
        type: "NEW",
        authKey: keys.recipientKey.publicKey,
        dhKey: keys.serverDhKey.publicKey,
        basicAuth: password,
        subscribe: true,
        queueMode: mode,
        linkData: link?.data,
      },
      { entityId: empty, key: keys.recipientKey, corrId: link?.corrId, signal },
    )
    return { queue: queueOf(keys, ids), linkId: ids.linkId, client }
  } catch (error) {
    const failure = asAgentError(error, keys.server, connectionId)
    if (failure.code !== "AUTH") throw failure
    throw new AgentError(
      "AUTH",
      "The server does not let us make queues: it wants a password in its address, smp://FINGERPRINT:PASSWORD@HOST.",
      { server: serverText(keys.server), connectionId, cause: error },
    )
  }
}
