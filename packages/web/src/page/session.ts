import { batch } from "solid-js"
import { createStore, reconcile, type SetStoreFunction } from "solid-js/store"
import type { ChatMessage, Conversation, Entry, PageEvent, Problem, Settings } from "../protocol.ts"
import { nameOf } from "../wording.ts"
import { previewOf } from "../text.ts"
import { sorted, withConversation, withEntry } from "./lists.ts"
import { type Port, problemOfCall, type StartPort } from "./port.ts"
import type { Preferences, Theme } from "./preferences.ts"
import { closedState, type Dialog, type PageState, type Phase, type Writable } from "./state.ts"

const pageLength = 60

export interface SessionParts {
  readonly startPort: StartPort
  readonly preferences: Preferences
  /** Where the page was served from, ending in a slash. */
  readonly base: string
  /** Whether somebody looks at the page now. */
  readonly isVisible: () => boolean
  /** A new profile was made. */
  readonly onBegun: () => void
}

/** What a person can do on the page, and what that makes of its state. */
export class Session {
  readonly state: PageState
  readonly #set: SetStoreFunction<Writable>
  readonly #parts: SessionParts
  #port: Port | undefined
  /** An invitation from the address bar, until the profile is open. */
  #waitingLink: string | undefined

  constructor(parts: SessionParts) {
    this.#parts = parts
    const [state, set] = createStore<Writable>({
      ...closedState,
      phase: { name: "starting" },
      theme: parts.preferences.theme(),
    })
    this.state = state
    this.#set = set
  }

  show(phase: Phase): void {
    this.#set("phase", reconcile(phase))
  }

  /** Looks whether there is a profile, and opens it where that needs no passphrase. */
  async start(): Promise<void> {
    this.show({ name: "starting" })
    try {
      const { exists } = await this.#usePort().call("look", { base: this.#parts.base })
      if (!exists) this.show({ name: "choose" })
      else if (!this.#parts.preferences.isUnlocked()) this.show({ name: "unlock", wasLocked: false })
      else if ((await this.open("")) !== undefined) this.show({ name: "unlock", wasLocked: false })
    } catch (error) {
      this.show({ name: "stopped", problem: problemOfCall(error) })
    }
  }

  /** Opens the profile, or makes it; an empty passphrase is one that was chosen. Returns what went wrong. */
  async open(passphrase: string): Promise<Problem | undefined> {
    const { base, preferences } = this.#parts
    try {
      const { settings, conversations } = await this.#usePort().call("open", {
        base,
        passphrase,
        allowEmpty: passphrase === "",
      })
      preferences.setUnlocked(passphrase === "")
      if (this.state.phase.name === "choose") this.#parts.onBegun()
      batch(() => {
        this.#set({ settings, conversations: sorted(conversations) })
        this.show({ name: "open" })
      })
      if (this.#waitingLink !== undefined) this.openLink(this.#waitingLink)
      return undefined
    } catch (error) {
      return problemOfCall(error)
    }
  }

  /** Makes a profile of a backup, and opens it. Returns what went wrong. */
  async restore(file: Blob, passphrase: string): Promise<Problem | undefined> {
    try {
      await this.#usePort().call("restore", { base: this.#parts.base, file, passphrase })
      return await this.open(passphrase)
    } catch (error) {
      return problemOfCall(error)
    }
  }

  /** Deletes the profile, so that a new one can begin. Returns what went wrong. */
  async erase(): Promise<Problem | undefined> {
    try {
      await this.#usePort().call("erase", { base: this.#parts.base })
      this.#parts.preferences.setUnlocked(false)
      this.show({ name: "choose" })
      return undefined
    } catch (error) {
      return problemOfCall(error)
    }
  }

  /** An invitation from outside: shown, not joined; that takes a click. */
  openLink(link: string): void {
    if (this.state.phase.name === "open") {
      this.#waitingLink = undefined
      this.#set("dialog", { name: "join", text: link })
    } else {
      this.#waitingLink = link
    }
  }

  async lock(): Promise<void> {
    try {
      await this.#port?.call("lock", {})
    } catch {
      // The worker ends anyway, and with it the keys.
    }
    this.#forget()
    this.show({ name: "unlock", wasLocked: true })
  }

