import type { Bytes } from "@smpkit/codec"
import { type BoxKey, boxKey } from "@smpkit/crypto"
import {
  blockSize,
  type BrokerMessage,
  type ProtocolError,
  sealMessageBody,
  type SmpVersion,
  type Transmission,
} from "@smpkit/smp"
import type { SmpSession } from "@smpkit/transport"
import type { SessionKeys } from "./authorize.ts"
import type { ServerCore } from "./core.ts"
import { DeliveryBacklog } from "./delivery-backlog.ts"
import { ServerError } from "./errors.ts"
import { InFlight } from "./in-flight.ts"
import { Intake } from "./intake.ts"
import type { Asker } from "./new-queues.ts"
import { Outbox } from "./outbox.ts"
import type { Delivery, QueueRecord, StoredMessage } from "./queue.ts"
import { type QueueName, queueName } from "./queue-name.ts"
import {
  type ActiveSubscription,
  newSubscription,
  type Subscriber,
  type Subscription,
} from "./subscribers.ts"

/** That GET was used for a queue on this connection. */
export interface GetUse {
  readonly type: "get"
  /** GETs under way. */
  asking: number
  /** Whether one has found the queue. */
  active: boolean
  outstanding: Bytes | undefined
}

const empty: Bytes = new Uint8Array(0)

/** One client's session: blocks in, commands carried out, answers and messages out. */
export class Connection implements Subscriber, Asker {
  readonly version: SmpVersion
  readonly sessionId: Bytes
  readonly keys: SessionKeys
  readonly prefix: string | undefined
  readonly #core: ServerCore
  readonly #session: SmpSession
  readonly #outbox: Outbox
  readonly #inFlight: InFlight
  readonly #intake: Intake
  readonly #backlog: DeliveryBacklog
  readonly #queues = new Map<QueueName, Subscription | GetUse>()
  #created = 0
  #lastActive: number

