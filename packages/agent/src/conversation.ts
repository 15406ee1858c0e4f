import type { Bytes } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import { type Changes, type Delivered, type OutgoingItem, writeItems } from "./changes.ts"
import { type Connection, receiveQueueOf, type Session } from "./connection.ts"
import { type Context, putNotices, type StoredNotice } from "./context.ts"
import { AgentError } from "./errors.ts"
import { eraseContact } from "./contact/contact-tables.ts"
import type { Notice } from "./notice.ts"
import {
  getRecord,
  type Head,
  type Incoming,
  listRecords,
  numberKey,
  type Outgoing,
  type PendingReceipt,
  putRecord,
  type Sent,
  type Table,
  tables,
} from "./records.ts"
import { HeldMessages } from "./post-quantum/held-messages.ts"
import { Lane, Moves } from "./rotation/moves.ts"
import type { ReceiveQueue } from "./queues.ts"
import { type Outline, outlineOf } from "./outline.ts"
import type { Droppable } from "./recently-used.ts"
import { SeenEnvelopes } from "./seen-envelopes.ts"
import { ownLinkTable } from "./short-links/own-link.ts"
import type { StoreTx } from "./store/index.ts"

const nothing = Promise.resolve()

/**
 * One connection in memory. Memory changes at the moment of `save`, so that the next message builds on it at once; effects wait until the promise
 * of `save` has resolved, when the change is on disk. Keys, ratchet and hashes are in memory only while the connection is used: there may be very many of them.
 */
export class Conversation implements Droppable {
  readonly id: string
  readonly #context: Context
  #seen: SeenEnvelopes | undefined
  readonly held: HeldMessages
  #outline: Outline
  /** As stored, while it is at hand. */
  #connection: Connection | undefined
  /** Which write of its record is the last: before `allowConnection` and while joining it holds a ratchet. */
  #connectionGeneration: number
  /** As stored, while it is at hand: there may be none. */
  #session: { readonly value: Session | undefined } | undefined
  /** Changes of it that memory has and the store has not yet. */
  #unwritten = 0
  /** Which write of the session's record is the last. */
  #sessionGeneration: number
  /** Of the connection's own queue. */
  first: Lane
  readonly moves: Moves
  #receipts: PendingReceipt[]
  /** Stored items, in order of their numbers. */
  readonly outgoing: OutgoingItem[]
  /** Not deleted. */
  active = true
  /** A message that waits for the application to choose between several answers to a link; the server has it as well. */
  parked: Delivered | undefined
  /** The application wants its messages. */
  wanted = true
  /** A message that came is on its way to the disk. */
  storing = false
  /** Its ACK is under way. */
  acknowledging = false
  /** Called when there is something to send, or a reason to try again. */
  kick: () => void = () => undefined
  /** Called when what waits is to be sent at once, whatever failed before. */
  resume: () => void = () => undefined
  /** Acknowledged, which is not in the store yet. */
  #acknowledged: Set<number> | undefined
  #unacknowledgedCount: number
  #receiving: Promise<void> = nothing

  constructor(context: Context, connection: Connection) {
    const { store } = context
    const { id } = connection
    this.id = id
    this.#context = context
    this.#outline = outlineOf(context.servers, connection)
    this.#connectionGeneration = store.generation(tables.connection.name, id)
    this.#sessionGeneration = store.generation(tables.session.name, id)
    this.first = new Lane(getRecord(store, tables.head, id))
    this.moves = new Moves(store, id)
    this.#receipts = [...listRecords(store, tables.receipts, id)].map(({ value }) => value)
    this.outgoing = [...listRecords(store, tables.outgoing, id)].map(
      ({ value: { body: _, ...item } }) => item,
    )
    this.#unacknowledgedCount = [...store.list(tables.incoming.name, id)].length
    this.held = new HeldMessages(store, id)
  }

