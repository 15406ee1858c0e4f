import {
  type Bytes,
  bool,
  type Codec,
  list,
  longBytes,
  mapped,
  optional,
  safeInt64,
  struct,
  text,
} from "@smpkit/codec"
import type { AgentErrorCode } from "./errors.ts"
import type { AgentEvent, QueueSwitch } from "./events.ts"
import { letters } from "./queues.ts"
import { type RatchetSync, ratchetSync } from "./resynchronize/state.ts"

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

/** Codes that this release does not know came from a later one, and are shown as they are. */
const code: Codec<AgentErrorCode> = mapped(
  text,
  (v) => v as AgentErrorCode,
  (v) => v,
)
/** A text of up to 65,535 bytes. */
export const longText: Codec<string> = {
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

/** A notice in the store; its letters and layouts stay, since stores of earlier releases hold them. */
export const notice: Codec<Notice> = {
  write: (w, v) => {
    noticeNames.write(w, v.type)
    ;(noticeFields[v.type] as Codec<Fields<Notice["type"]>>).write(w, v)
  },
  read: (r) => {
    const type = noticeNames.read(r)
    return { type, ...noticeFields[type].read(r) } as Notice
  },
}
