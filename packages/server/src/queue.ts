import type { Bytes } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import type { ProtocolError, QueueMode } from "@smpkit/smp"
import type { StoredKey } from "./stored-key.ts"

// The rules of a queue as pure steps: what was read in, changes and an outcome out (smp-commands.md §5, §6, "Quota", "Delivery").
// A store runs a step inside one transaction, so each rule also holds against commands that run at the same time.

/** What a server keeps about a queue besides its messages. */
export interface QueueRecord {
  readonly recipientId: Bytes
  readonly senderId: Bytes
  readonly recipientKey: StoredKey
  /** X25519 of the server's queue key, which is forgotten, and the recipient's: seals what is delivered. */
  readonly secret: Bytes
  readonly mode: QueueMode | undefined
  readonly senderKey: StoredKey | undefined
  readonly status: "active" | "suspended"
  /** A quota marker was stored and the queue is not drained yet: nothing more is accepted. */
  readonly full: boolean
  /** Rises with each new subscriber, so that a former one can neither be delivered to nor acknowledge (security.md Q20). */
  readonly epoch: number
}

/** A message as it was sent, or the marker that stands where the queue became full. Times are whole seconds. */
export type StoredMessage =
  | {
      readonly type: "message"
      readonly msgId: Bytes
      readonly time: number
      readonly notification: boolean
      readonly body: Bytes
    }
  | { readonly type: "quota"; readonly msgId: Bytes; readonly time: number }

/** A queue as a step sees it. */
export interface QueueView {
  readonly record: QueueRecord
  /** How many messages wait. */
  readonly size: number
  /** The oldest messages, as many of them as the step reads. */
  readonly messages: readonly StoredMessage[]
}

/** `dropHead` removes the oldest message, `delete` the queue with all its messages. */
export type QueueChange =
  | { readonly type: "record"; readonly record: QueueRecord }
  | { readonly type: "append"; readonly message: StoredMessage }
  | { readonly type: "dropHead" }
  | { readonly type: "delete" }

export interface StepResult<R> {
  readonly changes: readonly QueueChange[]
  readonly outcome: R
}

/** A pure step over one queue. `reads` says how many of the oldest messages it needs to see. */
export interface QueueStep<R> {
  readonly reads: 0 | 1 | 2
  readonly run: (view: QueueView) => StepResult<R>
}

export type Refused = { readonly type: "ERR"; readonly error: ProtocolError }
export type Done = { readonly type: "OK" }

const done: Done = { type: "OK" }
const authError: Refused = { type: "ERR", error: { type: "AUTH" } }
const unchanged = <R>(outcome: R): StepResult<R> => ({ changes: [], outcome })
const save = <R>(record: QueueRecord, outcome: R): StepResult<R> => ({
  changes: [{ type: "record", record }],
  outcome,
})

export interface Subscribed {
  readonly type: "subscribed"
  readonly epoch: number
  readonly secret: Bytes
  readonly size: number
  /** The oldest message, when the step read it. */
  readonly head: StoredMessage | undefined
}

/** Makes the asking connection the subscriber. `current` is the epoch it holds already: then nothing is written. */
export function subscribe(current: number | undefined, readHead: boolean): QueueStep<Subscribed> {
  return {
    reads: readHead ? 1 : 0,
    run: ({ record, size, messages }) => {
      const epoch = record.epoch === current ? current : record.epoch + 1
      const outcome: Subscribed = {
        type: "subscribed",
        epoch,
        secret: record.secret,
        size,
        head: messages[0],
      }
      return epoch === current ? unchanged(outcome) : save({ ...record, epoch }, outcome)
    },
  }
}

/** Sets the sender's key as the recipient asks: the same again is fine, another is not. */
export function secure(senderKey: StoredKey): QueueStep<Done | Refused> {
  return {
    reads: 0,
    run: ({ record }) => {
      if (record.senderKey === undefined) return save({ ...record, senderKey }, done)
      return unchanged(equalBytes(record.senderKey, senderKey) ? done : authError)
    },
  }
}

/** Whether a sender may set this key: only on a messaging queue, and never over another key. */
export function senderMaySecure(record: QueueRecord, senderKey: StoredKey): boolean {
  return (
    record.mode === "messaging" && (record.senderKey === undefined || equalBytes(record.senderKey, senderKey))
  )
}

/** Sets the sender's key as the sender asks. */
export function secureBySender(senderKey: StoredKey): QueueStep<Done | Refused> {
  return {
    reads: 0,
    run: ({ record }) => {
      if (!senderMaySecure(record, senderKey)) return unchanged(authError)
      return record.senderKey === undefined ? save({ ...record, senderKey }, done) : unchanged(done)
    },
  }
}

export interface SendRules {
  readonly quota: number
  /** Messages older than this, in seconds, go first; `undefined` where sending does not expire. */
  readonly expireBefore: number | undefined
}

