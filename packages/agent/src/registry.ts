import type { SmpClient } from "@smpkit/client"
import { acknowledgeMessage } from "./acknowledge.ts"
import type { ServerAddress } from "@smpkit/smp"
import type { Connection } from "./connection.ts"
import type { Context } from "./context.ts"
import { Conversation } from "./conversation.ts"
import { Delivery } from "./deliver.ts"
import { AgentError } from "./errors.ts"
import { Joins } from "./joins.ts"
import { Receipts } from "./receipts.ts"
import { receive } from "./receive.ts"
import { listRecords, tables } from "./records.ts"
import { Mover } from "./rotation/mover.ts"
import type { Lane } from "./rotation/moves.ts"
import type { SwitchOptions } from "./rotation/receiving-side.ts"
import type { StoreTx } from "./store/index.ts"
import { releaseUnused, serversOf, type ServerUse } from "./servers-in-use.ts"
import { Subscriptions } from "./subscriptions.ts"

interface Member {
  readonly conversation: Conversation
  readonly delivery: Delivery
  readonly mover: Mover
  readonly receipts: Receipts
}

/** The connections of an agent with their workers. */
export class Registry {
  readonly #context: Context
  readonly #members = new Map<string, Member>()
  readonly #subscriptions: Subscriptions
  readonly joins: Joins

  constructor(context: Context) {
    this.#context = context
    this.joins = new Joins(context, this)
    this.#subscriptions = new Subscriptions(context, {
      onMessage: (conversation, message) => {
        conversation.laneOf(message.recipientId).arrivals++
        const work = (): Promise<void> => receive(context, conversation, message, conversation.resume)
        return conversation.inOrder(work)
      },
      onUp: (server) => {
        this.#resume(server)
      },
      onGone: (conversation, queue) => {
        const mover = this.#members.get(conversation.id)?.mover
        if (mover !== undefined) context.background(mover.gone(queue))
      },
    })
    context.onMessage = (server, recipientId, message) => {
      this.#subscriptions.deliver(server, recipientId, message)
    }
    context.onErased = (id) => {
      this.remove(id)
    }
    context.onQueueDeleted = (server) => {
      this.#release([{ role: "receive", server }])
    }
    for (const { value } of listRecords(context.store, tables.connection)) this.#add(value)
  }

  all(): readonly Conversation[] {
    return [...this.#conversations()]
  }

  *#conversations(): Iterable<Conversation> {
    for (const { conversation } of this.#members.values()) yield conversation
  }

  /** Throws `AgentError NOT_FOUND`. */
  get(id: string): Conversation {
    return this.#member(id).conversation
  }

  /** Stores a new connection, and what else belongs into its transaction. */
  async create(connection: Connection, also?: (tx: StoreTx) => void): Promise<Conversation> {
    const { conversation } = this.#add(connection)
    try {
      await conversation.save({ connection, also })
    } catch (error) {
      this.#members.delete(connection.id)
      throw error
    }
    return conversation
  }

  remove(id: string): void {
    const member = this.#members.get(id)
    if (member === undefined) return
    member.receipts.stop()
    this.joins.forget(id)
    const { conversation } = member
    for (const lane of conversation.lanes) {
      const queue = conversation.queueOf(lane)
      if (queue !== undefined) this.#subscriptions.remove(queue)
    }
    this.#members.delete(id)
    this.#release(serversOf(this.#context.servers, conversation))
  }

  #release(uses: readonly ServerUse[]): void {
    releaseUnused(this.#context, uses, this.#conversations())
  }

  /** Subscribes a connection's queues; `created` is the session that made its own. */
  async watch(conversation: Conversation, created?: SmpClient): Promise<void> {
    const add = async (lane: Lane): Promise<void> => {
      const queue = conversation.queueOf(lane)
      if (queue !== undefined) await this.#subscriptions.add(conversation, queue, created)
    }
    await Promise.all(conversation.lanes.map(add))
  }

  /** Moves the queue of a connection. Throws as `offerQueue`. */
  async switchQueue(id: string, options: SwitchOptions): Promise<void> {
    await this.#member(id).mover.offer(options)
  }

  /** Looks after moves that take too long. */
  tidyMoves(): void {
    for (const { conversation, mover } of this.#members.values())
      if (conversation.moves.going) this.#context.background(mover.tidy())
  }

  /** Starts sending what waits. */
  start(id: string): void {
    const { conversation, delivery, receipts, mover } = this.#member(id)
    if (conversation.outgoing.length > 0) delivery.start()
    mover.start()
    receipts.schedule()
  }

  async acknowledge(id: string, messageId: number, receipt: boolean): Promise<void> {
    const { conversation, receipts } = this.#member(id)
    await acknowledgeMessage(this.#context, conversation, messageId, receipt)
    if (receipt) receipts.schedule()
  }

  /** A server can be reached again: what waits for it is tried at once. */
  #resume(server: ServerAddress): void {
    const use = this.#context.servers.of("send", server)
    for (const { conversation, delivery, mover } of this.#members.values()) {
      mover.resume()
      if (conversation.outgoing.length > 0 && conversation.outline.uses.includes(use)) delivery.resume()
    }
  }

  stop(): void {
    for (const { receipts } of this.#members.values()) receipts.stop()
  }

  #add(connection: Connection): Member {
    const conversation = new Conversation(this.#context, connection)
    const member = {
      conversation,
      delivery: new Delivery(this.#context, conversation),
      mover: new Mover(this.#context, conversation, {
        watch: (queue, created) => this.#subscriptions.add(conversation, queue, created),
        unwatch: (queue) => {
          this.#subscriptions.remove(queue)
        },
        release: (uses) => {
          this.#release(uses)
        },
      }),
      receipts: new Receipts(this.#context, conversation),
    }
    this.#members.set(connection.id, member)
    return member
  }

  #member(id: string): Member {
    const member = this.#members.get(id)
    if (member === undefined)
      throw new AgentError("NOT_FOUND", "There is no such connection.", { connectionId: id })
    return member
  }
}
