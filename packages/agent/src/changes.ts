import type { Bytes } from "@smpkit/codec"
import type { Connection, Session } from "./connection.ts"
import type { Lane } from "./rotation/moves.ts"
import type { Notice } from "./notice.ts"
import {
  deleteRecord,
  type Head,
  type Incoming,
  numberKey,
  type Outgoing,
  type PendingReceipt,
  putRecord,
  type Sent,
  tables,
} from "./records.ts"
import type { StoreTx } from "./store/index.ts"

/** One message as the server delivers it. */
export interface Delivered {
  /** The queue that it came from. */
  readonly recipientId: Bytes
  readonly msgId: Bytes
  readonly body: Bytes
}

/** What is kept in memory of something to be sent; its body is read from the store when it is sent. */
export type OutgoingItem = Omit<Outgoing, "body">

/** What one transaction changes; what is absent stays. */
export interface Changes {
  readonly connection?: Connection
  readonly session?: Session
  readonly head?: Head
  /** Where `head` stands; at the connection's own queue, unless given. */
  readonly lane?: Lane | undefined
  readonly seen?: boolean
  /** One more to send. */
  readonly receipt?: PendingReceipt | undefined
  /** Those that were sent, or came too late. */
  readonly settledReceipts?: readonly PendingReceipt[]
  readonly incoming?: Incoming
  readonly acknowledged?: number
  readonly outgoing?: readonly Outgoing[]
  /** What was a draft. */
  readonly completed?: Outgoing
  readonly sent?: { readonly sndMsgId: number; readonly record: Sent }
  /** Numbers of items that need no further attempt. */
  readonly finished?: readonly number[]
  /** Numbers of messages that need no receipt any more. */
  readonly forgotten?: readonly number[]
  readonly notices?: readonly Notice[]
  /** What else is part of the transaction. */
  readonly also?: ((tx: StoreTx) => void) | undefined
}

/** Writes what a connection has many of: messages, receipts, and what else belongs into the transaction. */
export function writeItems(tx: StoreTx, id: string, changes: Changes): void {
  const { receipt, settledReceipts = [] } = changes
  if (receipt !== undefined) putRecord(tx, tables.receipts, numberKey(id, receipt.sndMsgId), receipt)
  for (const { sndMsgId } of settledReceipts) deleteRecord(tx, tables.receipts, numberKey(id, sndMsgId))
  if (changes.incoming !== undefined) {
    putRecord(tx, tables.incoming, numberKey(id, changes.incoming.messageId), changes.incoming)
  }
  if (changes.acknowledged !== undefined)
    deleteRecord(tx, tables.incoming, numberKey(id, changes.acknowledged))
  const { completed, outgoing = [] } = changes
  for (const item of completed === undefined ? outgoing : [completed, ...outgoing])
    putRecord(tx, tables.outgoing, numberKey(id, item.sndMsgId), item)
  if (changes.sent !== undefined)
    putRecord(tx, tables.sent, numberKey(id, changes.sent.sndMsgId), changes.sent.record)
  for (const number of changes.finished ?? []) deleteRecord(tx, tables.outgoing, numberKey(id, number))
  for (const number of changes.forgotten ?? []) deleteRecord(tx, tables.sent, numberKey(id, number))
  changes.also?.(tx)
}