export type Sent =
  /** `first`: nothing waited before it, so that a subscriber may get it at once. */
  | { readonly type: "stored"; readonly record: QueueRecord; readonly first: boolean }
  /** An old message was dropped: the step is to be run again. */
  | { readonly type: "again" }
  | Refused

/**
 * Stores a message. `verifiedKey` is the sender's key that the command was verified with, `undefined` for none: should the
 * queue have got another since, the answer is `AUTH`.
 */
export function send(
  message: StoredMessage & { readonly type: "message" },
  verifiedKey: StoredKey | undefined,
  rules: SendRules,
): QueueStep<Sent> {
  return {
    reads: rules.expireBefore === undefined ? 0 : 1,
    run: ({ record, size, messages }) => {
      if (!sameKey(record.senderKey, verifiedKey) || record.status === "suspended")
        return unchanged(authError)
      const head = messages[0]
      if (rules.expireBefore !== undefined && isExpired(head, rules.expireBefore))
        return { changes: [{ type: "dropHead" }], outcome: { type: "again" } }
      if (record.full && size > 0) return unchanged(quotaError)
      const { msgId, time } = message
      if (size >= rules.quota) {
        const changes: readonly QueueChange[] = [
          { type: "append", message: { type: "quota", msgId, time } },
          { type: "record", record: { ...record, full: true } },
        ]
        return { changes, outcome: quotaError }
      }
      const changes: QueueChange[] = [{ type: "append", message }]
      if (record.full) changes.push({ type: "record", record: { ...record, full: false } })
      return { changes, outcome: { type: "stored", record, first: size === 0 } }
    },
  }
}

const quotaError: Refused = { type: "ERR", error: { type: "QUOTA" } }

function sameKey(a: StoredKey | undefined, b: StoredKey | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalBytes(a, b)
}

/** The oldest message, if there is one. */
export type Delivery =
  | { readonly type: "message"; readonly message: StoredMessage; readonly secret: Bytes }
  | { readonly type: "empty" }
  | Refused

const noMessage: Refused = { type: "ERR", error: { type: "NO_MSG" } }
const deliveryOf = (record: QueueRecord, message: StoredMessage | undefined): Delivery =>
  message === undefined ? { type: "empty" } : { type: "message", message, secret: record.secret }

/** Acknowledges as the subscriber of `epoch`: removes the head if it is that message; the outcome is what comes next. */
export function acknowledge(msgId: Bytes, epoch: number): QueueStep<Delivery> {
  return {
    reads: 2,
    run: ({ record, messages }) => {
      if (record.epoch !== epoch) return unchanged(noMessage)
      const [head, next] = messages
      if (head === undefined || !equalBytes(head.msgId, msgId)) return unchanged(deliveryOf(record, head))
      return { changes: [{ type: "dropHead" }], outcome: deliveryOf(record, next) }
    },
  }
}

/** Acknowledges what GET returned: never answers with another message. */
export function acknowledgeGet(msgId: Bytes): QueueStep<Done> {
  return {
    reads: 1,
    run: ({ messages: [head] }) => ({
      changes: head !== undefined && equalBytes(head.msgId, msgId) ? [{ type: "dropHead" }] : [],
      outcome: done,
    }),
  }
}

/** The oldest message, for GET. */
export const get: QueueStep<Delivery> = {
  reads: 1,
  run: ({ record, messages }) => unchanged(deliveryOf(record, messages[0])),
}

/** The oldest message for the subscriber of `epoch`; a former one gets nothing. */
export function deliver(epoch: number): QueueStep<Delivery> {
  return {
    reads: 1,
    run: ({ record, messages }) =>
      unchanged(record.epoch === epoch ? deliveryOf(record, messages[0]) : { type: "empty" }),
  }
}

/** Nothing is accepted from now on; what waits stays deliverable. */
export const suspend: QueueStep<Done> = {
  reads: 0,
  run: ({ record }) =>
    record.status === "suspended" ? unchanged(done) : save({ ...record, status: "suspended" }, done),
}

/** Removes the queue with all its messages. */
export const remove: QueueStep<Done> = {
  reads: 0,
  run: () => ({ changes: [{ type: "delete" }], outcome: done }),
}

export interface QueueSummary {
  readonly type: "summary"
  readonly record: QueueRecord
  readonly size: number
  readonly head: StoredMessage | undefined
}

/** What QUE tells. */
export const summary: QueueStep<QueueSummary> = {
  reads: 1,
  run: ({ record, size, messages }) => unchanged({ type: "summary", record, size, head: messages[0] }),
}

/** Drops the oldest message if it is older than `before`; the outcome says whether to look again. Stops at a quota marker. */
export function expire(before: number): QueueStep<"expired" | "done"> {
  return {
    reads: 1,
    run: ({ messages: [head] }) =>
      isExpired(head, before) ? { changes: [{ type: "dropHead" }], outcome: "expired" } : unchanged("done"),
  }
}

function isExpired(message: StoredMessage | undefined, before: number): boolean {
  return message?.type === "message" && message.time < before
}