  get connection(): Connection {
    this.#context.recentlyUsed.use(this)
    this.#connection ??= this.#read(tables.connection)
    if (this.#connection === undefined) throw new TypeError("a connection without a record")
    return this.#connection
  }
  /** What is known of `connection` at any time. */
  get outline(): Outline {
    return this.#outline
  }
  get session(): Session | undefined {
    this.#context.recentlyUsed.use(this)
    this.#session ??= { value: this.#read(tables.session) }
    return this.#session.value
  }
  get seen(): SeenEnvelopes {
    this.#context.recentlyUsed.use(this)
    this.#seen ??= new SeenEnvelopes(this.#context.store, this.id)
    return this.#seen
  }

  #read<T>(table: Table<T>): T | undefined {
    this.#context.assertOpen()
    return getRecord(this.#context.store, table, this.id)
  }

  /** Lets go of what the store has as well; of a connection that was deleted nothing can be read again. */
  drop(): boolean {
    if (this.#unwritten > 0) return false
    if (!this.active) return true
    this.#connection = undefined
    this.#session = undefined
    this.#seen = undefined
    return true
  }

  /** The lanes that messages come by. */
  get lanes(): readonly Lane[] {
    return this.moves.receive === undefined ? [this.first] : [this.first, this.moves.second]
  }
  get receipts(): readonly PendingReceipt[] {
    return this.#receipts
  }

  /** How many items wait to be sent. */
  get unsent(): number {
    return this.outgoing.length + this.held.count
  }

  /** How many messages the application has not acknowledged. */
  get unacknowledgedCount(): number {
    return this.#unacknowledgedCount
  }

  incoming(messageId: number): Incoming | undefined {
    if (this.#acknowledged?.has(messageId) === true) return undefined
    return getRecord(this.#context.store, tables.incoming, numberKey(this.id, messageId))
  }

  unacknowledged(): readonly Incoming[] {
    return [...listRecords(this.#context.store, tables.incoming, this.id)].map(({ value }) => value)
  }

  sent(sndMsgId: number): Sent | undefined {
    return getRecord(this.#context.store, tables.sent, numberKey(this.id, sndMsgId))
  }

  sentBefore(time: number): readonly number[] {
    return [...listRecords(this.#context.store, tables.sent, this.id)]
      .filter(({ value }) => value.created < time)
      .map(({ key }) => Number(key.slice(this.id.length + 1)))
  }

  /** The complete item with its bytes. */
  outgoingRecord(sndMsgId: number): Outgoing | undefined {
    return getRecord(this.#context.store, tables.outgoing, numberKey(this.id, sndMsgId))
  }

  /** Changes memory now and disk in one transaction; resolves, with the events that may be shown, when it is on disk. */
  async save(changes: Changes): Promise<readonly StoredNotice[]> {
    this.#remember(changes)
    const notices = this.#context.numbered(changes.notices ?? [])
    await this.#context.update((tx) => {
      this.#write(tx, changes)
      putNotices(tx, notices)
    })
    if (changes.completed !== undefined) this.#complete(changes.completed)
    for (const { body: _, ...item } of changes.outgoing ?? []) this.outgoing.push(item)
    if ((changes.outgoing?.length ?? 0) > 0) this.kick()
    return notices
  }

  #complete({ body: _, ...item }: Outgoing): void {
    const at = this.outgoing.findIndex(({ sndMsgId }) => sndMsgId === item.sndMsgId)
    if (at >= 0) this.outgoing[at] = item
  }

  /** Changes memory now, and disk with the next transaction or soon; resolves when they are on disk. */
  saveWithNext(changes: Changes): Promise<void> {
    this.#remember(changes)
    const { acknowledged } = changes
    if (acknowledged !== undefined) this.#acknowledged = (this.#acknowledged ?? new Set()).add(acknowledged)
    this.#unwritten++
    return this.#context.updateWithNext((tx) => {
      this.#unwritten--
      if (acknowledged !== undefined) this.#acknowledged?.delete(acknowledged)
      if (this.active) this.#write(tx, changes)
    })
  }

  #remember(changes: Changes): void {
    const { connection, session, head, receipt, settledReceipts, incoming, acknowledged } = changes
    if (!this.active)
      throw new AgentError("NOT_FOUND", "The connection was deleted.", { connectionId: this.id })
    this.#context.recentlyUsed.use(this)
    if (connection !== undefined) {
      this.#connection = connection
      this.#outline = outlineOf(this.#context.servers, connection)
    }
    if (session !== undefined) this.#session = { value: session }
    if (head !== undefined) (changes.lane ?? this.first).head = head
    if (receipt !== undefined) this.#receipts.push(receipt)
    if (incoming !== undefined) this.#unacknowledgedCount++
    if (acknowledged !== undefined) this.#unacknowledgedCount--
    if (settledReceipts !== undefined) {
      const settled = new Set(settledReceipts)
      this.#receipts = this.#receipts.filter((one) => !settled.has(one))
    }
  }

  /**
   * An item needs no further attempt. It leaves the store with the next transaction: a crash before that sends it once more,
   * which the other side does not notice. The events are shown at once, and again after such a crash.
   */
  finishLater(item: OutgoingItem, events: readonly Notice[]): Promise<void> {
    const notices = this.#context.numbered(events)
    const copy = this.moves.copied(item)
    this.#context.updateLater((tx) => {
      if (!this.active) return
      copy?.(tx)
      this.#write(tx, { finished: [item.sndMsgId] })
      putNotices(tx, notices)
    })
    return this.#context.emit(notices)
  }

  /** The server has forgotten the message at the head. The record may stay: a later one replaces it, and a repeated ACK does no harm. */
  clearHead(lane: Lane, head: Head): void {
    if (lane.head === head) lane.head = undefined
  }

  laneOf(recipientId: Bytes): Lane {
    return this.moves.isSecond(recipientId) ? this.moves.second : this.first
  }

  /** The queue of a lane, while it has one. */
  queueOf(lane: Lane): ReceiveQueue | undefined {
    if (lane === this.first) return receiveQueueOf(this.connection)
    return lane === this.moves.second ? this.moves.receive?.queue : undefined
  }

  /** The queue, in use or the second one, with this id. */
  ownQueue(recipientId: Bytes): ReceiveQueue | undefined {
    return this.lanes
      .map((lane) => this.queueOf(lane))
      .find((queue) => queue !== undefined && equalBytes(queue.recipientId, recipientId))
  }

  /** `save`, then shows the events. */
  async saveAndShow(changes: Changes): Promise<void> {
    await this.#context.emit(await this.save(changes))
  }

  #write(tx: StoreTx, changes: Changes): void {
    const { id } = this
    // Two writers would use one message key twice: whoever comes second is refused (security.md Q2).
    if (changes.connection !== undefined) {
      putRecord(tx, tables.connection, id, changes.connection, this.#connectionGeneration)
      this.#connectionGeneration = tx.generation(tables.connection.name, id)
    }
    if (changes.session !== undefined) {
      putRecord(tx, tables.session, id, changes.session, this.#sessionGeneration)
      this.#sessionGeneration = tx.generation(tables.session.name, id)
    }
    if (changes.head !== undefined) {
      if (changes.lane === undefined || changes.lane === this.first)
        putRecord(tx, tables.head, id, changes.head)
      else this.moves.putSecondHead(tx)
    }
    if (changes.seen === true) this.seen.put(tx)
    writeItems(tx, id, changes)
  }

  /** Removes all records of the connection in a transaction of the caller. */
  erase(tx: StoreTx): void {
    const { id } = this
    // Whoever is at work with it still looks at it.
    this.#connection = this.connection
    this.#session = { value: this.session }
    this.#context.recentlyUsed.forget(this)
    for (const { name } of [tables.connection, tables.session, tables.head]) tx.delete(name, id)
    for (const { name } of [tables.outgoing, tables.sent, tables.incoming, tables.receipts, tables.seen]) {
      for (const { key } of tx.list(name, id)) tx.delete(name, key)
    }
    HeldMessages.erase(tx, id)
    eraseContact(tx, id)
    this.moves.erase(tx)
    tx.delete(ownLinkTable.name, id)
  }

  /** Runs `work` after all work given before: messages of a queue are processed one by one. */
  inOrder(work: () => Promise<void>): Promise<void> {
    const next = this.#receiving.then(() => (this.active ? work() : undefined))
    this.#receiving = next.catch(() => undefined)
    return next
  }
}
