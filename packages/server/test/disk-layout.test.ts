import { concatBytes } from "@smpkit/codec"
import { seededRandom } from "@smpkit/testkit"
import { expect, test } from "vitest"
import {
  decodeMessage,
  decodeQueue,
  encodeMessage,
  encodeQueue,
  hasMessageId,
} from "../src/store/disk-layout.ts"
import { anyKey, anyMessage, anyRecord } from "./support/records.ts"

const random = seededRandom("disk layout")

test("queues of earlier layouts are read: those of layout 1 as used for ever, those of 1 and 2 without a link", () => {
  const record = anyRecord(random, { usedDay: 20_781, senderKey: anyKey(random), epoch: 3 })
  const now = encodeQueue({ record, first: 4, next: 6 })
  // Layout, flags, epoch, first and next; then the day; the link id stands at the end.
  const linkless = now.subarray(0, -1)
  const before = concatBytes(Uint8Array.of(1), linkless.subarray(1, 26), linkless.subarray(30))
  expect(decodeQueue(record.recipientId, now)).toEqual({ record, first: 4, next: 6 })
  const second = concatBytes(Uint8Array.of(2), linkless.subarray(1))
  expect(decodeQueue(record.recipientId, second)).toEqual({ record, first: 4, next: 6 })
  expect(decodeQueue(record.recipientId, before)).toEqual({
    record: { ...record, usedDay: 2 ** 32 - 1 },
    first: 4,
    next: 6,
  })
})

test("a queue of a layout to come is refused", () => {
  const record = anyRecord(random)
  const bytes = encodeQueue({ record, first: 0, next: 0 })
  bytes[0] = 4
  expect(() => decodeQueue(record.recipientId, bytes)).toThrow("another layout")
})

test("the id of a stored message is compared without reading the message", () => {
  const message = anyMessage(random)
  const bytes = encodeMessage(message)
  expect(decodeMessage(bytes)).toEqual(message)
  expect(hasMessageId(bytes, message.msgId)).toBe(true)
  expect(hasMessageId(bytes, random.bytes(24))).toBe(false)
  expect(hasMessageId(bytes, message.msgId.slice(1))).toBe(false)
  expect(hasMessageId(bytes, new Uint8Array(0))).toBe(false)
})
