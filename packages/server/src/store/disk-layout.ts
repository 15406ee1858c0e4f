import {
  type Bytes,
  type Codec,
  constant,
  decode,
  encode,
  fixed,
  longBytes,
  rest,
  safeInt64,
  shortBytes,
  struct,
  u32,
  u8,
  WireError,
} from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import type { LinkData } from "@smpkit/smp"
import type { QueueRecord, StoredMessage } from "../queue.ts"
import type { StoredKey } from "../stored-key.ts"

// What stands in the database. Keys have one width each, values are binary.

export const idSize = 24
/** A recipient id and the number of a message in its queue. */
const messageKeySize = 32

/** A queue with the numbers of its messages: those from `first` to before `next` wait. */
export interface DiskQueue {
  readonly record: QueueRecord
  readonly first: number
  readonly next: number
}

interface QueueLayout {
  readonly layout: number
  readonly flags: number
  readonly epoch: number
  readonly first: number
  readonly next: number
  readonly usedDay: number
  readonly secret: Bytes
  readonly senderId: Bytes
  readonly recipientKey: Bytes
  /** Empty for none. */
  readonly senderKey: Bytes
  /** Empty for none. */
  readonly linkId: Bytes
}

const queueLayout = (usedDay: Codec<number>, linkId: Codec<Bytes>): Codec<QueueLayout> =>
  struct({
    layout: u8,
    flags: u8,
    epoch: safeInt64,
    first: safeInt64,
    next: safeInt64,
    usedDay,
    secret: fixed(32),
    senderId: fixed(idSize),
    recipientKey: shortBytes,
    senderKey: shortBytes,
    linkId,
  })

const none = new Uint8Array(0)
const layout = 3
const noLink = constant<Bytes>(none)
const currentLayout = queueLayout(u32, shortBytes)
/**
 * The layouts that are read; the last one is written. Queues of layout 1 have no day: until they are written again they count as used for ever.
 * Those of layouts 1 and 2 have no link.
 */
const layouts: ReadonlyMap<number, Codec<QueueLayout>> = new Map([
  [1, queueLayout(constant(0xffff_ffff), noLink)],
  [2, queueLayout(u32, noLink)],
  [layout, currentLayout],
])
const flag = { suspended: 1, full: 2, messaging: 4, contact: 8 } as const

export function encodeQueue({ record, first, next }: DiskQueue): Bytes {
  const flags =
    (record.status === "suspended" ? flag.suspended : 0) |
    (record.full ? flag.full : 0) |
    (record.mode === "messaging" ? flag.messaging : record.mode === "contact" ? flag.contact : 0)
  return encode(currentLayout, {
    layout,
    flags,
    epoch: record.epoch,
    first,
    next,
    usedDay: record.usedDay,
    secret: record.secret,
    senderId: record.senderId,
    recipientKey: record.recipientKey,
    senderKey: record.senderKey ?? none,
    linkId: record.linkId ?? none,
  })
}

/** Throws `WireError` for bytes that are no queue. */
export function decodeQueue(recipientId: Bytes, bytes: Uint8Array): DiskQueue {
  const known = layouts.get(bytes[0] ?? 0)
  if (known === undefined) throw new WireError("a queue of another layout", 0)
  const q = decode(known, bytes)
  return {
    record: {
      recipientId,
      senderId: q.senderId,
      recipientKey: q.recipientKey as StoredKey,
      secret: q.secret,
      mode: q.flags & flag.messaging ? "messaging" : q.flags & flag.contact ? "contact" : undefined,
      senderKey: q.senderKey.length === 0 ? undefined : (q.senderKey as StoredKey),
      linkId: q.linkId.length === 0 ? undefined : q.linkId,
      status: q.flags & flag.suspended ? "suspended" : "active",
      full: (q.flags & flag.full) !== 0,
      epoch: q.epoch,
      usedDay: q.usedDay,
    },
    first: q.first,
    next: q.next,
  }
}

/** The two parts of link data, as NEW and LSET bring them. */
export const storedLinkData: Codec<LinkData> = struct<LinkData>({ fixed: longBytes, user: longBytes })

export function messageKey(recipientId: Uint8Array, number: number): Uint8Array {
  const key = new Uint8Array(messageKeySize)
  key.set(recipientId)
  new DataView(key.buffer).setBigUint64(idSize, BigInt(number))
  return key
}

interface MessageLayout {
  readonly kind: number
  readonly time: number
  readonly msgId: Bytes
  readonly body: Bytes
}

const messageLayout: Codec<MessageLayout> = struct({
  kind: u8,
  time: safeInt64,
  msgId: fixed(idSize),
  body: rest,
})

const messageHeadSize = 1 + 8 + idSize
const kind = { plain: 0, notifying: 1, quota: 2 } as const

/** Written by hand, in one piece: a body passes here with every SEND. */
export function encodeMessage(message: StoredMessage): Bytes {
  const body = message.type === "message" ? message.body : new Uint8Array(0)
  const bytes = new Uint8Array(messageHeadSize + body.length)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, message.type === "quota" ? kind.quota : message.notification ? kind.notifying : kind.plain)
  view.setBigInt64(1, BigInt(message.time))
  bytes.set(message.msgId, 9)
  bytes.set(body, messageHeadSize)
  return bytes
}

/** Whether a stored message has this id. */
export function hasMessageId(bytes: Uint8Array, msgId: Bytes): boolean {
  return equalBytes(bytes.subarray(9, messageHeadSize), msgId)
}

/** Throws `WireError` for bytes that are no message. */
export function decodeMessage(bytes: Uint8Array): StoredMessage {
  const { kind: k, time, msgId, body } = decode(messageLayout, bytes)
  if (k === kind.quota) return { type: "quota", msgId, time }
  if (k !== kind.plain && k !== kind.notifying) throw new WireError("a message of an unknown kind", 0)
  return { type: "message", msgId, time, notification: k === kind.notifying, body }
}
