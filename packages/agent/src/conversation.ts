import type { Bytes } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import { AtHand } from "./at-hand.ts"
import { type Changes, type Delivered, type OutgoingItem, writeItems } from "./changes.ts"
import { type Connection, receiveQueueOf, type Session } from "./connection.ts"
import { type Context, putNotices, type StoredNotice } from "./context.ts"
import { AgentError } from "./errors.ts"
import { eraseContact } from "./contact/contact-tables.ts"
import type { Notice } from "./notice.ts"
import { MessageRecords } from "./message-records.ts"
import { getRecord, type Head, listRecords, type Outgoing, putRecord, tables } from "./records.ts"
import { HeldMessages } from "./post-quantum/held-messages.ts"
import { Lane, Moves } from "./rotation/moves.ts"
import type { ReceiveQueue } from "./queues.ts"
import type { Outline } from "./outline.ts"
import type { SeenEnvelopes } from "./seen-envelopes.ts"
import { ownLinkTable } from "./short-links/own-link.ts"
import type { StoreTx } from "./store/index.ts"

const nothing = Promise.resolve()

/**
 * One connection in memory. Memory changes at the moment of `save`, so that the next message builds on it at once; effects wait until the promise
 * of `save` has resolved, when the change is on disk.
 */
export class Conversation {
  readonly id: string
  readonly #context: Context
  readonly #atHand: AtHand
  readonly messages: MessageRecords
  readonly held: HeldMessages
  /** Of the connection's own queue. */
  first: Lane
  readonly moves: Moves
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
  #receiving: Promise<void> = nothing

  constructor(context: Context, connection: Connection) {
    const { store } = context
    const { id } = connection
    this.id = id
    this.#context = context
    this.#atHand = new AtHand(context, connection)
    this.messages = new MessageRecords(store, id)
    this.first = new Lane(getRecord(store, tables.head, id))
    this.moves = new Moves(store, id)
    this.outgoing = [...listRecords(store, tables.outgoing, id)].map(
      ({ value: { body: _, ...item } }) => item,
    )
    this.held = new HeldMessages(store, id)
  }

  get connection(): Connection {
    return this.#atHand.connection
  }
  /** What is known of `connection` at any time. */
  get outline(): Outline {
    return this.#atHand.outline
  }
  get session(): Session | undefined {
    return this.#atHand.session
  }
  get seen(): SeenEnvelopes {
    return this.#atHand.seen
  }

  /** The lanes that messages come by. */
  get lanes(): readonly Lane[] {
    return this.moves.receive === undefined ? [this.first] : [this.first, this.moves.second]
  }

  /** How many items wait to be sent. */
  get unsent(): number {
    return this.outgoing.length + this.held.count
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
    const written = this.#atHand.hold()
    const { acknowledged } = changes
    const shown = acknowledged === undefined ? undefined : this.messages.hide(acknowledged)
    return this.#context.updateWithNext((tx) => {
      written()
      shown?.()
      if (this.active) this.#write(tx, changes)
    })
  }

  #remember(changes: Changes): void {
    if (!this.active)
      throw new AgentError("NOT_FOUND", "The connection was deleted.", { connectionId: this.id })
    this.#atHand.remember(changes)
    this.messages.remember(changes)
    const { head, lane = this.first } = changes
    if (head !== undefined) lane.head = head
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
    this.#atHand.write(tx, changes)
    if (changes.head !== undefined) {
      if (changes.lane === undefined || changes.lane === this.first)
        putRecord(tx, tables.head, id, changes.head)
      else this.moves.putSecondHead(tx)
    }
    writeItems(tx, id, changes)
  }

  /** Removes all records of the connection in a transaction of the caller. */
  erase(tx: StoreTx): void {
    const { id } = this
    this.#atHand.keep()
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
