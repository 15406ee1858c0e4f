import { WireError } from "@smpkit/codec"
import { formatQueueStatus, parseQueueStatus, type QueueStatus } from "@smpkit/smp"
import { hex, ramp } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"

const statuses: readonly QueueStatus[] = [
  { secured: false, notifier: false, size: 0 },
  { secured: true, notifier: true, size: 128, subscription: { state: "subThread" } },
  {
    secured: true,
    notifier: false,
    size: 2,
    subscription: { state: "subPending", delivered: ramp(0xe8, 24) },
    message: { msgId: ramp(0xf0, 24), time: 1641032645, type: "quota" },
  },
]

test.each(statuses)("the status of a queue is read as it was written: %o", (status) => {
  expect(parseQueueStatus(formatQueueStatus(status))).toEqual(status)
})

test("the members of the specification, ids in the standard alphabet", () => {
  const message = { msgId: hex("fbffff"), time: 1641032645, type: "message" } as const
  expect(
    formatQueueStatus({ secured: true, notifier: false, size: 1, subscription: { state: "noSub" }, message }),
  ).toBe(
    '{"qiSnd":true,"qiNtf":false,"qiSub":{"qSubThread":"noSub"},"qiSize":1,"qiMsg":{"msgId":"+///","msgTs":"2022-01-01T10:24:05Z","msgType":"message"}}',
  )
})

test("the recorded status, whose id has no padding", () => {
  const json =
    '{"qiSub":{"qDelivered":"abc","qSubThread":"subPending"},"qiSnd":true,"qiNtf":false,"qiSize":2}'
  expect(parseQueueStatus(json)).toEqual({
    secured: true,
    notifier: false,
    size: 2,
    subscription: { state: "subPending", delivered: hex("69b7") },
  })
})

test("absent and null are the same, members that are not known are ignored", () => {
  const json = '{"qiSnd":false,"qiNtf":false,"qiSize":0,"qiSub":null,"qiMsg":null,"new":1}'
  expect(parseQueueStatus(json)).toEqual({ secured: false, notifier: false, size: 0 })
  const bare = '{"qiSnd":false,"qiNtf":false,"qiSize":0,"qiSub":{"qSubThread":"noSub","qDelivered":null}}'
  expect(parseQueueStatus(bare).subscription).toEqual({ state: "noSub" })
})

describe("what is no status", () => {
  const valid = '"qiSnd":true,"qiNtf":false,"qiSize":1'
  test.each([
    "",
    "{",
    "[]",
    "null",
    "{}",
    '{"qiSnd":1,"qiNtf":false,"qiSize":1}',
    '{"qiSnd":true,"qiNtf":false,"qiSize":-1}',
    '{"qiSnd":true,"qiNtf":false,"qiSize":1.5}',
    `{${valid},"qiSub":[]}`,
    `{${valid},"qiSub":{"qSubThread":"other"}}`,
    `{${valid},"qiSub":{"qSubThread":"noSub","qDelivered":"a-_b"}}`,
    `{${valid},"qiMsg":{"msgId":1,"msgTs":"2022-01-01T10:24:05Z","msgType":"message"}}`,
    `{${valid},"qiMsg":{"msgId":"AAAA","msgTs":"yesterday","msgType":"message"}}`,
    `{${valid},"qiMsg":{"msgId":"AAAA","msgTs":5,"msgType":"message"}}`,
    `{${valid},"qiMsg":{"msgId":"AAAA","msgTs":"2022-01-01T10:24:05Z","msgType":"other"}}`,
  ])("%s", (json) => {
    expect(() => parseQueueStatus(json)).toThrow(WireError)
  })
})
