import type { ServerCore } from "./core.ts"
import { deliver } from "./queue.ts"
import type { ActiveSubscription, Subscriber, Subscription } from "./subscribers.ts"

const readsAtOnce = 16

/** A subscriber that can tell whether it has room, and keep it. */
export interface RoomySubscriber extends Subscriber {
  readonly hasRoom: boolean
  holdMessage(): Disposable
}

/** Subscriptions whose next message waits in the store until a connection has room for it. */
export class DeliveryBacklog {
  readonly #core: ServerCore
  readonly #subscriber: RoomySubscriber
  readonly #waiting = new Set<ActiveSubscription>()
  #working = false

  constructor(core: ServerCore, subscriber: RoomySubscriber) {
    this.#core = core
    this.#subscriber = subscriber
  }

  add(subscription: ActiveSubscription): void {
    this.#waiting.add(subscription)
    this.proceed()
  }

  remove(subscription: Subscription): void {
    this.#waiting.delete(subscription as ActiveSubscription)
  }

  clear(): void {
    this.#waiting.clear()
  }

  /** Reads and delivers as long as there is room. */
  proceed(): void {
    if (this.#working || this.#waiting.size === 0 || !this.#subscriber.hasRoom) return
    this.#working = true
    void this.#work()
      .catch(this.#core.onFailure)
      .finally(() => {
        this.#working = false
        // Room that was made, or subscriptions that were added, while the last reading was under way.
        this.proceed()
      })
  }

  async #work(): Promise<void> {
    const reading: Promise<void>[] = []
    for (const subscription of this.#waiting) {
      if (reading.length === readsAtOnce || !this.#subscriber.hasRoom) break
      this.#waiting.delete(subscription)
      reading.push(this.#deliver(subscription))
    }
    await Promise.all(reading)
  }

  // The step compares epochs: whoever took the queue over meanwhile gets the message instead.
  async #deliver(subscription: ActiveSubscription): Promise<void> {
    const { recipientId, active } = subscription
    const held = this.#subscriber.holdMessage()
    const result = await this.#core.store
      .apply({ party: "recipient", id: recipientId }, deliver(active.epoch))
      .finally(() => {
        held[Symbol.dispose]()
      })
    if (result?.type === "message" && subscription.outstanding === undefined)
      this.#subscriber.push(subscription, result.message)
  }
}
