import { fastRetry } from "@smpkit/client"
import { Backoff, quotaRetry } from "../backoff.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { type Failure, failureOf } from "../failures.ts"
import { getRecord, putRecord } from "../records.ts"
import { closeConnection } from "../removal.ts"
import { type AddressRequest, contactTables } from "./contact-tables.ts"

/** As for other items (agent-protocol.md, "Sending, retries, errors"). */
const expiryMs = { temporary: 48 * 3600_000, quota: 7 * 24 * 3600_000, permanent: 0 }

/**
 * Sends our request until the address's server has kept it. Every attempt sends the same bytes, so that an answer that was lost makes no second request. A
 * request that can never arrive closes the connection.
 */
export async function deliverRequest(context: Context, conversation: Conversation): Promise<void> {
  const { id } = conversation
  const fast = new Backoff(fastRetry)
  const quota = new Backoff(quotaRetry)
  for (;;) {
    const request = getRecord(context.store, contactTables.addressRequest, id)
    // Who was answered needs to ask no more.
    if (request?.body === undefined || conversation.connection.state !== "invited") return
    const failure = await attempt(context, request, request.body)
    if (!conversation.active) return
    if (failure === undefined) {
      await context.update((tx) => {
        putRecord(tx, contactTables.addressRequest, id, { ...request, body: undefined })
      })
      return
    }
    if (context.clock.now() - request.created >= expiryMs[failure.type]) {
      await giveUp(context, conversation, failure)
      return
    }
    await context.pause((failure.type === "quota" ? quota : fast).nextMs())
  }
}

async function attempt(
  context: Context,
  { queue }: AddressRequest,
  body: Uint8Array<ArrayBuffer>,
): Promise<Failure | undefined> {
  try {
    await context.pool.request(
      queue.server,
      "send",
      { type: "SEND", notification: true, body },
      { entityId: queue.senderId },
    )
    return undefined
  } catch (error) {
    context.assertOpen()
    const failure = failureOf(error)
    if (failure === undefined) throw error
    return failure
  }
}

function giveUp(context: Context, conversation: Conversation, failure: Failure): Promise<void> {
  const { code, message } = failure
  if (code === "AUTH")
    return closeConnection(
      context,
      conversation,
      code,
      "The address does not exist any more: ask for a new one.",
    )
  if (failure.type === "permanent") return closeConnection(context, conversation, code, message)
  return closeConnection(
    context,
    conversation,
    "EXPIRED",
    `The request could not be delivered to the address in time. ${message}`,
  )
}
