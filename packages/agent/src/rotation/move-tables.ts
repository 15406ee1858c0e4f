import { type Bytes, type Codec, fixed, optional, safeInt64, struct } from "@smpkit/codec"
import { letters, type ReceiveQueue, receiveQueue, type SendQueue, sendQueue } from "../queues.ts"
import { type Head, type Outgoing, type Table, tables } from "../records.ts"
import type { StoreTx } from "../store/index.ts"

/**
 * The second own queue of a connection whose queue moves (agent-protocol.md, "Queue rotation", R). Until the other side uses it, it is the new one:
 * `offered` with QADD, `securing` when QKEY has brought the sender's key, `using` when QUSE is stored. Then it becomes the connection's queue, and the old
 * one stays here, `draining`, until it is empty.
 */
export interface ReceiveMove {
  readonly state: "offered" | "securing" | "using" | "draining"
  /** Milliseconds since 1970. */
  readonly since: number
  readonly queue: ReceiveQueue
}

/** The other side's new queue (agent-protocol.md, "Queue rotation", S). */
export type SendMove =
  /** QADD came; it is answered at `due`, as soon as the queue's server can be reached. */
  | { readonly state: "asked"; readonly due: number; readonly queue: SendQueue }
  /** QKEY is stored for sending; what follows it, from number `after` on, may be lost with the old queue. */
  | {
      readonly state: "answered"
      readonly since: number
      readonly after: number
      readonly queue: SendQueue
    }
  /** QUSE came, and QTEST is to be sent to the new queue. */
  | { readonly state: "testing"; readonly after: number; readonly queue: SendQueue; readonly test: Outgoing }

export interface SendSide {
  /** When the last QADD was answered, or will be at the earliest: one an hour is (security.md Q7). */
  readonly accepted: number | undefined
  /** What the box of a waiting item was made with before the last move, for all up to a number. */
  readonly formerBox: { readonly secret: Bytes; readonly upTo: number } | undefined
  readonly move: SendMove | undefined
}

/** A QTEST that came before what was sent before it: the other side's number and hash of it. */
export interface EarlyTest {
  readonly sndMsgId: number
  readonly hash: Bytes
}

interface FlatMove {
  readonly state: SendMove["state"]
  /** `due` or `since`. */
  readonly time: number
  readonly after: number
  readonly queue: SendQueue
  readonly test: Outgoing | undefined
}

const flatMove = struct<FlatMove>({
  state: letters<SendMove["state"]>({ asked: "A", answered: "K", testing: "T" }),
  time: safeInt64,
  after: safeInt64,
  queue: sendQueue,
  test: optional(tables.outgoing.codec),
})

const sendMove: Codec<SendMove> = {
  write: (w, v) => {
    flatMove.write(w, { after: 0, test: undefined, ...v, time: timeOf(v) })
  },
  read: (r) => {
    const { state, time, after, queue, test } = flatMove.read(r)
    switch (state) {
      case "asked":
        return { state, due: time, queue }
      case "answered":
        return { state, since: time, after, queue }
      case "testing":
        return test === undefined ? r.fail("a test without its message") : { state, after, queue, test }
      default:
        return state satisfies never
    }
  },
}

function timeOf(v: SendMove): number {
  switch (v.state) {
    case "asked":
      return v.due
    case "answered":
      return v.since
    case "testing":
      return 0
    default:
      return v satisfies never
  }
}

/** Records of queue rotation. Keys are those of connections, with the item's number behind it for `moveCopy`. */
export const moveTables: {
  readonly receiveMove: Table<ReceiveMove>
  /** What stands at the head of the second own queue. */
  readonly secondHead: Table<Head>
  readonly sendSide: Table<SendSide>
  readonly earlyTest: Table<EarlyTest>
  /** Items that the old queue has kept and that may be lost with it. */
  readonly moveCopy: Table<Outgoing>
} = {
  receiveMove: {
    name: "receiveMove",
    codec: struct<ReceiveMove>({
      state: letters<ReceiveMove["state"]>({ offered: "O", securing: "S", using: "U", draining: "D" }),
      since: safeInt64,
      queue: receiveQueue,
    }),
  },
  secondHead: { name: "secondHead", codec: tables.head.codec },
  sendSide: {
    name: "sendSide",
    codec: struct<SendSide>({
      accepted: optional(safeInt64),
      formerBox: optional(struct({ secret: fixed(32), upTo: safeInt64 })),
      move: optional(sendMove),
    }),
  },
  earlyTest: {
    name: "earlyTest",
    codec: struct<EarlyTest>({ sndMsgId: safeInt64, hash: fixed(32) }),
  },
  moveCopy: { name: "moveCopy", codec: tables.outgoing.codec },
}

/** Removes what a connection has in these tables. */
export function eraseMoves(tx: StoreTx, connectionId: string): void {
  const { receiveMove, secondHead, sendSide, earlyTest, moveCopy } = moveTables
  for (const { name } of [receiveMove, secondHead, sendSide, earlyTest]) tx.delete(name, connectionId)
  for (const { key } of tx.list(moveCopy.name, connectionId)) tx.delete(moveCopy.name, key)
}
