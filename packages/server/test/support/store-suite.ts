import type { Bytes } from "@smpkit/codec"
import { seededRandom } from "@smpkit/testkit"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import {
  acknowledge,
  deliver,
  expire,
  get,
  type QueueStep,
  remove,
  secure,
  send,
  subscribe,
  summary,
} from "../../src/queue.ts"
import { readLink, removeLink, secureByLink, setLink } from "../../src/queue-link.ts"
import type { QueueKey, QueueStore } from "../../src/store/store.ts"
import { anyKey, anyMessage, anyRecord } from "./records.ts"

const rules = { quota: 3, expireBefore: undefined }
const recipient = (id: Bytes): QueueKey => ({ party: "recipient", id })
const sender = (id: Bytes): QueueKey => ({ party: "sender", id })
const link = (id: Bytes): QueueKey => ({ party: "link", id })

/** What every store does (store.ts). `make` gives an empty one. */
export function storeSuite(name: string, make: () => Promise<QueueStore>): void {
  describe(`${name}: the contract of stores`, () => {
    const random = seededRandom(name)
    let store: QueueStore
    beforeEach(async () => {
      store = await make()
    })
    afterEach(() => store.close())

    test("finds a queue by the id of either party, and only there", async () => {
      const record = anyRecord(random)
      expect(await store.create(record)).toBe(true)
      const { recipientId, senderId } = record
      expect(
        await store.find([
          recipient(recipientId),
          sender(senderId),
          recipient(senderId),
          sender(recipientId),
          recipient(random.bytes(24)),
          sender(new Uint8Array(0)),
          recipient(random.bytes(255)),
        ]),
      ).toEqual([record, record, undefined, undefined, undefined, undefined, undefined])
    })

    test("keeps every field of a record", async () => {
      const records = [
        anyRecord(random, { mode: undefined, epoch: 7 }),
        anyRecord(random, { mode: "contact", status: "suspended", senderKey: anyKey(random) }),
        anyRecord(random, { full: true }),
      ]
      for (const record of records) await store.create(record)
      expect(await store.find(records.map((r) => sender(r.senderId)))).toEqual(records)
    })

    test("refuses a queue with an id that is taken", async () => {
      const record = anyRecord(random)
      await store.create(record)
      expect(await store.create(anyRecord(random, { recipientId: record.recipientId }))).toBe(false)
      expect(await store.create(anyRecord(random, { senderId: record.senderId }))).toBe(false)
      expect(await store.find([recipient(record.recipientId)])).toEqual([record])
    })

    test("keeps link data beside the queue, one link id for one queue", async () => {
      const [first, second, linkId] = [anyRecord(random), anyRecord(random), random.bytes(24)]
      const data = { fixed: random.bytes(2048), user: random.bytes(13_824) }
      await store.create(first)
      await store.create(second)
      expect(await store.apply(recipient(first.recipientId), readLink)).toMatchObject({ type: "ERR" })
      expect(await store.apply(recipient(first.recipientId), setLink(linkId, data))).toEqual({ type: "OK" })
      expect(await store.find([link(linkId), link(random.bytes(24)), link(new Uint8Array(3))])).toEqual([
        { ...first, linkId },
        undefined,
        undefined,
      ])
      expect(await store.apply(recipient(second.recipientId), setLink(linkId, data))).toMatchObject({
        error: { type: "AUTH" },
      })
      const changed = { ...data, user: random.bytes(13_824) }
      await store.apply(recipient(first.recipientId), setLink(linkId, changed))
      const key = anyKey(random)
      const told = { type: "LNK", senderId: first.senderId, ...changed }
      expect(await store.apply(link(linkId), secureByLink(key))).toEqual(told)
      expect(await store.find([link(linkId)])).toEqual([{ ...first, linkId, senderKey: key }])
      const sent = send(anyMessage(random), key, rules)
      expect(await store.apply(sender(first.senderId), sent)).toMatchObject({ type: "stored" })
      expect(await store.find([link(linkId)])).toEqual([undefined])
      // The id is free again.
      const third = anyRecord(random, { linkId })
      expect(await store.create(third, data)).toBe(true)
      expect(await store.create(anyRecord(random, { linkId }), data)).toBe(false)
      const removed = await store.apply(link(linkId), removeLink)
      expect(removed).toEqual({ type: "OK" })
      expect(await store.apply(recipient(third.recipientId), setLink(linkId, data))).toEqual({ type: "OK" })
      await store.apply(recipient(third.recipientId), remove)
      expect(await store.find([link(linkId)])).toEqual([undefined])
      expect(await store.create(anyRecord(random, { linkId }), data)).toBe(true)
    })

    test("runs no step on a queue that is not there", async () => {
      const step: QueueStep<string> = {
        run: () => {
          throw new Error("the step ran")
        },
      }
      expect(await store.apply(recipient(random.bytes(24)), step)).toBeUndefined()
    })

    test("gives messages in the order in which they came", async () => {
      const record = anyRecord(random)
      await store.create(record)
      const messages = [anyMessage(random), anyMessage(random, new Uint8Array(0))]
      for (const message of messages)
        await store.apply(sender(record.senderId), send(message, undefined, rules))
      const key = recipient(record.recipientId)
      expect(await store.apply(key, summary)).toMatchObject({ size: 2, head: messages[0] })
      const { secret } = record
      expect(await store.apply(key, acknowledge(messages[0]?.msgId ?? new Uint8Array(0), 0))).toEqual({
        type: "message",
        message: messages[1],
        secret,
      })
      expect(await store.apply(key, acknowledge(messages[1]?.msgId ?? new Uint8Array(0), 0))).toEqual({
        type: "empty",
      })
      expect(await store.apply(key, get(0))).toEqual({ type: "empty" })
    })

    test("runs operations that were begun at once one after the other, and settles them in that order", async () => {
      const record = anyRecord(random)
      const order: string[] = []
      const note = (what: string) => (): void => {
        order.push(what)
      }
      const first = anyMessage(random)
      const work = [
        store.create(record).then(note("create")),
        store.apply(recipient(record.recipientId), subscribe(undefined, true, 0)).then((r) => {
          expect(r).toMatchObject({ epoch: 1, head: undefined })
          note("subscribe")()
        }),
        store.apply(sender(record.senderId), send(first, undefined, rules)).then((r) => {
          expect(r).toMatchObject({ type: "stored", first: true, record: { epoch: 1 } })
          note("send")()
        }),
        store.apply(sender(record.senderId), send(anyMessage(random), undefined, rules)).then((r) => {
          expect(r).toMatchObject({ type: "stored", first: false })
          note("send again")()
        }),
        store.apply(recipient(record.recipientId), remove).then(note("remove")),
        store.apply(recipient(record.recipientId), get(0)).then((r) => {
          expect(r).toBeUndefined()
          note("get")()
        }),
      ]
      await Promise.all(work)
      expect(order).toEqual(["create", "subscribe", "send", "send again", "remove", "get"])
    })

    test("compares the epoch in the transaction: a former subscriber neither gets nor acknowledges", async () => {
      const record = anyRecord(random)
      await store.create(record)
      const key = recipient(record.recipientId)
      await store.apply(key, subscribe(undefined, true, 0))
      const message = anyMessage(random)
      await store.apply(sender(record.senderId), send(message, undefined, rules))
      await store.apply(key, subscribe(undefined, true, 0))
      expect(await store.apply(key, deliver(1))).toEqual({ type: "empty" })
      expect(await store.apply(key, acknowledge(message.msgId, 1))).toEqual({
        type: "ERR",
        error: { type: "NO_MSG" },
      })
      expect(await store.apply(key, deliver(2))).toMatchObject({ type: "message", message })
    })

    test("fails a step that throws, alone and without a trace", async () => {
      const record = anyRecord(random)
      await store.create(record)
      const key = recipient(record.recipientId)
      const bad: QueueStep<string> = {
        run: () => {
          throw new Error("a bug")
        },
      }
      const failed = expect(store.apply(key, bad)).rejects.toThrow()
      const good = store.apply(key, secure(anyKey(random)))
      await failed
      expect(await good).toEqual({ type: "OK" })
    })

    test("removes a queue with its messages, and its ids can be used again", async () => {
      const record = anyRecord(random)
      await store.create(record)
      await store.apply(sender(record.senderId), send(anyMessage(random), undefined, rules))
      await store.apply(recipient(record.recipientId), remove)
      expect(await store.find([sender(record.senderId)])).toEqual([undefined])
      expect(await store.create(record)).toBe(true)
      expect(await store.apply(recipient(record.recipientId), summary)).toMatchObject({
        size: 0,
        head: undefined,
      })
    })

    test("lists recipient ids in order, page by page", async () => {
      const records = Array.from({ length: 7 }, () => anyRecord(random))
      for (const record of records) await store.create(record)
      const seen: Bytes[] = []
      for (let after: Bytes | undefined; ;) {
        const page = await store.recipientIds(after, 3)
        expect(page.length).toBeLessThanOrEqual(3)
        seen.push(...page)
        after = page.at(-1)
        if (after === undefined) break
      }
      const order = records.map((r) => r.recipientId).sort((a, b) => Buffer.compare(a, b))
      expect(seen).toEqual(order)
    })

    test("drops old messages up to the first young one or quota marker", async () => {
      const record = anyRecord(random)
      await store.create(record)
      const times = [10, 20, 99]
      for (const time of times)
        await store.apply(
          sender(record.senderId),
          send({ ...anyMessage(random), time }, undefined, { ...rules, quota: 4 }),
        )
      const key = recipient(record.recipientId)
      let count = 0
      while ((await store.apply(key, expire(50))) === "expired") count += 1
      expect(count).toBe(2)
      expect(await store.apply(key, summary)).toMatchObject({ size: 1, head: { time: 99 } })
    })

    test("knows how much it takes", async () => {
      const before = await store.space()
      const record = anyRecord(random)
      await store.create(record)
      await store.apply(sender(record.senderId), send(anyMessage(random), undefined, rules))
      const after = await store.space()
      expect(after.used - before.used).toBeGreaterThan(16_000)
    })

    test("ends after what was begun, and closing it again is harmless", async () => {
      const record = anyRecord(random)
      const created = store.create(record)
      await store.close()
      expect(await created).toBe(true)
      await store.close()
    })
  })
}
