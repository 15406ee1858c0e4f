import type { Bytes } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import type { LinkData, ProtocolError, QueueMode } from "@smpkit/smp"
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
  /** The id under which the queue's link data are kept, when there are any. */
  readonly linkId: Bytes | undefined
  readonly status: "active" | "suspended"
  /** A quota marker was stored and the queue is not drained yet: nothing more is accepted. */
  readonly full: boolean
  /** Rises with each new subscriber, so that a former one can neither be delivered to nor acknowledge (security.md Q20). */
  readonly epoch: number
  /** The day (since 1970, UTC) on which it was made or, while it is not secured, its recipient was last there. No finer time is kept. */
  readonly usedDay: number
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
  /** The oldest message (0) or the one after it (1). It is read when it is asked for. */
  readonly message: (n: 0 | 1) => StoredMessage | undefined
  /** Whether the oldest message has this id; told without reading its body. */
  readonly headIs: (msgId: Bytes) => boolean
  /** What LSET or NEW stored. It is read when it is asked for. */
  readonly linkData: () => LinkData | undefined
  /** Whether another queue has this link id. */
  readonly linkTaken: (linkId: Bytes) => boolean
}

/** `dropHead` removes the oldest message, `delete` the queue with all its messages and link data; `link` sets link data, `unlink` removes them. */
export type QueueChange =
  | { readonly type: "record"; readonly record: QueueRecord }
  | { readonly type: "append"; readonly message: StoredMessage }
  | { readonly type: "dropHead" }
  | { readonly type: "link"; readonly linkId: Bytes; readonly data: LinkData }
  | { readonly type: "unlink" }
  | { readonly type: "delete" }

export interface StepResult<R> {
  readonly changes: readonly QueueChange[]
  readonly outcome: R
}

/** A pure step over one queue. */
export interface QueueStep<R> {
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
export function subscribe(
  current: number | undefined,
  readHead: boolean,
  today: number,
): QueueStep<Subscribed> {
  return {
    run: ({ record, size, message }) => {
      const epoch = record.epoch === current ? current : record.epoch + 1
      const outcome: Subscribed = {
        type: "subscribed",
        epoch,
        secret: record.secret,
        size,
        head: readHead ? message(0) : undefined,
      }
      if (epoch === current) return unchanged(outcome)
      return save({ ...usedOn(record, today), epoch }, outcome)
    },
  }
}

/** Sets the sender's key as the recipient asks: the same again is fine, another is not. */
export function secure(senderKey: StoredKey): QueueStep<Done | Refused> {
  return {
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
    run: ({ record, size, message: stored }) => {
      if (!sameKey(record.senderKey, verifiedKey) || record.status === "suspended")
        return unchanged(authError)
      if (rules.expireBefore !== undefined && isExpired(stored(0), rules.expireBefore))
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
      // The link has served: whoever secured the queue has its data (smp-commands.md, "SEND").
      const secured = record.senderKey !== undefined && record.mode !== "contact"
      if (record.linkId !== undefined && secured) changes.push({ type: "unlink" })
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
    run: ({ record, message, headIs }) => {
      if (record.epoch !== epoch) return unchanged(noMessage)
      if (!headIs(msgId)) return unchanged(deliveryOf(record, message(0)))
      return { changes: [{ type: "dropHead" }], outcome: deliveryOf(record, message(1)) }
    },
  }
}

/** Acknowledges what GET returned: never answers with another message. */
export function acknowledgeGet(msgId: Bytes): QueueStep<Done> {
  return {
    run: ({ headIs }) => ({ changes: headIs(msgId) ? [{ type: "dropHead" }] : [], outcome: done }),
  }
}

/** The oldest message, for GET. */
export function get(today: number): QueueStep<Delivery> {
  return {
    run: ({ record, message }) => {
      const used = usedOn(record, today)
      const outcome = deliveryOf(record, message(0))
      return used === record ? unchanged(outcome) : save(used, outcome)
    },
  }
}

/** The oldest message for the subscriber of `epoch`; a former one gets nothing. */
export function deliver(epoch: number): QueueStep<Delivery> {
  return {
    run: ({ record, message }) =>
      unchanged(record.epoch === epoch ? deliveryOf(record, message(0)) : { type: "empty" }),
  }
}

/** Nothing is accepted from now on; what waits stays deliverable. */
export const suspend: QueueStep<Done> = {
  run: ({ record }) =>
    record.status === "suspended" ? unchanged(done) : save({ ...record, status: "suspended" }, done),
}

/** Removes the queue with all its messages. */
export const remove: QueueStep<Done> = {
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
  run: ({ record, size, message }) => unchanged({ type: "summary", record, size, head: message(0) }),
}

/** Drops the oldest message if it is older than `before`; the outcome says whether to look again. Stops at a quota marker. */
export function expire(before: number): QueueStep<"expired" | "done"> {
  return {
    run: ({ message }) =>
      isExpired(message(0), before)
        ? { changes: [{ type: "dropHead" }], outcome: "expired" }
        : unchanged("done"),
  }
}

/**
 * Removes a queue that its maker gave up: for a sender who never came, empty, and without its recipient since before day `before`. While it is
 * subscribed its recipient is there, which is noted once a day. docs/decisions/006 says why other queues stay.
 */
export function removeAbandoned(
  before: number,
  today: number,
  subscribed: boolean,
): QueueStep<"removed" | "kept"> {
  return {
    run: ({ record, size }) => {
      const used = subscribed ? usedOn(record, today) : record
      if (used !== record) return save(used, "kept")
      const abandoned = maySweep(record) && !subscribed && size === 0 && record.usedDay < before
      return abandoned ? { changes: [{ type: "delete" }], outcome: "removed" } : unchanged("kept")
    },
  }
}

/** Whether a queue waits for a sender to secure it. Contact queues never are, and what made a queue without a mode is unknown. */
function maySweep({ mode, senderKey }: QueueRecord): boolean {
  return mode === "messaging" && senderKey === undefined
}

function usedOn(record: QueueRecord, today: number): QueueRecord {
  return maySweep(record) && record.usedDay < today ? { ...record, usedDay: today } : record
}

/** The day of a time in milliseconds. */
export function dayOf(ms: number): number {
  return Math.floor(ms / 86_400_000)
}

function isExpired(message: StoredMessage | undefined, before: number): boolean {
  return message?.type === "message" && message.time < before
}
