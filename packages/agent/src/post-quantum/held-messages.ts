import { type Bytes, longBytes, safeInt64, struct } from "@smpkit/codec"
import { listRecords, type Table } from "../records.ts"
import type { StoreTx, StoreView } from "../store/index.ts"

/** A message of a connection that requires post-quantum encryption, before that is on: not encrypted yet. */
export interface HeldMessage {
  readonly messageId: number
  readonly created: number
  readonly body: Bytes
}

/** Keys are `connection/messageId`. */
export const heldTable: Table<HeldMessage> = {
  name: "held",
  codec: struct<HeldMessage>({ messageId: safeInt64, created: safeInt64, body: longBytes }),
}

/** Those of one connection, oldest first. */
export class HeldMessages {
  #all: readonly HeldMessage[]

  constructor(store: StoreView, connectionId: string) {
    this.#all = [...listRecords(store, heldTable, connectionId)].map(({ value }) => value)
  }

  get count(): number {
    return this.#all.length
  }

  ids(): readonly number[] {
    return this.#all.map(({ messageId }) => messageId)
  }

  add(message: HeldMessage): void {
    this.#all = [...this.#all, message]
  }

  /** Takes out those that `which` names. */
  take(which: (message: HeldMessage) => boolean): readonly HeldMessage[] {
    const taken = this.#all.filter(which)
    this.#all = this.#all.filter((one) => !taken.includes(one))
    return taken
  }

  static erase(tx: StoreTx, connectionId: string): void {
    for (const { key } of tx.list(heldTable.name, connectionId)) tx.delete(heldTable.name, key)
  }
}
