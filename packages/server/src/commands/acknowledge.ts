import type { Bytes } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import type { Connection } from "../connection.ts"
import type { ServerCore } from "../core.ts"
import { acknowledge, acknowledgeGet } from "../queue.ts"
import type { QueueRequest } from "../request.ts"
import { refuse, refuseAuth } from "./answers.ts"

/** ACK (smp-commands.md, "ACK"): the answer is the next message, or OK. */
export async function acknowledgeMessage(
  { store }: ServerCore,
  connection: Connection,
  { transmission }: QueueRequest,
  msgId: Bytes,
): Promise<void> {
  const id = transmission.entityId
  const use = connection.use(id)
  if (use?.outstanding === undefined || !fits(msgId, use.outstanding)) {
    refuse(connection, transmission, { type: "NO_MSG" })
    return
  }
  // Nothing is outstanding while the store works on it: an ACK that is repeated meanwhile has nothing to acknowledge.
  use.outstanding = undefined
  const key = { party: "recipient", id } as const
  if (use.type === "get") {
    const result = await store.apply(key, acknowledgeGet(msgId))
    if (result === undefined) refuseAuth(connection, transmission)
    else connection.answer(transmission, result)
    return
  }
  const epoch = use.active?.epoch ?? 0
  const result = await store.apply(key, acknowledge(msgId, epoch))
  if (result === undefined) {
    refuseAuth(connection, transmission)
    return
  }
  if (result.type === "message") use.outstanding = result.message.msgId
  connection.answerDelivery(transmission, result, use.active?.sealKey)
}

// An empty id passes, and removes nothing.
function fits(msgId: Bytes, outstanding: Bytes): boolean {
  return msgId.length === 0 || equalBytes(msgId, outstanding)
}
