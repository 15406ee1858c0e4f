import { type Bytes, toBase64Url } from "@smpkit/codec"
import type { PoolEvent, ServerMessage, SmpClient } from "@smpkit/client"
import { fastRetry } from "@smpkit/client"
import type { ServerAddress } from "@smpkit/smp"
import type { Context } from "./context.ts"
import type { Delivered } from "./changes.ts"
import type { Conversation } from "./conversation.ts"
import { failureOf, serverText } from "./failures.ts"
import type { ReceiveQueue } from "./queues.ts"

type OnMessage = (conversation: Conversation, message: Delivered) => void

/** An own queue, with the connection that it belongs to. */
interface Subscription {
  readonly conversation: Conversation
  readonly queue: ReceiveQueue
}

/** What becomes of own queues. */
export interface SubscriptionEvents {
  readonly onMessage: OnMessage
  readonly onUp: (server: ServerAddress) => void
  /** The server has none such. */
  readonly onGone: (conversation: Conversation, queue: ReceiveQueue) => void
}

/** The own queues on one server. */
interface Watched {
  readonly server: ServerAddress
  readonly queues: Map<string, Subscription>
  /** The session in which the queues are subscribed. */
  client: SmpClient | undefined
}

/** Keeps own queues subscribed: on start, after a drop, and when one is added; hands on what they deliver. */
export class Subscriptions {
  readonly #context: Context
  readonly #on: SubscriptionEvents
  readonly #servers = new Map<string, Watched>()

  constructor(context: Context, events: SubscriptionEvents) {
    this.#context = context
    this.#on = events
    context.background(this.#listen())
  }

  /** Subscribes a connection's queue, and goes on doing so. `created` is the session in which NEW has subscribed it already. */
  async add(conversation: Conversation, queue: ReceiveQueue, created?: SmpClient): Promise<void> {
    const { server, recipientId } = queue
    const key = serverText(server)
    const known = this.#servers.get(key)
    const watched: Watched = known ?? {
      server,
      queues: new Map(),
      client: this.#context.pool.current(server, "receive"),
    }
    const subscription = { conversation, queue }
    watched.queues.set(toBase64Url(recipientId), subscription)
    this.#servers.set(key, watched)
    if (known === undefined) this.#keep(watched)
    if (known === undefined && watched.client !== undefined) this.#show("serverUp", watched)
    if (watched.client !== undefined && watched.client !== created)
      await this.#subscribe(watched.client, subscription)
  }

  remove({ server, recipientId }: ReceiveQueue): void {
    const key = serverText(server)
    const watched = this.#servers.get(key)
    watched?.queues.delete(toBase64Url(recipientId))
    if (watched?.queues.size !== 0) return
    this.#servers.delete(key)
    this.#context.pool.keep(server, "receive", false)
  }

  /** A message that came as the answer to another command. */
  deliver(server: ServerAddress, recipientId: Bytes, message: ServerMessage): void {
    const subscription = this.#servers.get(serverText(server))?.queues.get(toBase64Url(recipientId))
    if (subscription === undefined) return
    const { conversation } = subscription
    switch (message.type) {
      case "MSG":
        this.#on.onMessage(conversation, { recipientId, msgId: message.msgId, body: message.body })
        return
      case "END":
        this.#context.show({
          type: "error",
          connectionId: conversation.id,
          code: "QUEUE_TAKEN_OVER",
          message: "Another program receives this connection's messages: is a copy of this store in use?",
          server: serverText(server),
        })
        return
      case "DELD":
      case "ERR":
        this.#gone(subscription)
        return
      default:
        return message satisfies never
    }
  }

  #keep({ server }: Watched): void {
    const { pool } = this.#context
    pool.keep(server, "receive")
    // A server that cannot be reached at first makes no `down`; the pool goes on trying by itself.
    void pool.client(server, "receive").catch((error: unknown) => {
      const watched = this.#servers.get(serverText(server))
      if (watched?.client !== undefined || watched === undefined) return
      this.#show("serverDown", watched)
      const failure = failureOf(error)
      if (failure?.code !== "SERVER_VERSION") return
      // Waiting alone does not help here.
      const { code, message } = failure
      this.#context.show({
        type: "error",
        connectionId: undefined,
        code,
        message,
        server: serverText(server),
      })
    })
  }

  async #listen(): Promise<void> {
    for await (const event of this.#context.pool.events()) {
      if (event.role === "receive") this.#event(event)
    }
  }

  #event(event: PoolEvent): void {
    const { server, client } = event
    const watched = this.#servers.get(serverText(server))
    switch (event.type) {
      case "event":
        this.deliver(server, event.event.entityId, event.event.message)
        return
      case "up":
        this.#on.onUp(server)
        if (watched === undefined || watched.client === client) return
        watched.client = client
        this.#context.background(this.#subscribeAll(watched, client))
        return
      case "down":
        if (watched?.client !== client) return
        watched.client = undefined
        this.#show("serverDown", watched)
        return
      default:
        return event satisfies never
    }
  }

  async #subscribeAll(watched: Watched, client: SmpClient): Promise<void> {
    await Promise.all([...watched.queues.values()].map((one) => this.#subscribe(client, one)))
    if (watched.client === client) this.#show("serverUp", watched)
  }

  /** Subscribes one queue, again after a time-out as long as the session lasts: after that, the next one does. */
  async #subscribe(client: SmpClient, subscription: Subscription): Promise<void> {
    const { conversation, queue } = subscription
    if (!conversation.wanted) return
    const { recipientId, recipientKey, server } = queue
    while (conversation.active && this.#isCurrent(client, queue)) {
      try {
        const answer = await client.request({ type: "SUB" }, { entityId: recipientId, key: recipientKey })
        if (answer.type === "MSG") this.deliver(server, recipientId, answer)
        return
      } catch (error) {
        this.#context.assertOpen()
        const failure = failureOf(error)
        if (failure === undefined) throw error
        if (failure.type === "permanent") {
          this.#gone(subscription)
          return
        }
        await this.#context.pause(fastRetry.initialMs)
      }
    }
  }

  #isCurrent(client: SmpClient, { server, recipientId }: ReceiveQueue): boolean {
    const watched = this.#servers.get(serverText(server))
    return watched?.client === client && watched.queues.has(toBase64Url(recipientId))
  }

  #gone({ conversation, queue }: Subscription): void {
    const { server } = queue
    this.#on.onGone(conversation, queue)
    // A second queue is no loss: its move tells how that ends.
    if (conversation.moves.isSecond(queue.recipientId)) return
    this.#context.show({
      type: "error",
      connectionId: conversation.id,
      code: "QUEUE_DELETED",
      message: "The server has deleted or blocked this connection's queue: nothing more can arrive.",
      server: serverText(server),
    })
  }

  #show(type: "serverUp" | "serverDown", { server, queues }: Watched): void {
    const connectionIds = [...new Set([...queues.values()].map(({ conversation }) => conversation.id))]
    if (connectionIds.length > 0) this.#context.show({ type, server: serverText(server), connectionIds })
  }
}
