import type {
  ChatMessage,
  ConnectionInfo,
  Conversation,
  ConversationStatus,
  LinkDescription,
  NoticeKind,
  PageEvent,
  Problem,
} from "../protocol.ts"
import type { AgentApi, AgentEvent, MessageEvent } from "./agent-port.ts"
import type { Book } from "./book.ts"
import { describeLink } from "./link-description.ts"
import { queueInfos } from "./queue-infos.ts"
import { hostOf, problemOf } from "./problems.ts"

export interface ChatsParts {
  readonly agent: AgentApi
  readonly book: Book
  readonly emit: (event: PageEvent) => void
  readonly now: () => number
  readonly fetchServers: () => Promise<readonly string[]>
}

const noPostQuantum: Problem = { code: "POST_QUANTUM_OFF", message: "" }

/** Alerts that new keys settle. */
const ofOldKeys: ReadonlySet<string> = new Set(["KEYS_ASKED", "OUT_OF_STEP", "SEND_LOCKED", "A_CRYPTO"])

/** Conversations: the agent's connections and events, written into the book and told to the page. */
export class Chats {
  readonly #parts: ChatsParts
  readonly #servers = new Map<string, "up" | "down">()

  constructor(parts: ChatsParts) {
    this.#parts = parts
  }

  /** Compares the book with the agent: a crash can come between their transactions. */
  async begin(): Promise<void> {
    const { agent, book } = this.#parts
    const { connections } = await agent.listConnections()
    for (const { connectionId, status: state, verified } of connections) {
      const status = statusOf(state)
      const known = book.conversation(connectionId)
      const link = await this.#linkOf(connectionId, status)
      if (known === undefined)
        await book.begin(connectionId, { status, verified, link, created: this.#parts.now() })
      else if (known.status !== status || known.verified !== verified || known.link !== link)
        await book.change(connectionId, { status, verified, link })
    }
    const present = new Set(connections.map(({ connectionId }) => connectionId))
    for (const { id, status } of book.conversations()) {
      if (present.has(id) || status === "closed") continue
      await book.change(id, {
        status: "closed",
        alert: { code: "DELETED", message: "The connection is gone." },
      })
    }
  }

  /** Only the page knows the link of a join; that of an invitation which the page has not written down yet can be had again. */
  async #linkOf(connectionId: string, status: ConversationStatus): Promise<string | undefined> {
    const { agent, book } = this.#parts
    if (status !== "invited" && status !== "joining") return undefined
    const known = book.conversation(connectionId)?.link
    if (known !== undefined || status === "joining") return known
    try {
      return (await agent.getLink({ connectionId })).link
    } catch (error) {
      // Made to answer a request at an address: nobody else can use it.
      if (problemOf(error).code === "PROHIBITED") return undefined
      throw error
    }
  }

  async invite(name: string): Promise<{ readonly id: string }> {
    const { agent, book, now } = this.#parts
    await this.#findServers()
    const { connectionId, link } = await agent.createConnection({ mode: "invitation" })
    this.#tell(await book.begin(connectionId, { status: "invited", created: now(), name, link }))
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
      if (earlier !== undefined) await this.#change(earlier.id, { status: "closed", link: undefined, alert })
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
      this.#tell(book.conversation(id))
      return book.message(id, messageId) ?? { ...about, id: messageId }
    } catch (error) {
      const alert = problemOf(error)
      if (alert.code === "SEND_LOCKED") await this.#change(id, { alert })
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

  async listen(): Promise<void> {
    for await (const event of this.#parts.agent.events()) await this.#take(event)
  }

  async #take(event: AgentEvent): Promise<void> {
    const { agent, book, emit } = this.#parts
    switch (event.type) {
      case "confirmation": {
        const { connectionId, confirmationId } = event
        const alert = await agent.allowConnection({ connectionId, confirmationId }).then(
          () => undefined,
          (error: unknown) => ofBeginning(problemOf(error)),
        )
        await this.#change(connectionId, { status: "greeting", link: undefined, alert })
        return
      }
      case "connected":
        await this.#change(event.connectionId, { status: "connected", link: undefined, alert: undefined })
        return
      case "message":
        await this.#receive(event)
        return
      case "sent":
        await this.#progress(event.connectionId, event.messageId, { state: "sent" })
        return
      case "delivered":
        await this.#progress(
          event.connectionId,
          event.messageId,
          event.hashOk
            ? { state: "delivered" }
            : {
                state: "failed",
                problem: { code: "OTHER_CONTENT", message: "It arrived, but not as it was sent." },
              },
        )
        return
      case "failed": {
        const { code, message, server } = event
        const problem: Problem = { code, message, host: hostOf(server) }
        await this.#progress(event.connectionId, event.messageId, { state: "failed", problem })
        return
      }
      case "serverUp":
      case "serverDown":
        this.#reach(event.server, event.type === "serverUp" ? "up" : "down")
        return
      case "closed": {
        const { code, message, connectionId } = event
        const alert = ofBeginning({ code, message })
        await this.#change(connectionId, { status: "closed", link: undefined, alert })
        return
      }
      case "error":
        if (event.connectionId !== undefined)
          await this.#change(event.connectionId, { alert: alertOf(event) })
        return
      case "contactRequest":
        // The page makes no addresses.
        return
      case "info":
        // Profiles are the affair of other applications: here names are given by the user.
        return
      case "ratchetSync":
        await this.#keys(event.connectionId, event.state)
        return
      case "queueSwitched": {
        const { connectionId, direction, phase, server } = event
        if (phase === "completed") {
          const kind = direction === "receive" ? "receivingMoved" : "sendingMoved"
          await this.#notice(connectionId, kind, hostOf(server))
          if (book.conversation(connectionId)?.alert?.code === "SWITCH_FAILED")
            await this.#change(connectionId, { alert: undefined })
        }
        emit({ type: "connectionChanged", id: connectionId })
        return
      }
      case "postQuantumChanged": {
        const { connectionId, sending } = event
        // It begins with what is sent, and so does the notice of it.
        await this.#notice(connectionId, sending ? "postQuantumOn" : "postQuantumOff")
        // New keys begin without it, and what is to be known of those is more urgent.
        const alert = book.conversation(connectionId)?.alert
        if (!sending && alert === undefined) await this.#change(connectionId, { alert: noPostQuantum })
        if (sending && alert?.code === noPostQuantum.code)
          await this.#change(connectionId, { alert: undefined })
        emit({ type: "connectionChanged", id: connectionId })
        return
      }
      default:
        event satisfies never
    }
  }

  /** What happens to the keys is never silent (security.md Q1). */
  async #keys(id: string, state: (AgentEvent & { readonly type: "ratchetSync" })["state"]): Promise<void> {
    const { book, emit } = this.#parts
    const code = book.conversation(id)?.alert?.code ?? ""
    switch (state) {
      case "allowed":
        await this.#change(id, { alert: { code: "KEYS_ASKED", message: "" } })
        break
      case "required":
        await this.#change(id, { alert: { code: "OUT_OF_STEP", message: "" } })
        break
      case "started":
        await this.#notice(id, "keysAsked")
        if (ofOldKeys.has(code)) await this.#change(id, { alert: undefined })
        break
      case "agreed":
        await this.#notice(id, "newKeys")
        await this.#change(id, { verified: false, alert: { code: "NEW_KEYS", message: "" } })
        break
      case "ok":
        if (ofOldKeys.has(code)) await this.#change(id, { alert: undefined })
        break
      default:
        state satisfies never
    }
    emit({ type: "connectionChanged", id })
  }