  /** Ends the worker and forgets all that it told. */
  #forget(): void {
    this.#port?.close()
    this.#port = undefined
    this.#set(reconcile({ ...closedState, phase: this.state.phase, theme: this.state.theme }))
  }

  setTheme(theme: Theme): void {
    this.#parts.preferences.setTheme(theme)
    this.#set("theme", theme)
  }

  setDialog(dialog: Dialog | undefined): void {
    this.#set("dialog", dialog)
  }

  active(): void {
    this.#port?.active()
  }

  /** Where the page was served from. */
  get base(): string {
    return this.#parts.base
  }

  get hasNoPassphrase(): boolean {
    return this.#parts.preferences.isUnlocked()
  }

  get current(): Conversation | undefined {
    return this.state.conversations.find(({ id }) => id === this.state.current)
  }

  async select(id: string | undefined): Promise<void> {
    if (id === this.state.current && id !== undefined) return
    this.#set({ current: id, entries: [], more: false, loaded: false })
    if (id === undefined) return
    const { entries, more } = await this.#usePort().call("history", { id, limit: pageLength })
    if (this.state.current !== id) return
    this.#set({ entries, more, loaded: true })
    await this.seen()
  }

  async loadEarlier(): Promise<void> {
    const id = this.state.current
    const before = this.state.entries[0]?.id
    if (id === undefined || before === undefined) return
    const { entries, more } = await this.#usePort().call("history", { id, before, limit: pageLength })
    if (this.state.current === id) this.#set({ entries: [...entries, ...this.state.entries], more })
  }

  /** The user looks at the current conversation. */
  async seen(): Promise<void> {
    const { current } = this
    if (current !== undefined && current.unread > 0 && this.#parts.isVisible())
      await this.#usePort().call("markRead", { id: current.id })
  }

  async invite(name: string): Promise<void> {
    const { id } = await this.#usePort().call("invite", { name })
    this.setDialog(undefined)
    await this.select(id)
  }

  async join(link: string, name: string): Promise<void> {
    const { id } = await this.#usePort().call("join", { link, name })
    this.setDialog(undefined)
    await this.select(id)
  }

  async send(id: string, text: string): Promise<void> {
    this.#put(id, await this.#usePort().call("send", { id, text }))
  }

  async resend(id: string, message: number): Promise<void> {
    this.#put(id, await this.#usePort().call("resend", { id, message }))
  }

  async configure(settings: Settings): Promise<void> {
    await this.#usePort().call("configure", settings)
    this.#set("settings", settings)
  }

  async remove(id: string): Promise<void> {
    await this.#usePort().call("remove", { id })
  }

  /** The page's calls that need nothing of its state. */
  get port(): Port {
    return this.#usePort()
  }

  #usePort(): Port {
    this.#port ??= this.#parts.startPort((event) => {
      this.#take(event)
    })
    return this.#port
  }

  #take(event: PageEvent): void {
    switch (event.type) {
      case "conversation": {
        const list = withConversation(this.state.conversations, event.conversation)
        this.#set("conversations", reconcile([...list], { key: "id" }))
        if (event.conversation.id === this.state.current) void this.seen()
        return
      }
      case "removed":
        this.#set("conversations", (list) => list.filter(({ id }) => id !== event.id))
        if (event.id === this.state.current) void this.select(undefined)
        return
      case "message":
        if (event.fresh) this.#announce(event.id, event.message)
        this.#put(event.id, event.message)
        return
      case "notice":
        this.#put(event.id, event.notice)
        return
      case "connectionChanged":
        this.#set("connectionChanges", (count) => count + 1)
        return
      case "messageGone":
        if (event.id === this.state.current)
          this.#set("entries", (list) => list.filter(({ id }) => id !== event.message))
        return
      case "reach":
        this.#set("reach", event.reach)
        return
      case "locked":
        if (this.state.phase.name !== "open") return
        this.#forget()
        this.show({ name: "unlock", wasLocked: true })
        return
      case "stopped":
        this.#forget()
        this.show({ name: "stopped", problem: event.problem })
        return
      default:
        event satisfies never
    }
  }

  #put(id: string, entry: Entry): void {
    if (id !== this.state.current || !this.state.loaded) return
    this.#set("entries", reconcile([...withEntry(this.state.entries, entry)], { key: "id" }))
  }

  #announce(id: string, { text }: ChatMessage): void {
    const conversation = this.state.conversations.find((one) => one.id === id)
    if (conversation !== undefined) this.#set("announcement", `${nameOf(conversation)}: ${previewOf(text)}`)
  }
}