  /** `prefix` is that of the peer's address, where it is known. */
  constructor(core: ServerCore, session: SmpSession, prefix?: string) {
    this.prefix = prefix
    this.#core = core
    this.#session = session
    this.version = session.version
    this.sessionId = session.sessionId
    this.keys = { sessionId: session.sessionId, serverSessionPrivate: session.serverSessionPrivate }
    this.#lastActive = core.clock.now()
    this.#inFlight = new InFlight(core.limits.blocksInFlight)
    this.#intake = new Intake(core, this)
    this.#backlog = new DeliveryBacklog(core, this)
    this.#outbox = new Outbox(session, core.outboxSpace.part(), () => {
      this.#backlog.proceed()
    })
  }

  /** When something last came or went, and whether anything is expected to come. */
  get activity(): { readonly at: number; readonly subscribed: boolean } {
    return { at: this.#lastActive, subscribed: this.#queues.size > 0 }
  }

  /** Serves until the session ends. Never rejects. */
  async run(): Promise<void> {
    // Also while it is not read from, because too much of it waits.
    void this.#session.closed.then(() => {
      this.#core.newQueues.leave(this)
    })
    try {
      for (;;) {
        // A peer that does not read its answers is not read from either.
        await this.#outbox.room()
        await this.#inFlight.room()
        const received = await this.#session.receive()
        if (received === undefined) return
        this.#lastActive = this.#core.clock.now()
        if (received.type === "content") await this.#take(received.content)
        else this.refuse(empty, empty, { type: "BLOCK" })
      }
    } catch (error) {
      this.#core.onFailure(error)
    } finally {
      this.#outbox.close()
      const closed = this.#session.close()
      this.#core.newQueues.leave(this)
      // A command whose commit is under way may still subscribe: only after the last one nobody holds this connection any more.
      await this.#inFlight.idle()
      for (const use of this.#queues.values()) {
        if (use.type !== "subscribed") continue
        this.#core.subscribers.closed(use)
        use.active?.sealKey.fill(0)
      }
      this.#queues.clear()
      this.#backlog.clear()
      await closed
    }
  }

  /** Answers what was received, then closes. */
  async finish(): Promise<void> {
    await this.#inFlight.idle()
    await this.#outbox.drained()
    await this.#session.close()
  }

  /** Closes at once. */
  close(): Promise<void> {
    this.#intake.abandon()
    return this.#session.close()
  }

  /** From here on a block counts as in flight, so that a server that stops waits for it. */
  async #take(content: Bytes): Promise<void> {
    const place = this.#inFlight.begin()
    try {
      const under = await this.#intake.take(content)
      void Promise.all(under).then(() => {
        place[Symbol.dispose]()
      })
    } catch (error) {
      place[Symbol.dispose]()
      throw error
    }
  }

  // What commands use.

  /** A command met an error of the store or a bug. */
  failed(transmission: Transmission, error: unknown): void {
    this.#core.onFailure(error)
    const failure: ProtocolError = ServerError.is(error, "STORE")
      ? { type: "STORE", text: "not available" }
      : { type: "INTERNAL" }
    this.answer(transmission, { type: "ERR", error: failure })
  }

  answer({ corrId, entityId }: Pick<Transmission, "corrId" | "entityId">, message: BrokerMessage): void {
    this.#add(corrId, message.type === "IDS" ? empty : entityId, message)
  }

  /** Answers GET or ACK with the message that was found, or OK. `sealKey` is that of the subscription, if there is one. */
  answerDelivery(transmission: Transmission, delivery: Delivery, sealKey?: BoxKey): void {
    switch (delivery.type) {
      case "message":
        this.answer(transmission, sealed(sealKey ?? boxKey(delivery.secret), delivery.message))
        return
      case "empty":
        this.answer(transmission, { type: "OK" })
        return
      case "ERR":
        this.answer(transmission, delivery)
        return
      default:
        delivery satisfies never
    }
  }

  pong(corrId: Bytes): void {
    this.#add(corrId, empty, { type: "PONG" })
  }

  get hasRoom(): boolean {
    return this.#outbox.hasRoom
  }

  /** Resolves when there is room for another answer, or nothing will be written any more. */
  room(): Promise<void> {
    return this.#outbox.room()
  }

  /** Keeps room for a message that may come with an answer. */
  holdMessage(): Disposable {
    return this.#outbox.hold(blockSize)
  }

  /** Whether this connection may create another queue, which then counts; resolves when the rate of the process allows it. */
  async mayCreate(): Promise<boolean> {
    if (this.#created >= this.#core.limits.queuesPerConnection || this.#core.isFull()) return false
    this.#created += 1
    if (await this.#core.newQueues.take(this)) return true
    this.notCreated()
    return false
  }

  /** What `mayCreate` has allowed has come to nothing. */
  notCreated(): void {
    this.#created -= 1
  }

  created(record: QueueRecord, subscribe: boolean): void {
    if (!subscribe) return
    const subscription = newSubscription(this, record.recipientId)
    this.#queues.set(subscription.name, subscription)
    this.#core.subscribers.subscribed(subscription, record)
  }

  /** The subscription that a SUB makes or renews; "get" where GET was used before it. */
  beginSubscription(id: Bytes): Subscription | "get" | "limit" {
    const name = queueName(id)
    const use = this.#queues.get(name)
    if (use !== undefined) return use.type === "get" ? "get" : use
    if (this.#queues.size >= this.#core.limits.queuesPerConnection) return "limit"
    const subscription = newSubscription(this, id)
    this.#queues.set(name, subscription)
    return subscription
  }

  /** Notes that GET is used; `undefined` where the queue is subscribed. */
  beginGet(id: Bytes): GetUse | "limit" | undefined {
    const name = queueName(id)
    const use = this.#queues.get(name)
    if (use !== undefined) return use.type === "get" ? use : undefined
    if (this.#queues.size >= this.#core.limits.queuesPerConnection) return "limit"
    const get: GetUse = { type: "get", asking: 0, active: false, outstanding: undefined }
    this.#queues.set(name, get)
    return get
  }

  use(id: Bytes): Subscription | GetUse | undefined {
    return this.#queues.get(queueName(id))
  }

  /**
   * Carries out a SUB or GET on what it begins; `undefined` when there is no such queue. What has come to nothing counts no longer, unless another
   * on the same queue is under way or was successful before.
   */
  async ask<R>(
    use: Subscription | GetUse,
    id: Bytes,
    run: () => Promise<R | undefined>,
  ): Promise<R | undefined> {
    use.asking += 1
    let result: R | undefined
    try {
      result = await run()
      if (result !== undefined && use.type === "get") use.active = true
      return result
    } finally {
      use.asking -= 1
      const name = queueName(id)
      const isNothing = result === undefined && use.asking === 0 && !use.active
      if (isNothing && this.#queues.get(name) === use) this.#queues.delete(name)
    }
  }

  forgetQueue(id: Bytes): void {
    const name = queueName(id)
    const use = this.#queues.get(name)
    if (use?.type === "subscribed") this.#backlog.remove(use)
    this.#queues.delete(name)
  }

  /** A subscription is no longer one; whether it was until now. */
  forget(subscription: Subscription): boolean {
    this.#backlog.remove(subscription)
    if (this.#queues.get(subscription.name) !== subscription) return false
    return this.#queues.delete(subscription.name)
  }

  // Subscriber.

  push(subscription: ActiveSubscription, message: StoredMessage): void {
    if (!this.hasRoom) {
      this.#backlog.add(subscription)
      return
    }
    if (this.#queues.get(subscription.name) !== subscription) return
    subscription.outstanding = message.msgId
    this.#add(empty, subscription.recipientId, sealed(subscription.active.sealKey, message))
  }

  /** Delivers the oldest message when there is room for it. */
  pushLater(subscription: ActiveSubscription): void {
    this.#backlog.add(subscription)
  }

  ended(subscription: Subscription): void {
    if (this.forget(subscription)) this.#add(empty, subscription.recipientId, { type: "END" })
  }

  deleted(subscription: Subscription): void {
    if (this.forget(subscription)) this.#add(empty, subscription.recipientId, { type: "DELD" })
  }

  /** Answers what could not be read as a command with this session. */
  refuse(corrId: Bytes, entityId: Bytes, error: ProtocolError): void {
    this.#add(corrId, entityId, { type: "ERR", error })
  }

  #add(corrId: Bytes, entityId: Bytes, message: BrokerMessage): void {
    this.#lastActive = this.#core.clock.now()
    this.#outbox.add(corrId, entityId, message)
  }
}

function sealed(key: BoxKey, message: StoredMessage): BrokerMessage {
  return { type: "MSG", msgId: message.msgId, body: sealMessageBody(key, message.msgId, message) }
}
