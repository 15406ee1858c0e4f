import type { Calls, Conversation, Method, PageEvent, Params, Result, Settings } from "../protocol.ts"
import type { AgentApi, OpenProfile, RestoreProfile } from "./agent-port.ts"
import { backupOf } from "./backup.ts"
import { Book } from "./book.ts"
import { Chats } from "./chats.ts"
import { IdleLock } from "./idle.ts"
import { Incoming } from "./incoming.ts"
import { PageError, problemOf } from "./problems.ts"
import { reconcile } from "./reconcile.ts"

export interface ServiceParts {
  readonly openProfile: OpenProfile
  readonly profileExists: (base: string) => Promise<boolean>
  readonly restoreProfile: RestoreProfile
  readonly deleteProfile: (base: string) => Promise<void>
  /** Addresses of the server that serves the page; throws `PageError NO_SERVER_LIST`. */
  readonly fetchServers: (base: string) => Promise<readonly string[]>
  readonly emit: (event: PageEvent) => void
  readonly now: () => number
  readonly every: (ms: number, f: () => void) => Disposable
}

interface Opened {
  readonly agent: AgentApi
  readonly hasPassphrase: boolean
  readonly book: Book
  readonly chats: Chats
  readonly idle: IdleLock
}

type Handlers = { readonly [M in Method]: (params: Params<M>) => Promise<Result<M>> }

/** Answers the page's calls: one profile, opened by a passphrase, locked by the user or by idleness. */
export class Service {
  readonly #parts: ServiceParts
  #opened: Opened | undefined
  #opening = false

  constructor(parts: ServiceParts) {
    this.#parts = parts
  }

  async call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>> {
    return await this.#handlers[method](params)
  }

  active(): void {
    this.#opened?.idle.active()
  }

  readonly #handlers: Handlers = {
    look: async ({ base }) => ({ exists: await this.#parts.profileExists(base) }),
    open: (params) => this.#open(params),
    restore: (params) => this.#restore(params),
    backup: async () => {
      const { agent, hasPassphrase } = this.#use()
      // It would give away every key, to a script in the page as well (security.md Q28).
      if (!hasPassphrase)
        throw new PageError(
          "UNSEALED",
          "A profile without a passphrase is not saved: everybody could read it.",
        )
      return { file: await backupOf(agent) }
    },
    erase: async ({ base }) => {
      if (this.#opened !== undefined || this.#opening)
        throw new PageError("ALREADY_OPEN", "The profile is open: delete its conversations instead.")
      await this.#parts.deleteProfile(base)
      return {}
    },
    lock: async () => {
      await this.#lock()
      return {}
    },
    invite: ({ name }) => this.#use().chats.invite(name),
    inspect: ({ link }) => this.#use().chats.inspect(link),
    join: ({ link, name }) => this.#use().chats.join(link, name),
    send: ({ id, text }) => this.#use().chats.send(id, text),
    resend: ({ id, message }) => this.#use().chats.resend(id, message),
    history: async ({ id, before, limit }) => {
      await Promise.resolve()
      return this.#use().book.history(id, { before, limit })
    },
    markRead: ({ id }) => this.#change(id, { unread: 0 }),
    rename: ({ id, name }) => this.#change(id, { name }),
    connection: ({ id }) => this.#use().chats.connection(id),
    move: ({ id }) => this.#use().chats.move(id),
    renewKeys: ({ id }) => this.#use().chats.renewKeys(id),
    dismiss: ({ id }) => this.#change(id, { alert: undefined }),
    verify: async ({ id, verified }) => {
      await this.#use().agent.setVerified({ connectionId: id, verified })
      const compared = verified && this.#use().book.conversation(id)?.alert?.code === "NEW_KEYS"
      return await this.#change(id, compared ? { verified, alert: undefined } : { verified })
    },
    remove: ({ id }) => this.#use().chats.remove(id),
    configure: (settings) => this.#configure(settings),
  }

  async #open({ base, passphrase, allowEmpty }: Params<"open">): Promise<Result<"open">> {
    return await this.#alone(async () => {
      const { emit, fetchServers, now, every } = this.#parts
      // Without its server's list the agent goes on with the servers that it knows, and what was received before can be read.
      const servers = await fetchServers(base).catch(() => [])
      const { agent, records } = await this.#parts.openProfile({
        base,
        passphrase,
        allowEmptyPassphrase: allowEmpty,
        servers,
      })
      const book = new Book(records)
      const parts = { agent, book, emit, now, fetchServers: () => fetchServers(base) }
      await reconcile(parts)
      const settings = book.settings()
      const hasPassphrase = passphrase !== ""
      const idle = new IdleLock({
        // What needs no passphrase to open gains nothing from being locked.
        minutes: hasPassphrase ? settings.idleMinutes : 0,
        now,
        every,
        lock: () => {
          void this.#lock()
        },
      })
      this.#opened = { agent, hasPassphrase, book, chats: new Chats(parts), idle }
      void this.#listen(new Incoming(parts))
      return { settings, conversations: book.conversations() }
    })
  }

  async #restore(params: Params<"restore">): Promise<object> {
    return await this.#alone(async () => {
      await this.#parts.restoreProfile(params)
      return {}
    })
  }

  /** Runs what makes or opens the profile, while nothing else does. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#opened !== undefined || this.#opening)
      throw new PageError("ALREADY_OPEN", "The profile is open already.")
    this.#opening = true
    try {
      return await work()
    } finally {
      this.#opening = false
    }
  }

  /** Takes the agent's events until it is closed; when it had to stop, the page is told why. */
  async #listen(incoming: Incoming): Promise<void> {
    try {
      await incoming.listen()
    } catch (error) {
      if (this.#opened === undefined) return
      this.#parts.emit({ type: "stopped", problem: problemOf(error) })
    }
  }

  async #lock(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    opened?.idle[Symbol.dispose]()
    try {
      await opened?.agent.close()
    } finally {
      this.#parts.emit({ type: "locked" })
    }
  }

  async #change(id: string, change: Partial<Conversation>): Promise<object> {
    const conversation = await this.#use().book.change(id, change)
    if (conversation !== undefined) this.#parts.emit({ type: "conversation", conversation })
    return {}
  }

  async #configure(settings: Settings): Promise<Calls["configure"]["result"]> {
    const { book, idle } = this.#use()
    await book.putSettings(settings)
    idle.minutes = settings.idleMinutes
    return {}
  }

  #use(): Opened {
    if (this.#opened === undefined) throw new PageError("NOT_OPEN", "The profile is locked.")
    return this.#opened
  }
}
