import type { Connection } from "../connection.ts"
import type { ServerCore } from "../core.ts"
import { dayOf, get, subscribe } from "../queue.ts"
import type { QueueRequest } from "../request.ts"
import { refuse, refuseAuth } from "./answers.ts"

/** SUB (smp-commands.md, "SUB"): the answer, then the oldest message with an empty corrId. */
export async function subscribeQueue(
  { store, subscribers, clock }: ServerCore,
  connection: Connection,
  { transmission }: QueueRequest,
): Promise<void> {
  const id = transmission.entityId
  const subscription = connection.beginSubscription(id)
  if (subscription === "get") {
    refuse(connection, transmission, { type: "CMD", reason: "PROHIBITED" })
    return
  }
  if (subscription === "limit") {
    refuse(connection, transmission, { type: "QUOTA" })
    return
  }
  const step = subscribe(subscription.active?.epoch, connection.hasRoom, dayOf(clock.now()))
  const result = await connection.ask(subscription, id, () => store.apply({ party: "recipient", id }, step))
  if (result === undefined) {
    connection.forget(subscription)
    refuseAuth(connection, transmission)
    return
  }
  connection.answer(transmission, { type: "SOK", serviceId: undefined })
  // The message that was not acknowledged before is the oldest still, and comes again.
  subscription.outstanding = undefined
  const active = subscribers.subscribed(subscription, result)
  if (result.head !== undefined) connection.push(active, result.head)
  else if (result.size > 0) connection.pushLater(active)
}

/** GET (smp-commands.md, "GET"): the oldest message without a subscription. */
export async function getMessage(
  { store, clock }: ServerCore,
  connection: Connection,
  { transmission }: QueueRequest,
): Promise<void> {
  const id = transmission.entityId
  const use = connection.beginGet(id)
  if (use === undefined) {
    refuse(connection, transmission, { type: "CMD", reason: "PROHIBITED" })
    return
  }
  if (use === "limit") {
    refuse(connection, transmission, { type: "QUOTA" })
    return
  }
  const step = get(dayOf(clock.now()))
  const result = await connection.ask(use, id, () => store.apply({ party: "recipient", id }, step))
  if (result === undefined) {
    refuseAuth(connection, transmission)
    return
  }
  use.outstanding = result.type === "message" ? result.message.msgId : undefined
  connection.answerDelivery(transmission, result)
}
