import type { ChatMessage, Conversation, Settings } from "../protocol.ts"
import type { Records } from "./agent-port.ts"

const tables = { conversation: "page-conversation", message: "page-message", settings: "page-settings" }

const defaults: Settings = { idleMinutes: 15, receipts: true }

/** What the agent does not keep: names, history, settings. JSON records in the agent's sealed store, so that nothing of it is readable without the passphrase. */
export class Book {
  readonly #records: Records
  readonly #conversations = new Map<string, Conversation>()
  /** States of messages whose record is not written yet. */
  readonly #early = new Map<string, Partial<ChatMessage>>()

  constructor(records: Records) {
    this.#records = records
    for (const { key, value } of records.list(tables.conversation))
      this.#conversations.set(key, fromJson(value) as Conversation)
  }

  settings(): Settings {
    const stored = this.#records.get(tables.settings, "settings")
    return stored === undefined ? defaults : { ...defaults, ...(fromJson(stored) as Partial<Settings>) }
  }

  async putSettings(settings: Settings): Promise<void> {
    await this.#records.update((tx) => {
      tx.put(tables.settings, "settings", toJson(settings))
    })
  }

  conversations(): readonly Conversation[] {
    return [...this.#conversations.values()]
  }

  conversation(id: string): Conversation | undefined {
    return this.#conversations.get(id)
  }

  /** Makes the record of a connection that the page has no record of yet. */
  async begin(
    id: string,
    start: Pick<Conversation, "status" | "created"> & Partial<Conversation>,
  ): Promise<Conversation> {
    const number = 1 + Math.max(0, ...this.conversations().map((one) => one.number))
    return await this.#put({ name: "", verified: false, unread: 0, ...start, id, number })
  }

  /** Changes a conversation; `undefined` when it is deleted. */
  async change(id: string, change: Partial<Conversation>): Promise<Conversation | undefined> {
    const before = this.#conversations.get(id)
    return before === undefined ? undefined : await this.#put({ ...before, ...change })
  }

  async #put(conversation: Conversation): Promise<Conversation> {
    this.#conversations.set(conversation.id, conversation)
    await this.#records.update((tx) => {
      tx.put(tables.conversation, conversation.id, toJson(conversation))
    })
    return conversation
  }

  message(id: string, message: number): ChatMessage | undefined {
    const stored = this.#records.get(tables.message, messageKey(id, message))
    return stored === undefined ? undefined : (fromJson(stored) as ChatMessage)
  }

  /**
   * Writes a message and the conversation that shows it as its last one, in one transaction. A message that is there already is not counted again:
   * the agent delivers one again after a crash between this and its acknowledgement. `undefined` when the conversation is deleted.
   */
  async addMessage(
    id: string,
    message: ChatMessage,
  ): Promise<
    | { readonly conversation: Conversation; readonly message: ChatMessage; readonly isNew: boolean }
    | undefined
  > {
    const before = this.#conversations.get(id)
    if (before === undefined) return undefined
    const key = messageKey(id, message.id)
    const known = this.message(id, message.id)
    if (known !== undefined) return { conversation: before, message: known, isNew: false }
    const complete = { ...message, ...this.#early.get(key) }
    this.#early.delete(key)
    const conversation = {
      ...before,
      last: complete,
      unread: before.unread + (complete.from === "peer" ? 1 : 0),
    }
    this.#conversations.set(id, conversation)
    await this.#records.update((tx) => {
      tx.put(tables.message, key, toJson(complete))
      tx.put(tables.conversation, id, toJson(conversation))
    })
    return { conversation, message: complete, isNew: true }
  }

  /** Records how far a message of ours has come. Its record may follow: the agent can be faster than the page's transaction. */
  async changeMessage(
    id: string,
    message: number,
    change: Pick<ChatMessage, "state" | "problem">,
  ): Promise<ChatMessage | undefined> {
    const key = messageKey(id, message)
    const before = this.message(id, message)
    if (before === undefined) {
      if (this.#conversations.has(id)) this.#early.set(key, { ...this.#early.get(key), ...change })
      return undefined
    }
    // A receipt may overtake the event that the server has kept the message.
    if (before.state === "delivered" && change.state === "sent") return before
    const after = { ...before, ...change }
    const conversation = this.#conversations.get(id)
    const shown = conversation?.last?.id === message ? { ...conversation, last: after } : undefined
    if (shown !== undefined) this.#conversations.set(id, shown)
    await this.#records.update((tx) => {
      tx.put(tables.message, key, toJson(after))
      if (shown !== undefined) tx.put(tables.conversation, id, toJson(shown))
    })
    return after
  }

  async removeMessage(id: string, message: number): Promise<void> {
    await this.#records.update((tx) => {
      tx.delete(tables.message, messageKey(id, message))
    })
  }

  /** The latest `limit` messages before `before`, in order. */
  history(
    id: string,
    {
      before = Number.MAX_SAFE_INTEGER,
      limit,
    }: { readonly before?: number | undefined; readonly limit: number },
  ): { readonly messages: readonly ChatMessage[]; readonly more: boolean } {
    const end = messageKey(id, before)
    const earlier = [...this.#records.list(tables.message, id)].filter(({ key }) => key < end)
    const messages = earlier.slice(-limit).map(({ value }) => fromJson(value) as ChatMessage)
    return { messages, more: earlier.length > messages.length }
  }

  /** Forgets a conversation; the store is then written anew, so that what was deleted cannot be read with the current key (security.md Q14). */
  async remove(id: string): Promise<void> {
    if (!this.#conversations.delete(id)) return
    const keys = [...this.#records.list(tables.message, id)].map(({ key }) => key)
    await this.#records.update((tx) => {
      for (const key of keys) tx.delete(tables.message, key)
      tx.delete(tables.conversation, id)
    })
    await this.#records.compact()
  }
}

/** Numbers of one width, so that the order of keys is that of messages. */
function messageKey(id: string, message: number): string {
  return `${id}/${message.toString().padStart(16, "0")}`
}

function toJson(value: object): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value))
}

/** The store has authenticated the bytes: this page has written them. */
function fromJson(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes))
}
