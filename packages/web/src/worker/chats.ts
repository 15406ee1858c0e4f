import type { ChatMessage, ConnectionInfo, Conversation, LinkDescription } from "../protocol.ts"
import { changeAndTell, type ChatsParts, tell } from "./chats-parts.ts"
import { describeLink } from "./link-description.ts"
import { queueInfos } from "./queue-infos.ts"
import { problemOf } from "./problems.ts"

/** What a person does in conversations: asked of the agent, written into the book and told to the page. */
export class Chats {
  readonly #parts: ChatsParts

  constructor(parts: ChatsParts) {
    this.#parts = parts
  }

  async invite(name: string): Promise<{ readonly id: string }> {
    const { agent, book, now } = this.#parts
    await this.#findServers()
    const { connectionId, link } = await agent.createConnection({ mode: "invitation" })
    tell(this.#parts, await book.begin(connectionId, { status: "invited", created: now(), name, link }))
    return { id: connectionId }
  }

  async inspect(link: string): Promise<LinkDescription> {
    await this.#findServers().catch(() => undefined)
    const { servers } = await this.#parts.agent.getServers()
    return describeLink(link, servers)
  }

  /**
   * Joins by a link. Where a server cannot be reached now, the agent has a connection that it goes on with by itself: the conversation then says why it waits,
   * and another call with the same link tries at once.
   */
  async join(link: string, name: string): Promise<{ readonly id: string }> {
    const { agent, book } = this.#parts
    await this.#findServers()
    const before = await this.#joining()
    const earlier = book.conversations().find((one) => one.status === "joining" && one.link === link)
    try {
      const { connectionId: id } = await agent.joinConnection({ link })
      await this.#record(id, { status: "greeting", link: undefined, alert: undefined }, name)
      return { id }
    } catch (error) {
      const alert = problemOf(error)
      const id = earlier?.id ?? (await this.#joining()).find((one) => !before.includes(one))
      if (id !== undefined && temporary.has(alert.code)) {
        await this.#record(id, { status: "joining", link, alert }, name)
        return { id }
      }
      if (earlier !== undefined)
        await changeAndTell(this.#parts, earlier.id, { status: "closed", link: undefined, alert })
      throw error
    }
  }

  send(id: string, text: string): Promise<ChatMessage> {
    return this.#send(id, text)
  }

  async resend(id: string, message: number): Promise<ChatMessage> {
    const { book, emit } = this.#parts
    const again = await this.#send(id, book.message(id, message)?.text ?? "", message)
    emit({ type: "messageGone", id, message })
    return again
  }

  async #send(id: string, text: string, replaced?: number): Promise<ChatMessage> {
    const { agent, book, now } = this.#parts
    const about = { from: "me", text, time: now(), state: "stored" } as const
    try {
      const { messageId } = await agent.sendMessage(
        { connectionId: id, text },
        {
          alongside: (tx, stored) => {
            book.putSent(tx, id, { ...about, id: stored.messageId }, replaced)
          },
        },
      )
      tell(this.#parts, book.conversation(id))
      return book.message(id, messageId) ?? { ...about, id: messageId }
    } catch (error) {
      const alert = problemOf(error)
      if (alert.code === "SEND_LOCKED") await changeAndTell(this.#parts, id, { alert })
      throw error
    }
  }

  /** What is going on beneath a conversation. */
  async connection(id: string): Promise<ConnectionInfo> {
    const { agent } = this.#parts
    const { receiveQueues, sendQueues, postQuantum } = await agent.connectionState({ connectionId: id })
    const { sending, receiving } = postQuantum
    const queues = { receiving: queueInfos(receiveQueues), sending: queueInfos(sendQueues) }
    const code = await agent.securityCode({ connectionId: id }).then(
      (answer) => answer.code,
      (error: unknown) => {
        if (problemOf(error).code === "NOT_CONNECTED") return undefined
        throw error
      },
    )
    return { ...queues, postQuantum: { sending, receiving }, ...(code === undefined ? {} : { code }) }
  }

  async move(id: string): Promise<object> {
    await this.#parts.agent.switchQueue({ connectionId: id })
    return {}
  }

  async renewKeys(id: string): Promise<object> {
    await this.#parts.agent.synchronizeRatchet({ connectionId: id })
    return {}
  }

  async remove(id: string): Promise<object> {
    const { agent, book, emit } = this.#parts
    const { connections } = await agent.listConnections()
    if (connections.some(({ connectionId }) => connectionId === id))
      await agent.deleteConnection({ connectionId: id })
    await book.remove(id)
    emit({ type: "removed", id })
    return {}
  }

  /** Asks the page's server for its addresses where none are known: it could not be reached when the profile was opened. */
  async #findServers(): Promise<void> {
    const { agent, fetchServers } = this.#parts
    if ((await agent.getServers()).servers.length > 0) return
    await agent.setServers({ servers: await fetchServers() })
  }

  async #record(
    id: string,
    change: Pick<Conversation, "status" | "link" | "alert">,
    name: string,
  ): Promise<void> {
    const { book, now } = this.#parts
    const known = book.conversation(id)
    tell(
      this.#parts,
      known === undefined
        ? await book.begin(id, { ...change, created: now(), name })
        : await book.change(id, change),
    )
  }

  /** Connections whose join was cut off. */
  async #joining(): Promise<readonly string[]> {
    const { connections } = await this.#parts.agent.listConnections()
    return connections.filter(({ status }) => status === "joining").map(({ connectionId }) => connectionId)
  }
}

/** What ends by itself: the agent then keeps the half-made connection, and goes on with the same keys. */
const temporary: ReadonlySet<string> = new Set(["NETWORK", "TIMEOUT", "SERVER_VERSION"])
