import { utf8 } from "@smpkit/codec"
import type { AgentApi, AgentEvent, ConnectionDescription, MessageEvent } from "../agent-port.ts"
import { CommandError, messageOf } from "../failure.ts"
import { Changes } from "../pipe/changes.ts"
import { replyServerNotice } from "../reply-server.ts"
import type { Style } from "../terminal.ts"
import { terminalText } from "../terminal-text.ts"
import { chatHelp, parseChatInput } from "./input.ts"
import {
  closedText,
  errorText,
  integrityWarning,
  newKeysText,
  postQuantumText,
  queuesText,
  ratchetText,
  switchedText,
} from "./wording.ts"

export interface ChatOptions {
  readonly agent: AgentApi
  readonly print: (line: string) => void
  readonly showInvitation: (link: string) => Promise<void>
  readonly style: Style
  /** Connections that are no conversations: pipes in the same folder. */
  readonly others: ReadonlySet<string>
  /** Whether receipts are sent (security.md Q7: asked for by default, can be told not to). */
  readonly receipts: boolean
}

/** Conversations over one agent, one of them in front; a line of input goes to that one. */
export class Chat {
  readonly #options: ChatOptions
  readonly #changes = new Changes()
  readonly #conversations: string[] = [] // the number that the user sees is the place plus one
  readonly #connected = new Set<string>()
  readonly #unsent = new Set<string>()
  readonly #deleted = new Set<string>()
  #current: string | undefined
  #ended = false

  constructor(options: ChatOptions) {
    this.#options = options
  }

  /** Joins by `link`, or goes on with the latest conversation, or makes an invitation. */
  async begin(link: string | undefined): Promise<void> {
    const { connections } = await this.#options.agent.listConnections()
    for (const connection of connections)
      if (!this.#options.others.has(connection.connectionId)) this.#know(connection)
    if (link !== undefined) await this.#join(link)
    else if (this.#conversations.length > 0) this.#open(this.#conversations.length)
    else await this.#invite()
  }

  /** Takes the agent's events until they end. */
  async listen(): Promise<void> {
    for await (const event of this.#options.agent.events()) {
      if (!this.#isOther(event)) await this.#show(event)
      this.#changes.notify()
    }
    this.#ended = true
    this.#changes.notify()
  }

  /** Carries out one line; false when the user leaves. Failures are shown, not thrown. */
  async enter(line: string): Promise<boolean> {
    try {
      return await this.#enter(line)
    } catch (error) {
      this.#say(this.#options.style.bad(terminalText(messageOf(error))))
      return true
    }
  }

  /** Resolves when a text can be sent: for input that does not wait for its user. */
  ready(): Promise<void> {
    return this.#changes.until(
      () => this.#ended || this.#current === undefined || this.#connected.has(this.#current),
    )
  }

  /** Resolves when servers have all that was entered. */
  drained(): Promise<void> {
    return this.#changes.until(() => this.#ended || this.#unsent.size === 0)
  }

  async #enter(line: string): Promise<boolean> {
    const { agent, style } = this.#options
    const input = parseChatInput(line)
    switch (input.type) {
      case "nothing":
        return true
      case "text":
        await this.#send(input.text)
        return true
      case "help":
        for (const each of chatHelp) this.#say(style.dim(each))
        return true
      case "code": {
        const connectionId = this.#inFront()
        const { code } = await agent.securityCode({ connectionId })
        const { postQuantum } = await agent.connectionState({ connectionId })
        this.#say(`security code: ${style.bold(code)}`)
        this.#say(style.dim(postQuantumText(postQuantum)))
        this.#say(
          style.dim(
            "Compare it with the other side by another way (a call, in person); if it is the same: /verify",
          ),
        )
        return true
      }
      case "verify":
        await agent.setVerified({ connectionId: this.#inFront(), verified: input.verified })
        this.#say(input.verified ? style.good("marked as verified") : "no longer marked as verified")
        return true
      case "list":
        await this.#list()
        return true
      case "info":
        await this.#info()
        return true
      case "invite":
        await this.#invite()
        return true
      case "open":
        this.#open(input.number)
        return true
      case "join":
        await this.#join(input.link)
        return true
      case "delete":
        await this.#delete(input.number)
        return true
      case "move":
        await agent.switchQueue({
          connectionId: this.#inFront(),
          ...(input.server === undefined ? {} : { server: input.server }),
        })
        this.#say(
          style.dim("A new queue is offered to the other side; both are used until it has taken part."),
        )
        return true
      case "renew":
        await agent.synchronizeRatchet({ connectionId: this.#inFront(), force: true })
        this.#say(style.dim("New keys were sent; what you write waits until the other side has answered."))
        return true
      case "quit":
        return false
      case "wrong":
        this.#say(style.bad(terminalText(input.reason)))
        return true
      default:
        return input satisfies never
    }
  }

  async #send(text: string): Promise<void> {
    const connectionId = this.#inFront()
    if (!this.#connected.has(connectionId))
      throw new CommandError(
        "FAILED",
        "not connected yet: the other side has not answered; write again when it has",
      )
    const { messageId } = await this.#options.agent.sendMessage({ connectionId, body: utf8(text) })
    this.#unsent.add(`${connectionId}/${messageId}`)
  }

  async #invite(): Promise<void> {
    const { agent, style, showInvitation } = this.#options
    const { servers } = await agent.getServers()
    if (servers.length === 0)
      throw new CommandError(
        "USAGE",
        "no server to make an invitation on: start with --server smp://FINGERPRINT@HOST:PORT",
      )
    const { connectionId, link } = await agent.createConnection({ mode: "invitation" })
    this.#current = this.#add(connectionId)
    this.#say(
      style.bold(
        "Give this invitation to the other person, in a way that others cannot read; it works once:",
      ),
    )
    await showInvitation(link)
    this.#say(style.dim("Waiting for the other person. /help lists the commands."))
  }

  async #join(link: string): Promise<void> {
    const { agent, style } = this.#options
    const { connectionId } = await agent.joinConnection({ link })
    const hint = await replyServerNotice(agent)
    if (hint !== undefined) this.#say(style.dim(hint))
    this.#current = this.#add(connectionId)
    // The server of the queue: the host that a link stands at may be another's (security.md Q9).
    const { sendQueues } = await agent.connectionState({ connectionId })
    const way =
      sendQueues.length === 0 ? "" : `; what you write goes by ${terminalText(queuesText(sendQueues))}`
    this.#say(style.dim(`Joined${way}. Waiting for the other person to answer. /help lists the commands.`))
  }

