import { type Bytes, toBase64Url } from "@smpkit/codec"
import { listRecords, numberKey, putRecord, tables } from "./records.ts"
import type { StoreTx, StoreView } from "./store/index.ts"

const pageSize = 128

/** Hashes of the envelopes that a queue has delivered, kept as long as the queue (security.md Q3), in pages of the store. */
export class SeenEnvelopes {
  readonly #connectionId: string
  readonly #all = new Set<string>()
  #page: Bytes[] = []
  #pageNumber = 0

  constructor(store: StoreView, connectionId: string) {
    this.#connectionId = connectionId
    for (const { value } of listRecords(store, tables.seen, connectionId)) {
      this.#pageNumber++
      this.#page = [...value]
      for (const hash of value) this.#all.add(toBase64Url(hash))
    }
    if (this.#pageNumber > 0 && this.#page.length < pageSize) this.#pageNumber--
    else this.#page = []
  }

  has(hash: Bytes): boolean {
    return this.#all.has(toBase64Url(hash))
  }

  /** Remembers a hash; call `put` in the transaction that stores its message. */
  add(hash: Bytes): void {
    this.#all.add(toBase64Url(hash))
    if (this.#page.length === pageSize) {
      this.#page = []
      this.#pageNumber++
    }
    this.#page.push(hash)
  }

  put(tx: StoreTx): void {
    putRecord(tx, tables.seen, numberKey(this.#connectionId, this.#pageNumber), this.#page)
  }
}
