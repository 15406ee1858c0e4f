import {
  type Bytes,
  bool,
  type Codec,
  decode,
  encode,
  fixed,
  longBytes,
  optional,
  safeInt64,
  shortBytes,
  struct,
} from "@smpkit/codec"
import { type KeyPair } from "@smpkit/crypto"
import { type ServerAddress, serverAddress } from "@smpkit/smp"
import { connection, type Connection, session, type Session } from "./connection.ts"
import type { Integrity } from "./integrity.ts"
import { longText, notice, type Notice } from "./notice.ts"
import { keyPair, letters } from "./queues.ts"
import type { StoreTx, StoreView } from "./store/index.ts"

/** A kind of record in the store. Keys are `connection` or `connection/number`. */
export interface Table<T> {
  readonly name: string
  readonly codec: Codec<T>
}

/** Messages of queue rotation. QTEST is sent on its own. */
type QueueMessageType = "QADD" | "QKEY" | "QUSE" | "QTEST"

/** Something to be sent, complete: every attempt sends these bytes. */
export interface Outgoing {
  /** `draft`: a confirmation without the box of its queue. */
  readonly type:
    | "draft"
    | "confirmation"
    | "HELLO"
    | "A_MSG"
    | "A_RCVD"
    | "A_QCONT"
    | "EREADY"
    | "AgentRatchetKey"
    | QueueMessageType
  readonly sndMsgId: number
  /** Of an A_MSG: what the application knows it by. */
  readonly messageId: number | undefined
  /** Milliseconds since 1970. */
  readonly created: number
  readonly notification: boolean
  /** Without authorization in a slow handshake's confirmation. */
  readonly signed: boolean
  /** The body of SEND; of a draft, the envelope. */
  readonly body: Bytes
}

/** A message of ours that a receipt may come for. */
export interface Sent {
  readonly messageId: number
  readonly hash: Bytes
  readonly created: number
}

/** A message of the other side that the application has not acknowledged. */
export interface Incoming {
  readonly messageId: number
  readonly sndMsgId: number
  readonly smpMsgId: Bytes
  /** SHA-256 of its plaintext, for a receipt. */
  readonly hash: Bytes
  readonly body: Bytes
  /** Seconds since 1970, by the server's clock. */
  readonly brokerTime: number
  readonly integrity: Integrity
  readonly received: number
  /** Whether a KEM secret was in its key. */
  readonly postQuantum: boolean
}

/** What stands at the head of an own queue: `shown`, a message whose ACK waits for the application, or `done`, one whose ACK is not answered yet. */
export interface Head {
  readonly type: "shown" | "done"
  readonly smpMsgId: Bytes
}

export interface PendingReceipt {
  readonly sndMsgId: number
  readonly hash: Bytes
  readonly received: number
}

/** An own queue that is to be deleted, whatever became of its connection. */
export interface Removal {
  readonly server: ServerAddress
  readonly recipientId: Bytes
  readonly recipientKey: KeyPair<"ed25519">
}

const integrity: Codec<Integrity> = {
  write: (w, v) => {
    integrityNames.write(w, v.type)
    if (v.type === "skipped") {
      safeInt64.write(w, v.from)
      safeInt64.write(w, v.to)
    }
    if (v.type === "badId") safeInt64.write(w, v.previous)
  },
  read: (r) => {
    const type = integrityNames.read(r)
    if (type === "skipped") return { type, from: safeInt64.read(r), to: safeInt64.read(r) }
    return type === "badId" ? { type, previous: safeInt64.read(r) } : { type }
  },
}
const integrityNames = letters<Integrity["type"]>({
  ok: "O",
  skipped: "S",
  duplicate: "D",
  badId: "I",
  badHash: "H",
})

/** At the end of a record that had no such field in the first release. */
const addedBool: Codec<boolean> = { write: bool.write, read: (r) => r.left > 0 && bool.read(r) }

