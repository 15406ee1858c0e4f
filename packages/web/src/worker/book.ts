import type { ChatMessage, Conversation, Entry, Notice, Settings } from "../protocol.ts"
import type { Records, StoreTx } from "./agent-port.ts"

const tables = { conversation: "page-conversation", message: "page-message", settings: "page-settings" }

const defaults: Settings = { idleMinutes: 15, receipts: true }

/** What the agent does not keep: names, history, settings. JSON records in the agent's sealed store, so that nothing of it is readable without the passphrase. */
export class Book {
  readonly #records: Records
  readonly #conversations = new Map<string, Conversation>()

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
      this.#write(tx, conversation.id)
    })
    return conversation
  }

  /** Writes what is in memory when its turn comes: transactions wait for each other, and a later one may have gone first. */
  #write(tx: StoreTx, id: string): void {
    const conversation = this.#conversations.get(id)
    if (conversation !== undefined) tx.put(tables.conversation, id, toJson(conversation))
  }

  message(id: string, message: number): ChatMessage | undefined {
    const stored = this.#records.get(tables.message, entryKey(id, message))
    return stored === undefined ? undefined : (fromJson(stored) as ChatMessage)
  }

  /**
   * Writes a message of theirs and the conversation that shows it as its last one, in one transaction. A message that is there already is not counted again:
   * the agent delivers one again after a crash between this and its acknowledgement. `undefined` when the conversation is deleted.
   */
  async addReceived(
    id: string,
    message: ChatMessage,
  ): Promise<{ readonly conversation: Conversation; readonly isNew: boolean } | undefined> {
    const before = this.#conversations.get(id)
    if (before === undefined) return undefined
    if (this.message(id, message.id) !== undefined) return { conversation: before, isNew: false }
    const conversation = { ...before, last: message, unread: before.unread + 1 }
    this.#conversations.set(id, conversation)
    await this.#records.update((tx) => {
      tx.put(tables.message, entryKey(id, message.id), toJson(message))
      this.#write(tx, id)
    })
    return { conversation, isNew: true }
  }

  /** Writes a message of ours in the transaction that stores it for sending, in place of one that failed: no crash comes between what is sent and what is shown. */
  putSent(tx: StoreTx, id: string, message: ChatMessage, replaced?: number): void {
    const before = this.#conversations.get(id)
    if (before === undefined) return
    this.#conversations.set(id, { ...before, last: message })
    tx.put(tables.message, entryKey(id, message.id), toJson(message))
    if (replaced !== undefined) tx.delete(tables.message, entryKey(id, replaced))
    this.#write(tx, id)
  }

  /** Records how far a message of ours has come; `undefined` when it is deleted. */
  async changeMessage(
    id: string,
    message: number,
    change: Pick<ChatMessage, "state" | "problem">,
  ): Promise<ChatMessage | undefined> {
    const before = this.message(id, message)
    if (before === undefined) return undefined
    // A receipt may overtake the event that the server has kept the message.
    if (before.state === "delivered" && change.state === "sent") return before
    const after = { ...before, ...change }
    const conversation = this.#conversations.get(id)
    const isLast = conversation?.last?.id === message
    if (isLast) this.#conversations.set(id, { ...conversation, last: after })
    await this.#records.update((tx) => {
      tx.put(tables.message, entryKey(id, message), toJson(after))
      if (isLast) this.#write(tx, id)
    })
    return after
  }

  /** Writes a notice behind all that is there; `undefined` when the conversation is deleted, or the last thing that it shows says the same. */
  async addNotice(id: string, notice: Omit<Notice, "id" | "from">): Promise<Notice | undefined> {
    if (!this.#conversations.has(id)) return undefined
    const last = this.history(id, { limit: 1 }).entries[0]
    if (last?.from === "page" && last.kind === notice.kind && last.host === notice.host) return undefined
    const added: Notice = { ...notice, from: "page", id: noticeId(last?.id ?? 0) }
    await this.#records.update((tx) => {
      tx.put(tables.message, entryKey(id, added.id), toJson(added))
    })
    return added
  }

  /** The latest `limit` messages and notices before `before`, in order. */
  history(
    id: string,
    {
      before = Number.MAX_SAFE_INTEGER,
      limit,
    }: { readonly before?: number | undefined; readonly limit: number },
  ): { readonly entries: readonly Entry[]; readonly more: boolean } {
    const end = entryKey(id, before)
    const earlier = [...this.#records.list(tables.message, id)].filter(({ key }) => key < end)
    const entries = earlier.slice(-limit).map(({ value }) => fromJson(value) as Entry)
    return { entries, more: earlier.length > entries.length }
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

/** So many notices fit between two messages. */
const noticesBetween = 10_000

/** The next place behind an entry that is no message's. */
function noticeId(last: number): number {
  const message = Math.floor(last)
  return message + (Math.round((last - message) * noticesBetween) + 1) / noticesBetween
}

/** Numbers of one width, so that the order of keys is that of entries. */
function entryKey(id: string, entry: number): string {
  const message = Math.floor(entry)
  const place = Math.round((entry - message) * noticesBetween)
  const key = `${id}/${message.toString().padStart(16, "0")}`
  return place === 0 ? key : `${key}.${place.toString().padStart(4, "0")}`
}

function toJson(value: object): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value))
}

/** The store has authenticated the bytes: this page has written them. */
function fromJson(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes))
}
