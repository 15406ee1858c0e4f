import type { Changes } from "./changes.ts"
import {
  getRecord,
  type Incoming,
  listRecords,
  numberKey,
  type Outgoing,
  type PendingReceipt,
  type Sent,
  tables,
} from "./records.ts"
import type { StoreView } from "./store/index.ts"

/** The messages of a connection as the store has them, and what memory knows of them before it has. */
export class MessageRecords {
  readonly #store: StoreView
  readonly #connectionId: string
  #receipts: readonly PendingReceipt[]
  /** Acknowledged, which is not in the store yet. */
  #acknowledged: Set<number> | undefined
  #unacknowledgedCount: number

  constructor(store: StoreView, connectionId: string) {
    this.#store = store
    this.#connectionId = connectionId
    this.#receipts = [...listRecords(store, tables.receipts, connectionId)].map(({ value }) => value)
    this.#unacknowledgedCount = [...store.list(tables.incoming.name, connectionId)].length
  }

  /** Those that the application has asked for and that were not sent. */
  get receipts(): readonly PendingReceipt[] {
    return this.#receipts
  }

  /** How many messages the application has not acknowledged. */
  get unacknowledgedCount(): number {
    return this.#unacknowledgedCount
  }

  incoming(messageId: number): Incoming | undefined {
    if (this.#acknowledged?.has(messageId) === true) return undefined
    return getRecord(this.#store, tables.incoming, this.#key(messageId))
  }

  unacknowledged(): readonly Incoming[] {
    return [...listRecords(this.#store, tables.incoming, this.#connectionId)].map(({ value }) => value)
  }

  sent(sndMsgId: number): Sent | undefined {
    return getRecord(this.#store, tables.sent, this.#key(sndMsgId))
  }

  sentBefore(time: number): readonly number[] {
    return [...listRecords(this.#store, tables.sent, this.#connectionId)]
      .filter(({ value }) => value.created < time)
      .map(({ key }) => Number(key.slice(this.#connectionId.length + 1)))
  }

  /** The complete item with its bytes. */
  outgoing(sndMsgId: number): Outgoing | undefined {
    return getRecord(this.#store, tables.outgoing, this.#key(sndMsgId))
  }

  remember({ receipt, settledReceipts = [], incoming, acknowledged }: Changes): void {
    if (incoming !== undefined) this.#unacknowledgedCount++
    if (acknowledged !== undefined) this.#unacknowledgedCount--
    if (receipt !== undefined) this.#receipts = [...this.#receipts, receipt]
    if (settledReceipts.length === 0) return
    const settled = new Set(settledReceipts)
    this.#receipts = this.#receipts.filter((one) => !settled.has(one))
  }

  /** A message is acknowledged before the store has it so: until the returned function is called. */
  hide(messageId: number): () => void {
    const hidden = (this.#acknowledged ??= new Set())
    hidden.add(messageId)
    return () => {
      hidden.delete(messageId)
    }
  }

  #key(number: number): string {
    return numberKey(this.#connectionId, number)
  }
}