  async #notice(id: string, kind: NoticeKind, host?: string): Promise<void> {
    const { book, emit, now } = this.#parts
    const notice = await book.addNotice(id, { kind, time: now(), ...(host === undefined ? {} : { host }) })
    if (notice !== undefined) emit({ type: "notice", id, notice })
  }

  async #receive(event: MessageEvent): Promise<void> {
    const { agent, book, emit } = this.#parts
    const { connectionId: id, messageId, integrity } = event
    const warning = integrity.type === "ok" ? undefined : integrity.type
    const message: ChatMessage = {
      id: messageId,
      from: "peer",
      text: event.text ?? "",
      time: event.brokerTime.getTime(),
      ...(event.text === undefined ? { warning: "binary" } : warning === undefined ? {} : { warning }),
    }
    const added = await book.addReceived(id, message)
    if (added?.isNew === true) {
      emit({ type: "message", id, message, fresh: true })
      this.#tell(added.conversation)
    }
    await agent.acknowledgeMessage({
      connectionId: id,
      messageId,
      receipt: book.settings().receipts && added !== undefined,
    })
  }

  async #progress(
    id: string,
    message: number,
    change: Pick<ChatMessage, "state" | "problem">,
  ): Promise<void> {
    const { book, emit } = this.#parts
    const changed = await book.changeMessage(id, message, change)
    if (changed === undefined) return
    emit({ type: "message", id, message: changed, fresh: false })
    this.#tell(book.conversation(id))
  }

  #reach(server: string, reach: "up" | "down"): void {
    this.#servers.set(server, reach)
    const all = [...this.#servers.values()]
    this.#parts.emit({ type: "reach", reach: all.includes("down") ? "down" : "up" })
  }

  async #change(id: string, change: Partial<Conversation>): Promise<void> {
    this.#tell(await this.#parts.book.change(id, change))
  }

  #tell(conversation: Conversation | undefined): void {
    if (conversation !== undefined) this.#parts.emit({ type: "conversation", conversation })
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
    this.#tell(
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

/** What came back from a copy while it began has nobody yet with whom to exchange new keys. */
function ofBeginning(problem: Problem): Problem {
  return problem.code === "SEND_LOCKED" ? { ...problem, code: "BEGUN_BEFORE_COPY" } : problem
}

function alertOf({ code, message, server }: AgentEvent & { readonly type: "error" }): Problem {
  return { code, message, ...(server === undefined ? {} : { host: hostOf(server) }) }
}

/** The states of `connectionState`, as far as they differ for a user. */
function statusOf(state: string): ConversationStatus {
  switch (state) {
    case "new":
    case "invited":
      return "invited"
    case "joining":
      return "joining"
    case "connected":
      return "connected"
    default:
      return "greeting"
  }
}
