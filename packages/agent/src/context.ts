import type { Bytes } from "@smpkit/codec"
import type { ServerMessage, ServerPool } from "@smpkit/client"
import type { Random } from "@smpkit/crypto"
import type { ServerAddress, ServerAddressWithAuth } from "@smpkit/smp"
import type { Clock } from "@smpkit/transport"
import { AgentError } from "./errors.ts"
import { EventQueue } from "./event-queue.ts"
import type { AgentEvent } from "./events.ts"
import type { Notice } from "./notice.ts"
import { deleteRecord, listRecords, numberKey, putRecord, tables } from "./records.ts"
import { RecentlyUsed } from "./recently-used.ts"
import { ServerUses } from "./servers-in-use.ts"
import { type SealedStore, StoreError, type StoreTx } from "./store/index.ts"

/** Choices that an application can make once, when it opens the agent. */
export interface AgentOptions {
  /** After how long without an answer a joiner closes its connection (security.md Q4). Default 48 hours. */
  readonly noAnswerMs?: number
  /** How many events may wait for the application before the agent stops receiving. Default 1,000. */
  readonly maxWaitingEvents?: number
  /** How old a message may become that does not reach the server of the other side's queue: then it is given up as `failed` `EXPIRED`. Default 48 hours. */
  readonly messageExpiryMs?: number
  /** The same while the other side's queue is full. Default 7 days. */
  readonly quotaExpiryMs?: number
  /** How many messages may at most be on the way to one queue without an answer. Default 16. */
  readonly sendWindow?: number
  /** How many connections, those that were used last, are kept in memory with their keys and ratchets; the others are read from the store when they are used. Default 256. */
  readonly connectionsAtHand?: number
}

const hourMs = 3600_000
/** agent-protocol.md, "Sending, retries, errors". */
const defaultExpiry = { messageExpiryMs: 48 * hourMs, quotaExpiryMs: 7 * 24 * hourMs }
const lazyMs = 100
const soonMs = 5

/** What the parts of an agent share: the store, the connections to servers, the events, time and chance. */
export class Context {
  readonly store: SealedStore
  readonly pool: ServerPool
  readonly clock: Clock
  readonly random: Random
  readonly options: Required<AgentOptions>
  readonly events: EventQueue
  /** The connections whose keys and ratchets are in memory. */
  readonly recentlyUsed: RecentlyUsed
  readonly servers: ServerUses = new ServerUses()
  /** Aborts all waiting when the agent closes. */
  readonly closing: AbortController = new AbortController()
  /** Where own queues are made. */
  knownServers: readonly ServerAddressWithAuth[] = []
  /** Hands on a message that came as the answer to another command. */
  onMessage: (server: ServerAddress, recipientId: Bytes, message: ServerMessage) => void = () => undefined
  /** Called when a connection was erased. */
  onErased: (connectionId: string) => void = () => undefined
  /** Called when a queue of a connection that is gone was deleted on its server. */
  onQueueDeleted: (server: ServerAddress) => void = () => undefined
  /** Why the agent stopped by itself. */
  failure: Error | undefined
  #nextNotice = 1
  readonly #lazy: ((tx: StoreTx) => void)[] = []
  readonly #lazyWaiting: Waiting[] = []
  #lazyTimer: Disposable | undefined

  constructor(parts: {
    readonly store: SealedStore
    readonly pool: ServerPool
    readonly clock: Clock
    readonly random: Random
    readonly options: AgentOptions
  }) {
    this.store = parts.store
    this.pool = parts.pool
    this.clock = parts.clock
    this.random = parts.random
    const { noAnswerMs = 48 * hourMs, maxWaitingEvents = 1000, sendWindow = 16 } = parts.options
    const { connectionsAtHand = 256 } = parts.options
    const { messageExpiryMs, quotaExpiryMs } = { ...defaultExpiry, ...parts.options }
    this.options = {
      noAnswerMs,
      messageExpiryMs,
      quotaExpiryMs,
      maxWaitingEvents,
      sendWindow,
      connectionsAtHand,
    }
    // What one call uses must not be dropped before it ends.
    this.recentlyUsed = new RecentlyUsed(Math.max(8, connectionsAtHand))
    this.events = new EventQueue(maxWaitingEvents)
  }

  /**
   * Stores changes in one transaction; resolves when they are on disk. Nothing that follows from a change leaves the agent before that.
   * A store that refuses leaves memory ahead of disk, so the agent stops: it rejects with `AgentError STORE`, now and for every later change.
   */
  async update(f: (tx: StoreTx) => void): Promise<void> {
    if (this.closing.signal.aborted) throw closed()
    const { lazy, waiting } = this.#takeLazy()
    try {
      await this.store.update((tx) => {
        for (const g of lazy) g(tx)
        f(tx)
      })
      for (const { resolve } of waiting) resolve()
    } catch (error) {
      const failure = isStoreError(error) ? refusal(error) : error
      for (const { reject } of waiting) reject(failure)
      this.fail(failure)
      throw failure
    }
  }

  /** Stores changes with the next transaction, or soon: for what costs only a repetition when a crash comes first. */
  updateLater(f: (tx: StoreTx) => void): void {
    this.#lazy.push(f)
    this.#lazyTimer ??= this.#flushIn(lazyMs)
  }

