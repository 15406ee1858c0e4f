import type { Bytes } from "@smpkit/codec"
import { type BoxKey, boxKey } from "@smpkit/crypto"
import type { QueueRecord, StoredMessage } from "./queue.ts"
import { type QueueName, queueName } from "./queue-name.ts"

/** The connection that holds a subscription. */
export interface Subscriber {
  /** Sends a message, or remembers to when there is room. */
  push(subscription: ActiveSubscription, message: StoredMessage): void
  /** Another connection has taken the queue over. */
  ended(subscription: Subscription): void
  /** The queue is gone. */
  deleted(subscription: Subscription): void
}

/** One connection's subscription to one queue. */
export interface Subscription {
  readonly type: "subscribed"
  readonly subscriber: Subscriber
  readonly recipientId: Bytes
  readonly name: QueueName
  /** SUBs under way. */
  asking: number
  /** What the SUB in the store gave; `undefined` before it. */
  active: { readonly epoch: number; readonly sealKey: BoxKey } | undefined
  /** The one message that was sent and not acknowledged. */
  outstanding: Bytes | undefined
}

export type ActiveSubscription = Subscription & { active: NonNullable<Subscription["active"]> }

export function newSubscription(subscriber: Subscriber, recipientId: Bytes): Subscription {
  return {
    type: "subscribed",
    subscriber,
    recipientId,
    name: queueName(recipientId),
    asking: 0,
    active: undefined,
    outstanding: undefined,
  }
}

/**
 * Who of this process is subscribed to what. It only hints (security.md Q20): the epoch in the queue's record, compared where the
 * record is read or written, decides who gets a message.
 */
export class Subscribers {
  readonly #subscriptions = new Map<QueueName, ActiveSubscription>()

  /** A subscription was stored: the former subscriber, if it is another connection, ends. The key of the queue's box is derived here, once. */
  subscribed(
    subscription: Subscription,
    { epoch, secret }: { readonly epoch: number; readonly secret: Bytes },
  ): ActiveSubscription {
    const sealKey = subscription.active?.sealKey ?? boxKey(secret)
    const active = Object.assign(subscription, { active: { epoch, sealKey } })
    const former = this.#subscriptions.get(active.name)
    if (former === active) return active
    if (former !== undefined && former.active.epoch > epoch) {
      active.subscriber.ended(active)
      return active
    }
    this.#subscriptions.set(active.name, active)
    former?.subscriber.ended(former)
    return active
  }

  /** Whether somebody of this process is subscribed to a queue. */
  has(recipientId: Bytes): boolean {
    return this.#subscriptions.has(queueName(recipientId))
  }

  /** A message was stored as the only one of its queue. */
  stored(record: QueueRecord, message: StoredMessage): void {
    const subscription = this.#subscriptions.get(queueName(record.recipientId))
    if (subscription?.active.epoch !== record.epoch || subscription.outstanding !== undefined) return
    subscription.subscriber.push(subscription, message)
  }

  /** A queue was deleted by `by`, which needs not be told. */
  deleted(recipientId: Bytes, by: Subscriber): void {
    const name = queueName(recipientId)
    const subscription = this.#subscriptions.get(name)
    if (subscription === undefined) return
    this.#subscriptions.delete(name)
    if (subscription.subscriber !== by) subscription.subscriber.deleted(subscription)
  }

  /** How many queues have a subscriber in this process. */
  get size(): number {
    return this.#subscriptions.size
  }

  /** The connection of a subscription has closed. */
  closed(subscription: Subscription): void {
    if (this.#subscriptions.get(subscription.name) === subscription)
      this.#subscriptions.delete(subscription.name)
  }
}
