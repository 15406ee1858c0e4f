import type { Bytes } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import type { OutgoingItem } from "../changes.ts"
import type { ReceiveQueue } from "../queues.ts"
import { deleteRecord, getRecord, type Head, listRecords, numberKey, putRecord, tables } from "../records.ts"
import type { StoreTx, StoreView } from "../store/index.ts"
import { type EarlyTest, eraseMoves, moveTables, type ReceiveMove, type SendSide } from "./move-tables.ts"

/**
 * So many copies are kept at most. What the old queue may take with it is no more than its server lets it hold, which is 128 by default, so
 * the oldest of more than these have been read.
 */
const maxCopies = 512

/** One of a connection's own queues as messages come from it. */
export class Lane {
  head: Head | undefined
  /** Counts messages, so that a pause can be told from traffic. */
  arrivals = 0

  constructor(head: Head | undefined) {
    this.head = head
  }
}

/** The moves of a connection's queues in memory. Memory changes at once; the function that a change returns writes it in a transaction of the caller. */
export class Moves {
  readonly #connectionId: string
  #receive: ReceiveMove | undefined
  #send: SendSide
  #earlyTest: EarlyTest | undefined
  /** Of the queue in `receive`. */
  second: Lane
  /** A new queue is being made. */
  making = false
  /** Counts the queues that were sent to: what was sent to one before is not waited for. */
  epoch = 0
  /** Called when the queue to send to has changed. */
  onMoved: () => void = () => undefined
  /** The items for the new queue are being stored. */
  storing = false
  /** Called when there is something to do. */
  kick: () => void = () => undefined
  /** Called when the second queue is not received from any more. */
  onDropped: (queue: ReceiveQueue) => void = () => undefined
  readonly #copies: OutgoingItem[]

  constructor(store: StoreView, connectionId: string) {
    this.#connectionId = connectionId
    this.#receive = getRecord(store, moveTables.receiveMove, connectionId)
    this.second = new Lane(getRecord(store, moveTables.secondHead, connectionId))
    this.#send = getRecord(store, moveTables.sendSide, connectionId) ?? {
      accepted: undefined,
      formerBox: undefined,
      move: undefined,
    }
    this.#earlyTest = getRecord(store, moveTables.earlyTest, connectionId)
    this.#copies = [...listRecords(store, moveTables.moveCopy, connectionId)].map(
      ({ value: { body: _, ...item } }) => item,
    )
  }

  get receive(): ReceiveMove | undefined {
    return this.#receive
  }

  get send(): SendSide {
    return this.#send
  }

  /** Whether a queue moves. */
  get going(): boolean {
    return this.#receive !== undefined || this.#send.move !== undefined
  }

  get earlyTest(): EarlyTest | undefined {
    return this.#earlyTest
  }

  setEarlyTest(test: EarlyTest | undefined): (tx: StoreTx) => void {
    this.#earlyTest = test
    return (tx) => {
      if (test === undefined) deleteRecord(tx, moveTables.earlyTest, this.#connectionId)
      else putRecord(tx, moveTables.earlyTest, this.#connectionId, test)
    }
  }

  /** Whether a message comes from the second queue. */
  isSecond(recipientId: Bytes): boolean {
    return this.#receive !== undefined && equalBytes(this.#receive.queue.recipientId, recipientId)
  }

  setReceive(move: ReceiveMove | undefined): (tx: StoreTx) => void {
    this.#receive = move
    if (move === undefined) this.second = new Lane(undefined)
    return (tx) => {
      const { receiveMove, secondHead } = moveTables
      if (move !== undefined) {
        putRecord(tx, receiveMove, this.#connectionId, move)
        return
      }
      for (const table of [receiveMove, secondHead]) deleteRecord(tx, table, this.#connectionId)
    }
  }

  /** The second queue and the connection's change places: `first` is the lane of the connection's until now, the answer that of its new one. */
  swap(first: Lane): Lane {
    const next = this.second
    this.second = first
    return next
  }

  /** Writes what stands at the head of the second queue. */
  putSecondHead(tx: StoreTx): void {
    const { head } = this.second
    if (head === undefined) deleteRecord(tx, moveTables.secondHead, this.#connectionId)
    else putRecord(tx, moveTables.secondHead, this.#connectionId, head)
  }

  setSend(side: SendSide): (tx: StoreTx) => void {
    this.#send = side
    return (tx) => {
      putRecord(tx, moveTables.sendSide, this.#connectionId, side)
    }
  }

  /** The old queue has kept an item: where it may be lost with the queue, what returns keeps a copy, to be called while its record is there. */
  copied(item: OutgoingItem): ((tx: StoreTx) => void) | undefined {
    const { move } = this.#send
    if (move === undefined || move.state === "asked" || item.sndMsgId <= move.after) return undefined
    this.#copies.push(item)
    const dropped = this.#copies.splice(0, Math.max(0, this.#copies.length - maxCopies))
    return (tx) => {
      const record = getRecord(tx, tables.outgoing, this.#key(item))
      if (record !== undefined) putRecord(tx, moveTables.moveCopy, this.#key(item), record)
      for (const old of dropped) deleteRecord(tx, moveTables.moveCopy, this.#key(old))
    }
  }

  get copyCount(): number {
    return this.#copies.length
  }

  /** Whether an item that the old queue refuses has another queue to go to. */
  willSend({ sndMsgId }: OutgoingItem): boolean {
    const { move } = this.#send
    return move !== undefined && move.state !== "asked" && sndMsgId > move.after
  }

  /** All copies, which are gone then: `wanted` become items to be sent, the others go from the store. */
  takeCopies(
    wanted: (item: OutgoingItem) => boolean,
    now: number,
  ): {
    readonly items: readonly OutgoingItem[]
    readonly write: (tx: StoreTx) => void
  } {
    const all = this.#copies.splice(0)
    const items = all.filter(wanted)
    // The application has heard `sent`, or nothing is to be heard.
    const again = { messageId: undefined, created: now }
    return {
      items: items.map((item) => ({ ...item, ...again })),
      write: (tx) => {
        for (const item of all) {
          const record = getRecord(tx, moveTables.moveCopy, this.#key(item))
          deleteRecord(tx, moveTables.moveCopy, this.#key(item))
          if (record === undefined || !items.includes(item)) continue
          putRecord(tx, tables.outgoing, this.#key(item), { ...record, ...again })
        }
      },
    }
  }

  /** What is on the way to the old queue is not waited for any more. */
  abandonOld(): void {
    this.epoch++
    this.onMoved()
  }

  erase(tx: StoreTx): void {
    eraseMoves(tx, this.#connectionId)
  }

  #key({ sndMsgId }: OutgoingItem): string {
    return numberKey(this.#connectionId, sndMsgId)
  }
}