const outgoingNames = letters<Outgoing["type"]>({
  draft: "D",
  confirmation: "C",
  HELLO: "H",
  A_MSG: "M",
  A_RCVD: "V",
  A_QCONT: "Q",
  QADD: "a",
  QKEY: "k",
  QUSE: "u",
  QTEST: "t",
  EREADY: "E",
  AgentRatchetKey: "R",
})

/** A list whose length needs more than one byte. */
function longList<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    write: (w, v) => {
      w.u32(v.length)
      for (const one of v) item.write(w, one)
    },
    read: (r) => {
      const length = r.u32()
      if (length > r.left) return r.fail("a list that is longer than its record")
      return Array.from({ length }, () => item.read(r))
    },
  }
}

/** All kinds of records. */
export const tables: {
  readonly connection: Table<Connection>
  readonly session: Table<Session>
  readonly outgoing: Table<Outgoing>
  readonly sent: Table<Sent>
  readonly incoming: Table<Incoming>
  readonly head: Table<Head>
  /** Pages of 16-byte hashes of processed envelopes (security.md Q3). */
  readonly seen: Table<readonly Bytes[]>
  readonly receipts: Table<PendingReceipt>
  readonly notice: Table<Notice>
  readonly removal: Table<Removal>
  /** Addresses, with passwords. */
  readonly servers: Table<readonly string[]>
} = {
  connection: { name: "connection", codec: connection },
  session: { name: "session", codec: session },
  outgoing: {
    name: "outgoing",
    codec: struct<Outgoing>({
      type: outgoingNames,
      sndMsgId: safeInt64,
      messageId: optional(safeInt64),
      created: safeInt64,
      notification: bool,
      signed: bool,
      body: longBytes,
    }),
  },
  sent: {
    name: "sent",
    codec: struct<Sent>({ messageId: safeInt64, hash: fixed(32), created: safeInt64 }),
  },
  incoming: {
    name: "incoming",
    codec: struct<Incoming>({
      messageId: safeInt64,
      sndMsgId: safeInt64,
      smpMsgId: shortBytes,
      hash: fixed(32),
      body: longBytes,
      brokerTime: safeInt64,
      integrity,
      received: safeInt64,
      postQuantum: addedBool,
    }),
  },
  head: {
    name: "head",
    codec: struct<Head>({ type: letters<Head["type"]>({ shown: "S", done: "D" }), smpMsgId: shortBytes }),
  },
  seen: { name: "seen", codec: longList(fixed(16)) },
  receipts: {
    name: "receipts",
    codec: struct<PendingReceipt>({ sndMsgId: safeInt64, hash: fixed(32), received: safeInt64 }),
  },
  notice: { name: "notice", codec: notice },
  removal: {
    name: "removal",
    codec: struct<Removal>({
      server: serverAddress,
      recipientId: shortBytes,
      recipientKey: keyPair("ed25519"),
    }),
  },
  servers: { name: "servers", codec: longList(longText) },
}

/** A number in a key, so that the order of keys is that of numbers. */
export function numberKey(scope: string, number: number): string {
  return `${scope}/${number.toString().padStart(16, "0")}`
}

export function getRecord<T>(store: StoreView, { name, codec }: Table<T>, key: string): T | undefined {
  const bytes = store.get(name, key)
  return bytes === undefined ? undefined : decode(codec, bytes)
}

export function* listRecords<T>(
  store: StoreView,
  { name, codec }: Table<T>,
  scope?: string,
): Iterable<{ readonly key: string; readonly value: T }> {
  for (const { key, value } of store.list(name, scope)) yield { key, value: decode(codec, value) }
}

/**
 * Writes a record; its bytes, which may hold secrets, are wiped after the store has copied them. `expected` is the generation that it must have.
 */
export function putRecord<T>(
  tx: StoreTx,
  { name, codec }: Table<T>,
  key: string,
  value: T,
  expected?: number,
): void {
  const bytes = encode(codec, value)
  tx.put(name, key, bytes, expected)
  bytes.fill(0)
}

export function deleteRecord(
  tx: StoreTx,
  { name }: Table<unknown> | { readonly name: string },
  key: string,
): void {
  tx.delete(name, key)
}