  #open(number: number): void {
    const connectionId = this.#conversations[number - 1]
    if (connectionId === undefined || connectionId === "")
      throw new CommandError("FAILED", `no conversation ${number}: /list shows them`)
    this.#current = connectionId
    const state = this.#connected.has(connectionId) ? "connected" : "not connected yet"
    this.#say(this.#options.style.dim(`Conversation ${number}, ${state}. /help lists the commands.`))
  }

  async #delete(number: number): Promise<void> {
    const connectionId = this.#conversations[number - 1]
    if (connectionId === undefined || connectionId === "")
      throw new CommandError("FAILED", `no conversation ${number}: /list shows them`)
    this.#deleted.add(connectionId)
    await this.#options.agent.deleteConnection({ connectionId })
    this.#conversations[number - 1] = "" // the others keep their numbers
    this.#connected.delete(connectionId)
    if (this.#current === connectionId) this.#current = undefined
    this.#say(`conversation ${number} is deleted`)
  }

  async #list(): Promise<void> {
    for (const [index, connectionId] of this.#conversations.entries()) {
      if (connectionId === "") continue
      const state = await this.#options.agent.connectionState({ connectionId })
      const mark = connectionId === this.#current ? "*" : " "
      this.#say(`${mark}${index + 1}  ${state.status}${state.verified ? ", verified" : ""}`)
    }
  }

  async #info(): Promise<void> {
    const { agent, style } = this.#options
    const state = await agent.connectionState({ connectionId: this.#inFront() })
    this.#say(
      `status: ${state.status}; ${state.verified ? "verified" : "not verified: compare /code"}; ${state.unsent} not sent yet`,
    )
    this.#say(postQuantumText(state.postQuantum))
    this.#say(`receiving by: ${terminalText(queuesText(state.receiveQueues))}`)
    this.#say(`sending by: ${terminalText(queuesText(state.sendQueues))}`)
    if (state.ratchet !== "ok") this.#say(style.bad(ratchetText(state.ratchet)))
  }

  async #show(event: AgentEvent): Promise<void> {
    const { agent, style } = this.#options
    switch (event.type) {
      case "confirmation":
        this.#say(style.dim("Somebody has joined by the invitation; answering."), event.connectionId)
        await agent.allowConnection({
          connectionId: event.connectionId,
          confirmationId: event.confirmationId,
        })
        return
      case "contactRequest":
        this.#say(
          style.dim("Somebody asks at an address of this folder's agent: smpkit agent answers requests."),
        )
        return
      case "connected":
        this.#connected.add(this.#add(event.connectionId))
        this.#say(
          style.good("Connected. Write a line and press Enter; /code shows the code to compare."),
          event.connectionId,
        )
        return
      case "message":
        await this.#message(event)
        return
      case "sent":
        this.#unsent.delete(`${event.connectionId}/${event.messageId}`)
        this.#say(style.dim(`  ✓ #${event.messageId} sent`), event.connectionId)
        return
      case "delivered":
        this.#say(
          event.hashOk
            ? style.dim(`  ✓✓ #${event.messageId} received`)
            : style.bad(`  #${event.messageId} arrived, but not as it was sent`),
          event.connectionId,
        )
        return
      case "failed":
        this.#unsent.delete(`${event.connectionId}/${event.messageId}`)
        this.#say(
          style.bad(`  ✗ #${event.messageId} was not delivered: ${terminalText(event.message)}`),
          event.connectionId,
        )
        return
      case "closed":
        this.#connected.delete(event.connectionId)
        this.#say(style.bad(terminalText(closedText(event))), event.connectionId)
        return
      case "error":
        this.#say(style.bad(terminalText(errorText(event))), event.connectionId)
        return
      case "serverDown":
        this.#say(style.dim(`No connection to ${terminalText(event.server)}: trying again.`))
        return
      case "postQuantumChanged":
        this.#say(
          event.sending ? style.dim(postQuantumText(event)) : style.bad(postQuantumText(event)),
          event.connectionId,
        )
        return
      case "queueSwitched":
        if (event.phase === "completed")
          this.#say(style.dim(terminalText(switchedText(event))), event.connectionId)
        return
      case "serverUp":
      case "info":
        return
      case "ratchetSync":
        // Of `ok` nobody needs to know, of `started` the command has told.
        if (event.state === "agreed") this.#say(style.bad(newKeysText(event.newCode)), event.connectionId)
        else if (event.state === "allowed" || event.state === "required")
          this.#say(style.bad(ratchetText(event.state)), event.connectionId)
        return
      default:
        event satisfies never
    }
  }

  async #message({ connectionId, messageId, body, text, integrity }: MessageEvent): Promise<void> {
    const { agent, style, receipts } = this.#options
    const warning = integrityWarning(integrity)
    if (warning !== undefined) this.#say(style.bad(`! ${warning}`), connectionId)
    const [first = "", ...rest] =
      text === undefined
        ? [style.dim(`(${body.length} bytes that are no text)`)]
        : text.split("\n").map(terminalText)
    this.#say(`${style.peer("them:")} ${first}`, connectionId)
    // Marked, so that no line of theirs looks like one of ours.
    for (const line of rest) this.#say(`${style.peer("    |")} ${line}`, connectionId)
    await agent.acknowledgeMessage({ connectionId, messageId, receipt: receipts })
  }

  /** Prints a line, with the number of its conversation where that is not the one in front. */
  #say(line: string, connectionId?: string): void {
    const other = connectionId !== undefined && connectionId !== this.#current
    this.#options.print(
      other ? `[${this.#conversations.indexOf(this.#add(connectionId)) + 1}] ${line}` : line,
    )
  }

  /** An event of a pipe, which waits for its own command, or the echo of a deletion. */
  #isOther(event: AgentEvent): boolean {
    if (!("connectionId" in event) || event.connectionId === undefined) return false
    return this.#options.others.has(event.connectionId) || this.#deleted.has(event.connectionId)
  }

  #inFront(): string {
    if (this.#current === undefined)
      throw new CommandError("FAILED", "no conversation is open: /list, /open N, /invite or /join LINK")
    return this.#current
  }

  /** An address is no conversation. */
  #know({ connectionId, mode, status }: ConnectionDescription): void {
    if (mode === "contact") return
    this.#add(connectionId)
    if (status === "connected") this.#connected.add(connectionId)
  }

  #add(connectionId: string): string {
    if (!this.#conversations.includes(connectionId)) this.#conversations.push(connectionId)
    return connectionId
  }
}
