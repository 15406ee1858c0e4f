import { type Bytes, fromBase64Url, toBase64Url } from "@smpkit/codec"
import type { PoolEvent, ServerMessage, SmpClient } from "@smpkit/client"
import type { ServerAddress } from "@smpkit/smp"
import type { Context } from "./context.ts"
import type { Delivered } from "./changes.ts"
import type { Conversation } from "./conversation.ts"
import { failureOf, serverText } from "./failures.ts"
import type { ReceiveQueue } from "./queues.ts"
import { type Attempt, SubscribedSession } from "./subscribed-session.ts"

/** What becomes of own queues. */
export interface SubscriptionEvents {
  /** Resolves when the message is stored and shown. */
  readonly onMessage: (conversation: Conversation, message: Delivered) => Promise<void>
  readonly onUp: (server: ServerAddress) => void
  /** The server has none such. */
  readonly onGone: (conversation: Conversation, queue: ReceiveQueue) => void
}

/** The own queues on one server. */
interface Watched {
  readonly server: ServerAddress
  /** Whose they are, by their recipient ids. Keys are looked up when they are needed: there may be very many of them. */
  readonly queues: Map<string, Conversation>
  /** In which the queues are subscribed. */
  session: SubscribedSession | undefined
}

/** While so many messages wait for their place on disk, or for the application, no further queues are subscribed to, each of which may bring one more. */
const mostMessages = 256
/** Keeps own queues subscribed: on start, after a drop, and when one is added; hands on what they deliver. */
export class Subscriptions {
  readonly #context: Context
  readonly #on: SubscriptionEvents
  readonly #servers = new Map<string, Watched>()
  #messages = 0

  constructor(context: Context, events: SubscriptionEvents) {
    this.#context = context
    this.#on = events
    context.background(this.#listen())
  }

  /**
   * Subscribes a connection's queue, and goes on doing so; resolves after the first attempt, where there is a session. `created` is the session in which NEW has
   * subscribed it already.
   */
  async add(conversation: Conversation, queue: ReceiveQueue, created?: SmpClient): Promise<void> {
    const { server } = queue
    const name = toBase64Url(queue.recipientId)
    const key = serverText(server)
    const known = this.#servers.get(key)
    const current = this.#context.pool.current(server, "receive")
    const watched: Watched = known ?? {
      server,
      queues: new Map(),
      session: current && this.#session(server, current),
    }
    watched.queues.set(name, conversation)
    this.#servers.set(key, watched)
    if (known === undefined) this.#keep(watched)
    const { session } = watched
    if (known === undefined && session !== undefined) this.#show("serverUp", watched)
    if (session === undefined || session.client === created) return
    await session.subscribe([name], { urgent: true })
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
    const conversation = this.#servers.get(serverText(server))?.queues.get(toBase64Url(recipientId))
    if (conversation === undefined) return
    switch (message.type) {
      case "MSG":
        this.#messages++
        this.#context.background(
          this.#on
            .onMessage(conversation, { recipientId, msgId: message.msgId, body: message.body })
            .finally(() => {
              this.#messages--
              if (this.#messages === mostMessages - 1)
                for (const { session } of this.#servers.values()) session?.changed()
            }),
        )
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
        this.#gone(conversation, recipientId)
        return
      default:
        return message satisfies never
    }
  }

  #session(server: ServerAddress, client: SmpClient): SubscribedSession {
    return new SubscribedSession(this.#context, client, {
      attempt: (name) => this.#attempt(server, client, name),
      onRefused: () => {
        this.#showRefusal(server)
      },
      mayBegin: () => this.#messages < mostMessages,
    })
  }

  #keep({ server }: Watched): void {
    const { pool } = this.#context
    pool.keep(server, "receive")
    // A server that cannot be reached at first makes no `down`; the pool goes on trying by itself.
    void pool.client(server, "receive").catch((error: unknown) => {
      const watched = this.#servers.get(serverText(server))
      if (watched === undefined || watched.session !== undefined) return
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
        if (watched === undefined || watched.session?.client === client) return
        watched.session?.end()
        watched.session = this.#session(server, client)
        this.#context.background(this.#subscribeAll(watched, watched.session))
        return
      case "down":
        if (watched?.session?.client !== client) return
        watched.session.end()
        watched.session = undefined
        this.#show("serverDown", watched)
        return
      default:
        return event satisfies never
    }
  }

  async #subscribeAll(watched: Watched, session: SubscribedSession): Promise<void> {
    await session.subscribe([...watched.queues.keys()], { urgent: false })
    if (watched.session === session) this.#show("serverUp", watched)
  }

  async #attempt(server: ServerAddress, client: SmpClient, name: string): Promise<Attempt> {
    const watched = this.#servers.get(serverText(server))
    const conversation = watched?.queues.get(name)
    if (conversation?.wanted !== true || !conversation.active || watched?.session?.client !== client)
      return "done"
    const queue = conversation.ownQueue(fromBase64Url(name))
    if (queue === undefined) return "done"
    const { recipientId, recipientKey } = queue
    try {
      const answer = await client.request({ type: "SUB" }, { entityId: recipientId, key: recipientKey })
      if (answer.type === "MSG") this.deliver(server, recipientId, answer)
      return "done"
    } catch (error) {
      this.#context.assertOpen()
      const failure = failureOf(error)
      if (failure === undefined) throw error
      switch (failure.type) {
        case "permanent":
          this.#gone(conversation, recipientId)
          return "done"
        case "quota":
          return "refused"
        case "temporary":
          return "later"
        default:
          return failure.type satisfies never
      }
    }
  }

  /** The application hears it once a session: nothing else would tell that some connections receive nothing. */
  #showRefusal(server: ServerAddress): void {
    this.#context.show({
      type: "error",
      connectionId: undefined,
      code: "QUOTA",
      message: "The server takes no more subscriptions from one session: move some connections to another.",
      server: serverText(server),
    })
  }

  #gone(conversation: Conversation, recipientId: Bytes): void {
    const queue = conversation.ownQueue(recipientId)
    if (queue === undefined) return
    this.#on.onGone(conversation, queue)
    // A second queue is no loss: its move tells how that ends.
    if (conversation.moves.isSecond(recipientId)) return
    this.#context.show({
      type: "error",
      connectionId: conversation.id,
      code: "QUEUE_DELETED",
      message: "The server has deleted or blocked this connection's queue: nothing more can arrive.",
      server: serverText(queue.server),
    })
  }

  #show(type: "serverUp" | "serverDown", { server, queues }: Watched): void {
    const connectionIds = [...new Set([...queues.values()].map(({ id }) => id))]
    if (connectionIds.length > 0) this.#context.show({ type, server: serverText(server), connectionIds })
  }
}
