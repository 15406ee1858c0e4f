import type { ChatMessage, NoticeKind, Problem } from "../protocol.ts"
import type { AgentEvent, MessageEvent } from "./agent-port.ts"
import { changeAndTell, type ChatsParts, tell } from "./chats-parts.ts"
import { hostOf, problemOf } from "./problems.ts"

const noPostQuantum: Problem = { code: "POST_QUANTUM_OFF", message: "" }

/** Alerts that new keys settle. */
const ofOldKeys: ReadonlySet<string> = new Set(["KEYS_ASKED", "OUT_OF_STEP", "SEND_LOCKED", "A_CRYPTO"])

/** What the agent tells: written into the book, then told to the page. */
export class Incoming {
  readonly #parts: Omit<ChatsParts, "fetchServers">
  readonly #servers = new Map<string, "up" | "down">()

  constructor(parts: Omit<ChatsParts, "fetchServers">) {
    this.#parts = parts
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
        await changeAndTell(this.#parts, connectionId, { status: "greeting", link: undefined, alert })
        return
      }
      case "connected":
        await changeAndTell(this.#parts, event.connectionId, {
          status: "connected",
          link: undefined,
          alert: undefined,
        })
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
        await changeAndTell(this.#parts, connectionId, { status: "closed", link: undefined, alert })
        return
      }
      case "error":
        if (event.connectionId !== undefined)
          await changeAndTell(this.#parts, event.connectionId, { alert: alertOf(event) })
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
            await changeAndTell(this.#parts, connectionId, { alert: undefined })
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
        if (!sending && alert === undefined)
          await changeAndTell(this.#parts, connectionId, { alert: noPostQuantum })
        if (sending && alert?.code === noPostQuantum.code)
          await changeAndTell(this.#parts, connectionId, { alert: undefined })
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
        await changeAndTell(this.#parts, id, { alert: { code: "KEYS_ASKED", message: "" } })
        break
      case "required":
        await changeAndTell(this.#parts, id, { alert: { code: "OUT_OF_STEP", message: "" } })
        break
      case "started":
        await this.#notice(id, "keysAsked")
        if (ofOldKeys.has(code)) await changeAndTell(this.#parts, id, { alert: undefined })
        break
      case "agreed":
        await this.#notice(id, "newKeys")
        await changeAndTell(this.#parts, id, { verified: false, alert: { code: "NEW_KEYS", message: "" } })
        break
      case "ok":
        if (ofOldKeys.has(code)) await changeAndTell(this.#parts, id, { alert: undefined })
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
      tell(this.#parts, added.conversation)
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
    tell(this.#parts, book.conversation(id))
  }

  #reach(server: string, reach: "up" | "down"): void {
    this.#servers.set(server, reach)
    const all = [...this.#servers.values()]
    this.#parts.emit({ type: "reach", reach: all.includes("down") ? "down" : "up" })
  }
}

/** What came back from a copy while it began has nobody yet with whom to exchange new keys. */
function ofBeginning(problem: Problem): Problem {
  return problem.code === "SEND_LOCKED" ? { ...problem, code: "BEGUN_BEFORE_COPY" } : problem
}

function alertOf({ code, message, server }: AgentEvent & { readonly type: "error" }): Problem {
  return { code, message, ...(server === undefined ? {} : { host: hostOf(server) }) }
}
