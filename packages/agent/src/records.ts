import {
  type Bytes,
  bool,
  type Codec,
  decode,
  encode,
  fixed,
  list,
  longBytes,
  mapped,
  optional,
  safeInt64,
  shortBytes,
  struct,
  text,
} from "@smpkit/codec"
import { type KeyPair } from "@smpkit/crypto"
import { type ServerAddress, serverAddress } from "@smpkit/smp"
import { connection, type Connection, session, type Session } from "./connection.ts"
import type { AgentErrorCode } from "./errors.ts"
import type { AgentEvent, QueueSwitch } from "./events.ts"
import type { Integrity } from "./integrity.ts"
import { keyPair, letters } from "./queues.ts"
import { type RatchetSync, ratchetSync } from "./resynchronize/state.ts"
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

/** An event that the application may not have seen. */
export type Notice = Extract<
  AgentEvent,
  {
    readonly type:
      | "confirmation"
      | "contactRequest"
      | "info"
      | "connected"
      | "sent"
      | "delivered"
      | "failed"
      | "ratchetSync"
      | "postQuantumChanged"
      | "queueSwitched"
      | "closed"
      | "error"
  }
>

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

/** Codes that this release does not know came from a later one, and are shown as they are. */
const code: Codec<AgentErrorCode> = mapped(
  text,
  (v) => v as AgentErrorCode,
  (v) => v,
)
const longText: Codec<string> = {
  write: (w, v) => {
    longBytes.write(w, encodeText(v))
  },
  read: (r) => new TextDecoder().decode(longBytes.read(r)),
}
function encodeText(v: string): Bytes {
  return new TextEncoder().encode(v)
}

type Fields<T extends Notice["type"]> = Omit<Extract<Notice, { readonly type: T }>, "type">
interface Codes {
  readonly oldCode: string
  readonly newCode: string
}
/** The codes are there where keys were replaced; the first release had none. */
const syncCodes = optional(struct<Codes>({ oldCode: longText, newCode: longText }))
const ratchetSyncFields: Codec<Fields<"ratchetSync">> = {
  write: (w, { connectionId, state, oldCode, newCode }) => {
    text.write(w, connectionId)
    ratchetSync.write(w, state)
    syncCodes.write(w, oldCode === undefined || newCode === undefined ? undefined : { oldCode, newCode })
  },
  read: (r) => {
    const connectionId = text.read(r)
    const state: RatchetSync = ratchetSync.read(r)
    const codes = r.left > 0 ? syncCodes.read(r) : undefined
    return { connectionId, state, ...codes }
  },
}
const noticeFields: { readonly [T in Notice["type"]]: Codec<Fields<T>> } = {
  confirmation: struct<Fields<"confirmation">>({
    connectionId: text,
    confirmationId: text,
    info: longBytes,
    postQuantum: bool,
    servers: list(longText),
  }),
  contactRequest: struct<Fields<"contactRequest">>({
    connectionId: text,
    requestId: text,
    info: longBytes,
    postQuantum: bool,
    servers: list(longText),
  }),
  info: struct<Fields<"info">>({ connectionId: text, info: longBytes }),
  connected: struct<Fields<"connected">>({ connectionId: text, postQuantum: bool }),
  sent: struct<Fields<"sent">>({ connectionId: text, messageId: safeInt64, server: longText }),
  delivered: struct<Fields<"delivered">>({ connectionId: text, messageId: safeInt64, hashOk: bool }),
  failed: struct<Fields<"failed">>({
    connectionId: text,
    messageId: safeInt64,
    code,
    message: longText,
    server: longText,
  }),
  ratchetSync: ratchetSyncFields,
  postQuantumChanged: struct<Fields<"postQuantumChanged">>({
    connectionId: text,
    sending: bool,
    receiving: bool,
  }),
  queueSwitched: struct<Fields<"queueSwitched">>({
    connectionId: text,
    direction: letters<QueueSwitch["direction"]>({ receive: "R", send: "S" }),
    phase: letters<QueueSwitch["phase"]>({ started: "S", confirmed: "C", secured: "K", completed: "D" }),
    server: longText,
  }),
  closed: struct<Fields<"closed">>({ connectionId: text, code, message: longText }),
  error: struct<Fields<"error">>({
    connectionId: optional(text),
    code,
    message: longText,
    server: optional(longText),
  }),
}
const noticeNames = letters<Notice["type"]>({
  confirmation: "c",
  contactRequest: "q",
  info: "i",
  connected: "C",
  sent: "s",
  delivered: "d",
  failed: "f",
  ratchetSync: "r",
  postQuantumChanged: "p",
  queueSwitched: "w",
  closed: "x",
  error: "e",
})

const notice: Codec<Notice> = {
  write: (w, v) => {
    noticeNames.write(w, v.type)
    ;(noticeFields[v.type] as Codec<Fields<Notice["type"]>>).write(w, v)
  },
  read: (r) => {
    const type = noticeNames.read(r)
    return { type, ...noticeFields[type].read(r) } as Notice
  },
}

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
