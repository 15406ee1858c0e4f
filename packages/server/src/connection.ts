import { type Bytes, WireError } from "@smpkit/codec"
import { type BoxKey, boxKey } from "@smpkit/crypto"
import {
  type BrokerMessage,
  parseBatch,
  type ProtocolError,
  sealMessageBody,
  type SmpVersion,
  type Transmission,
} from "@smpkit/smp"
import type { SmpSession } from "@smpkit/transport"
import type { SessionKeys } from "./authorize.ts"
import { createQueue } from "./commands/create.ts"
import { execute } from "./commands/execute.ts"
import type { ServerCore } from "./core.ts"
import { DeliveryBacklog } from "./delivery-backlog.ts"
import { ServerError } from "./errors.ts"
import { InFlight } from "./in-flight.ts"
import { Outbox } from "./outbox.ts"
import type { Delivery, QueueRecord, StoredMessage } from "./queue.ts"
import { type QueueName, queueName } from "./queue-name.ts"
import { parseRequest, type QueueRequest, type Request } from "./request.ts"
import {
  type ActiveSubscription,
  newSubscription,
  type Subscriber,
  type Subscription,
} from "./subscribers.ts"

/** That GET was used for a queue on this connection. */
export interface GetUse {
  readonly type: "get"
  outstanding: Bytes | undefined
}

const empty: Bytes = new Uint8Array(0)

/** One client's session: blocks in, commands carried out, answers and messages out. */
export class Connection implements Subscriber {
  readonly version: SmpVersion
  readonly keys: SessionKeys
  readonly #core: ServerCore
  readonly #session: SmpSession
  readonly #outbox: Outbox
  readonly #inFlight: InFlight
  readonly #backlog: DeliveryBacklog
  readonly #queues = new Map<QueueName, Subscription | GetUse>()
  /** Commands under way that change keys or status: what follows on the same id waits for them. */
  readonly #barriers = new Map<QueueName, Promise<void>>()
  #created = 0
  #lastActive: number

  constructor(core: ServerCore, session: SmpSession) {
    this.#core = core
    this.#session = session
    this.version = session.version
    this.keys = { sessionId: session.sessionId, serverSessionPrivate: session.serverSessionPrivate }
    this.#lastActive = core.clock.now()
    this.#inFlight = new InFlight(core.limits.blocksInFlight)
    this.#backlog = new DeliveryBacklog(core, this)
    this.#outbox = new Outbox(session, core.limits.outboxBytes, () => {
      this.#backlog.proceed()
    })
  }

  /** When something last came or went, and whether anything is expected to come. */
  get activity(): { readonly at: number; readonly subscribed: boolean } {
    return { at: this.#lastActive, subscribed: this.#queues.size > 0 }
  }

  /** Serves until the session ends. Never rejects. */
  async run(): Promise<void> {
    try {
      for (;;) {
        // A peer that does not read its answers is not read from either.
        await this.#outbox.room()
        await this.#inFlight.room()
        const received = await this.#session.receive()
        if (received === undefined) return
        this.#lastActive = this.#core.clock.now()
        if (received.type === "content") await this.#content(received.content)
        else this.#refuse(empty, empty, { type: "BLOCK" })
      }
    } catch (error) {
      this.#core.onFailure(error)
    } finally {
      this.#outbox.close()
      const closed = this.#session.close()
      // A command whose commit is under way may still subscribe: only after the last one nobody holds this connection any more.
      await this.#inFlight.idle()
      for (const use of this.#queues.values()) {
        if (use.type === "subscribed") this.#core.subscribers.closed(use)
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
    return this.#session.close()
  }

  async #content(content: Bytes): Promise<void> {
    let items: readonly Bytes[]
    try {
      items = parseBatch(content)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.#refuse(empty, empty, { type: "BLOCK" })
      return
    }
    const under: Promise<void>[] = []
    let group: QueueRequest[] = []
    const flush = async (): Promise<void> => {
      const requests = group
      group = []
      if (requests.length > 0) under.push(...(await this.#start(requests)))
    }
    for (const item of items) {
      const request = parseRequest(this.version, this.#session.sessionId, item)
      if (request.type !== "queue") {
        under.push(this.#simple(request))
        continue
      }
      const barrier = this.#barriers.get(queueName(request.transmission.entityId))
      if (barrier !== undefined) {
        await flush()
        await barrier
      }
      group.push(request)
      if (changesAuthority(request)) await flush()
    }
    await flush()
    this.#inFlight.add(under)
  }

  #simple(request: Exclude<Request, QueueRequest>): Promise<void> {
    switch (request.type) {
      case "refused":
        this.#refuse(request.corrId, request.entityId, request.error)
        return Promise.resolve()
      case "ping":
        this.#add(request.corrId, empty, { type: "PONG" })
        return Promise.resolve()
      case "new": {
        const { transmission, command } = request
        return this.#guarded(transmission, createQueue(this.#core, this, transmission, command))
      }
      default:
        return request satisfies never
    }
  }

  /** Looks all queues of some commands up at once, verifies, and hands what may run to the store in order. */
  async #start(requests: readonly QueueRequest[]): Promise<readonly Promise<void>[]> {
    const { store, authorizer } = this.#core
    let records: readonly (QueueRecord | undefined)[]
    try {
      records = await store.find(requests.map((r) => ({ party: r.party, id: r.transmission.entityId })))
    } catch (error) {
      for (const { transmission } of requests) this.#failed(transmission, error)
      return []
    }
    return requests.map((request, i) => {
      const { command, transmission } = request
      const record = records[i]
      if (!authorizer.allows(command, record, transmission, this.keys)) {
        this.answer(transmission, { type: "ERR", error: { type: "AUTH" } })
        return Promise.resolve()
      }
      const done = this.#guarded(transmission, execute(this.#core, this, request, record))
      if (changesAuthority(request)) this.#setBarrier(queueName(transmission.entityId), done)
      return done
    })
  }

  #setBarrier(name: QueueName, done: Promise<void>): void {
    const barrier = done.then(() => {
      if (this.#barriers.get(name) === barrier) this.#barriers.delete(name)
    })
    this.#barriers.set(name, barrier)
  }

  async #guarded(transmission: Transmission, done: Promise<void>): Promise<void> {
    try {
      await done
    } catch (error) {
      this.#failed(transmission, error)
    }
  }

  #failed(transmission: Transmission, error: unknown): void {
    this.#core.onFailure(error)
    const failure: ProtocolError = ServerError.is(error, "STORE")
      ? { type: "STORE", text: "not available" }
      : { type: "INTERNAL" }
    this.answer(transmission, { type: "ERR", error: failure })
  }

  // What commands use.

  answer({ corrId, entityId }: Transmission, message: BrokerMessage): void {
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

  get hasRoom(): boolean {
    return this.#outbox.hasRoom
  }

  /** Whether this connection may create another queue now. */
  mayCreate(): boolean {
    return (
      this.#created < this.#core.limits.queuesPerConnection && !this.#core.isFull() && this.#core.takeNew()
    )
  }

  created(record: QueueRecord, subscribe: boolean): void {
    this.#created += 1
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
    const get: GetUse = { type: "get", outstanding: undefined }
    this.#queues.set(name, get)
    return get
  }

  use(id: Bytes): Subscription | GetUse | undefined {
    return this.#queues.get(queueName(id))
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

  #refuse(corrId: Bytes, entityId: Bytes, error: ProtocolError): void {
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

/** After these, whether a command is authorized may differ. */
function changesAuthority({ command }: QueueRequest): boolean {
  return ["KEY", "SKEY", "OFF", "DEL"].includes(command.type)
}
