import { settle } from "@smpkit/testkit"
import { expect, it } from "vitest"
import { EventQueue } from "../src/event-queue.ts"
import type { AgentEvent } from "../src/events.ts"

const event = (messageId: number): AgentEvent => ({ type: "sent", connectionId: "c", messageId, server: "" })

it("makes a producer wait while the application does not read, and counts an event as taken when the next is asked for", async () => {
  const queue = new EventQueue(2)
  const taken: number[] = []
  const pushed: number[] = []
  for (const n of [1, 2, 3]) {
    void queue.push(event(n), () => taken.push(n)).then(() => pushed.push(n))
  }
  await settle()
  expect(pushed).toEqual([1, 2])
  const events = queue.iterate()
  await expect(events.next()).resolves.toMatchObject({ value: { messageId: 1 } })
  await settle()
  expect(pushed).toEqual([1, 2, 3])
  expect(taken).toEqual([])
  await events.next()
  expect(taken).toEqual([1])
})

it("ends its readers and frees its writers when it is closed; what was not taken is not counted as taken", async () => {
  const queue = new EventQueue(1)
  const taken: number[] = []
  const events = queue.iterate()
  const pushes = [1, 2, 3].map((n) => queue.push(event(n), () => taken.push(n)))
  await events.next()
  queue.close()
  await Promise.all(pushes)
  await expect(events.next()).resolves.toEqual({ done: true, value: undefined })
  expect(taken).toEqual([])
  await queue.push(event(4))
})
