import { type Bytes, toBase64Url } from "@smpkit/codec"
import type { PoolEvent, ServerMessage, SmpClient } from "@smpkit/client"
import { fastRetry } from "@smpkit/client"
import type { ServerAddress } from "@smpkit/smp"
import type { Context } from "./context.ts"
import type { Delivered } from "./changes.ts"
import type { Conversation } from "./conversation.ts"
import { failureOf, serverText } from "./failures.ts"

type OnMessage = (conversation: Conversation, message: Delivered) => void

/** The own queues on one server. */
interface Watched {
  readonly server: ServerAddress
  readonly conversations: Map<string, Conversation>
  /** The session in which the queues are subscribed. */
  client: SmpClient | undefined
}

/** Keeps own queues subscribed: on start, after a drop, and when one is added; hands on what they deliver. */
export class Subscriptions {
  readonly #context: Context
  readonly #receive: OnMessage
  readonly #onUp: (server: ServerAddress) => void
  readonly #servers = new Map<string, Watched>()

  constructor(context: Context, receive: OnMessage, onUp: (server: ServerAddress) => void) {
    this.#context = context
    this.#receive = receive
    this.#onUp = onUp
    context.background(this.#listen())
  }

  /** Subscribes a connection's queue, and goes on doing so. `created` is the session in which NEW has subscribed it already. */
  async add(conversation: Conversation, created?: SmpClient): Promise<void> {
    const c = conversation.connection
    if (!("receive" in c)) return
    const { server, recipientId } = c.receive
    const key = serverText(server)
    const known = this.#servers.get(key)
    const watched: Watched = known ?? {
      server,
      conversations: new Map(),
      client: this.#context.pool.current(server, "receive"),
    }
    watched.conversations.set(toBase64Url(recipientId), conversation)
    this.#servers.set(key, watched)
    if (known === undefined) this.#keep(watched)
    if (known === undefined && watched.client !== undefined) this.#show("serverUp", watched)
    if (watched.client !== undefined && watched.client !== created)
      await this.#subscribe(watched.client, conversation)
  }

  remove(conversation: Conversation): void {
    const c = conversation.connection
    if (!("receive" in c)) return
    const { server, recipientId } = c.receive
    const key = serverText(server)
    const watched = this.#servers.get(key)
    watched?.conversations.delete(toBase64Url(recipientId))
    if (watched?.conversations.size !== 0) return
    this.#servers.delete(key)
    this.#context.pool.keep(server, "receive", false)
  }

  /** A message that came as the answer to another command. */
  deliver(server: ServerAddress, recipientId: Bytes, message: ServerMessage): void {
    const conversation = this.#servers.get(serverText(server))?.conversations.get(toBase64Url(recipientId))
    if (conversation === undefined) return
    switch (message.type) {
      case "MSG":
        this.#receive(conversation, message)
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
        this.#gone(conversation.id, server)
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
        this.#onUp(server)
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
    await Promise.all([...watched.conversations.values()].map((one) => this.#subscribe(client, one)))
    if (watched.client === client) this.#show("serverUp", watched)
  }

  /** Subscribes one queue, again after a time-out as long as the session lasts: after that, the next one does. */
  async #subscribe(client: SmpClient, conversation: Conversation): Promise<void> {
    const c = conversation.connection
    if (!("receive" in c) || !conversation.wanted) return
    const { recipientId, recipientKey, server } = c.receive
    while (conversation.active && this.#servers.get(serverText(server))?.client === client) {
      try {
        const answer = await client.request({ type: "SUB" }, { entityId: recipientId, key: recipientKey })
        if (answer.type === "MSG") this.deliver(server, recipientId, answer)
        return
      } catch (error) {
        this.#context.assertOpen()
        const failure = failureOf(error)
        if (failure === undefined) throw error
        if (failure.type === "permanent") {
          this.#gone(c.id, server)
          return
        }
        await this.#context.pause(fastRetry.initialMs)
      }
    }
  }

  #gone(connectionId: string, server: ServerAddress): void {
    this.#context.show({
      type: "error",
      connectionId,
      code: "QUEUE_DELETED",
      message: "The server has deleted or blocked this connection's queue: nothing more can arrive.",
      server: serverText(server),
    })
  }

  #show(type: "serverUp" | "serverDown", { server, conversations }: Watched): void {
    const connectionIds = [...conversations.values()].map(({ id }) => id)
    if (connectionIds.length > 0) this.#context.show({ type, server: serverText(server), connectionIds })
  }
}