  /** Like `updateLater`, and resolves when the changes are on disk. */
  async updateWithNext(f: (tx: StoreTx) => void): Promise<void> {
    this.assertOpen()
    this.updateLater(f)
    const { promise, resolve, reject } = deferred()
    this.#lazyWaiting.push({ resolve, reject })
    await promise
  }

  /** Stores what `updateLater` was given with the next transaction, or in a moment: where one is likely to come. */
  flushSoon(): void {
    this.#lazyTimer?.[Symbol.dispose]()
    this.#lazyTimer = this.#flushIn(soonMs)
  }

  #flushIn(ms: number): Disposable {
    return this.clock.setTimer(ms, () => {
      if (!this.closing.signal.aborted) this.background(this.flush())
    })
  }

  /** Stores what `updateLater` was given. */
  async flush(): Promise<void> {
    if (this.#lazy.length > 0) await this.update(() => undefined)
  }

  #takeLazy(): { readonly lazy: readonly ((tx: StoreTx) => void)[]; readonly waiting: readonly Waiting[] } {
    this.#lazyTimer?.[Symbol.dispose]()
    this.#lazyTimer = undefined
    return { lazy: this.#lazy.splice(0), waiting: this.#lazyWaiting.splice(0) }
  }

  /** Events with their places in the store: `putNotices` stores them, `emit` shows them once they are on disk. */
  numbered(notices: readonly Notice[]): readonly StoredNotice[] {
    return notices.map((notice) => ({ key: numberKey("n", this.#nextNotice++), notice }))
  }

  /** Stores events and shows them. */
  async updateAndShow(notices: readonly Notice[]): Promise<void> {
    const stored = this.numbered(notices)
    await this.update((tx) => {
      putNotices(tx, stored)
    })
    await this.emit(stored)
  }

  /** Shows stored events; their records go when the application has taken them. Resolves when it has caught up. */
  async emit(notices: readonly StoredNotice[]): Promise<void> {
    for (const { key, notice } of notices) {
      await this.events.push(notice, () => {
        this.updateLater((tx) => {
          deleteRecord(tx, tables.notice, key)
        })
      })
    }
  }

  /** Events of an earlier run that the application has not taken. */
  storedNotices(): readonly StoredNotice[] {
    const notices = [...listRecords(this.store, tables.notice, "n")].map(({ key, value }) => ({
      key,
      notice: value,
    }))
    const last = notices.at(-1)
    if (last !== undefined) this.#nextNotice = Number(last.key.slice(2)) + 1
    return notices
  }

  /** Shows an event that is not worth storing. */
  show(event: AgentEvent): void {
    this.background(this.events.push(event))
  }

  /** Lets work go on by itself. It ends quietly when the agent closes; any other failure is a bug, and stops the agent. */
  background(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (this.closing.signal.aborted) return
      this.fail(error)
    })
  }

  /** Stops the agent; `events()` then throws the reason at the application. */
  fail(error: unknown): void {
    if (this.closing.signal.aborted) return
    this.failure =
      error instanceof Error
        ? error
        : new TypeError("something was thrown that is no error", { cause: error })
    this.stop()
    this.events.close()
  }

  /** Ends all waiting. What rode on a transaction that does not come any more is not stored. */
  stop(): void {
    this.closing.abort()
    for (const { reject } of this.#takeLazy().waiting) reject(closed())
  }

  /** Resolves after `ms`, when `wake` is called, or when the agent closes; then it throws `AgentError CLOSED`. */
  async pause(ms: number, onWake?: (wake: () => void) => void): Promise<void> {
    const { signal } = this.closing
    await new Promise<void>((resolve) => {
      const timer = this.clock.setTimer(ms, done)
      function done(): void {
        timer[Symbol.dispose]()
        signal.removeEventListener("abort", done)
        resolve()
      }
      signal.addEventListener("abort", done)
      onWake?.(done)
      if (signal.aborted) done()
    })
    this.assertOpen()
  }

  /** Resolves with `event`, or when the agent closes. */
  async untilClosing(event: Promise<unknown>): Promise<void> {
    const { signal } = this.closing
    await new Promise<void>((resolve) => {
      const done = (): void => {
        signal.removeEventListener("abort", done)
        resolve()
      }
      signal.addEventListener("abort", done)
      event.then(done, done)
      if (signal.aborted) done()
    })
  }

  assertOpen(): void {
    if (this.closing.signal.aborted) throw closed()
  }
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

function deferred(): Waiting & { readonly promise: Promise<void> } {
  let settle: Waiting | undefined
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject }
  })
  if (settle === undefined) throw new TypeError("a promise calls its executor at once")
  return { promise, ...settle }
}

/** Puts events into a transaction. */
export function putNotices(tx: StoreTx, notices: readonly StoredNotice[]): void {
  for (const { key, notice } of notices) putRecord(tx, tables.notice, key, notice)
}

export interface StoredNotice {
  readonly key: string
  readonly notice: Notice
}

function isStoreError(error: unknown): error is StoreError {
  return error instanceof StoreError
}

function refusal(error: StoreError): AgentError<"STORE"> {
  const message = `The agent's store does not take changes (${error.code}): ${error.message}`
  return new AgentError("STORE", message, { cause: error })
}

function closed(): AgentError<"CLOSED"> {
  return new AgentError("CLOSED", "The agent is closed.")
}
