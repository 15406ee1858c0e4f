import { type BrokerMessage, formatQueueStatus } from "@smpkit/smp"
import type { Connection } from "../connection.ts"
import type { ServerCore } from "../core.ts"
import { type QueueStep, remove, summary } from "../queue.ts"
import type { QueueRequest } from "../request.ts"
import { refuseAuth } from "./answers.ts"

/** KEY, SKEY, OFF and what concerns link data: a step whose outcome is the answer. */
export async function changeQueue<R extends BrokerMessage>(
  { store }: ServerCore,
  connection: Connection,
  { transmission, party }: QueueRequest,
  step: QueueStep<R>,
): Promise<void> {
  const result = await store.apply({ party, id: transmission.entityId }, step)
  if (result === undefined) refuseAuth(connection, transmission)
  else connection.answer(transmission, result)
}

/** DEL (smp-commands.md, "OFF, DEL, QUE"): a subscriber on another connection is told. */
export async function deleteQueue(
  { store, subscribers }: ServerCore,
  connection: Connection,
  { transmission }: QueueRequest,
): Promise<void> {
  const id = transmission.entityId
  const result = await store.apply({ party: "recipient", id }, remove)
  if (result === undefined) {
    refuseAuth(connection, transmission)
    return
  }
  connection.forgetQueue(id)
  connection.answer(transmission, result)
  subscribers.deleted(id, connection)
}

/** QUE: what helps to find a fault, without any id. */
export async function tellQueue(
  { store }: ServerCore,
  connection: Connection,
  { transmission }: QueueRequest,
): Promise<void> {
  const result = await store.apply({ party: "recipient", id: transmission.entityId }, summary)
  if (result === undefined) {
    refuseAuth(connection, transmission)
    return
  }
  const json = formatQueueStatus({
    secured: result.record.senderKey !== undefined,
    notifier: false,
    size: result.size,
  })
  connection.answer(transmission, { type: "INFO", json })
}
