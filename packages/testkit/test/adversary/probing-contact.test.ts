import type { AgentMessage, Receipt } from "@smpkit/agent"
import { generateKeyPair } from "@smpkit/crypto"
import { clientVersions, type QueueUri } from "@smpkit/smp"
import { describe, expect, test } from "vitest"
import type { EveServer } from "../../src/eve-server.ts"
import { settle } from "../../src/index.ts"
import { type EvePeer, invitedEve, text } from "./eve-as-peer.ts"
import { until, type World, world } from "./person.ts"

const dayMs = 24 * 3600_000

/** Alice's application takes the next message, and asks for a receipt or does not. */
async function acknowledge({ alice }: World, n: number, receipt?: boolean): Promise<void> {
  const { connectionId, messageId } = await alice.next("message", n)
  await alice.agent.acknowledgeMessage({
    connectionId,
    messageId,
    ...(receipt === undefined ? {} : { receipt }),
  })
}

/** When something left for Eve in the next `ms` milliseconds, counted from now. */
async function timesOf(w: World, peer: EvePeer, ms: number): Promise<number[]> {
  const start = w.clock.now()
  const times: number[] = []
  let sent = peer.sent()
  while (w.clock.now() - start < ms) {
    await w.clock.advance(50)
    for (; sent < peer.sent(); sent++) times.push(w.clock.now() - start)
  }
  return times
}

async function receiptsIn(peer: EvePeer): Promise<readonly (readonly Receipt[])[]> {
  return (await peer.hear()).flatMap((content) =>
    content.type === "AgentMessage" && content.message.type === "A_RCVD" ? [content.message.receipts] : [],
  )
}

describe("security.md Q7: Eve is a contact, and probes with messages to learn when Alice is there", () => {
  test("Q7: receipts are off until the application asks: a day of messages, read at once, is answered by nothing", async () => {
    await using w = await world("off")
    const peer = await invitedEve(w)
    const before = peer.sent()
    for (let i = 0; i < 5; i++) {
      await peer.say(text(`are you there? ${i}`))
      await acknowledge(w, i)
      await w.clock.advance(dayMs / 5)
    }
    expect(peer.sent()).toBe(before)
  })

  test("what she gets where the application asks for them: a receipt, which is why it is its choice", async () => {
    await using w = await world("on")
    const peer = await invitedEve(w)
    await peer.say(text("are you there?"))
    await acknowledge(w, 0, true)
    expect(await timesOf(w, peer, 5000)).toHaveLength(1)
    expect(await receiptsIn(peer)).toMatchObject([[{ sndMsgId: 2 }]])
  })

  test("Q7: they are late by a time that tells nothing: 0 to 5 seconds, another one each time", async () => {
    await using w = await world("late")
    const peer = await invitedEve(w)
    const delays: number[] = []
    for (let i = 0; i < 40; i++) {
      await peer.say(text(`probe ${i}`))
      await acknowledge(w, i, true)
      const times = await timesOf(w, peer, 10_000)
      expect(times).toHaveLength(1)
      delays.push(...times)
    }
    expect(Math.max(...delays)).toBeLessThanOrEqual(5000)
    // Of forty draws of such a time, this many are early and late but with a chance of one in a hundred thousand; the seed is fixed.
    expect(delays.filter((ms) => ms < 1500).length).toBeGreaterThan(3)
    expect(delays.filter((ms) => ms > 3500).length).toBeGreaterThan(3)
    expect(new Set(delays).size).toBeGreaterThan(20)
  })

  test("Q7: a burst of probes is one envelope in five seconds, with all receipts that wait", async () => {
    await using w = await world("burst")
    const peer = await invitedEve(w)
    const times: number[] = []
    const start = w.clock.now()
    let sent = peer.sent()
    for (let i = 0; i < 60; i++) {
      await peer.say(text(`probe ${i}`))
      await acknowledge(w, i, true)
      await w.clock.advance(500)
      for (; sent < peer.sent(); sent++) times.push(w.clock.now() - start)
    }
    times.push(...(await timesOf(w, peer, 10_000)).map((ms) => ms + 30_000))
    const gaps = times.slice(1).map((ms, i) => ms - (times[i] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(4500)
    expect(times.length).toBeLessThanOrEqual(8)
    const receipts = await receiptsIn(peer)
    expect(receipts).toHaveLength(times.length)
    expect(receipts.flat().map(({ sndMsgId }) => sndMsgId)).toEqual(
      Array.from({ length: 60 }, (_, i) => i + 2),
    )
  })

  test("Q7: never for messages older than seven days", async () => {
    await using w = await world("seven days")
    const peer = await invitedEve(w)
    const before = peer.sent()
    await peer.say(text("old"))
    await w.alice.next("message")
    w.clock.jump(7 * dayMs)
    await acknowledge(w, 0, true)
    await w.clock.advance(60_000)
    expect(peer.sent()).toBe(before)
    await peer.say(text("young"))
    await w.alice.next("message", 1)
    w.clock.jump(6 * dayMs)
    await acknowledge(w, 1, true)
    await w.clock.advance(60_000)
    expect(await receiptsIn(peer)).toMatchObject([[{ sndMsgId: 3 }]])
  })

  test("Q7: nothing else that a contact can send is answered, good or bad", async () => {
    await using w = await world("everything")
    const peer = await invitedEve(w)
    const { eve } = peer
    const before = peer.sent()
    const queue = { server: w.two.address, senderId: eve.replyId }
    const info = { ...someQueue(w, w.two), version: clientVersions.max }
    const stranger = generateKeyPair("x25519", w.random).publicKey
    const receipt: Receipt = { sndMsgId: 1, msgHash: w.random.bytes(32), info: new Uint8Array(0) }
    const probes: AgentMessage[] = [
      { type: "HELLO" },
      { type: "A_RCVD", receipts: [receipt, { ...receipt, sndMsgId: 99 }] },
      { type: "A_QCONT", queue },
      { type: "A_QCONT", queue: { ...queue, senderId: w.random.bytes(24) } },
      { type: "EREADY", lastDecrypted: 0 },
      { type: "EREADY", lastDecrypted: 1_000_000 },
      { type: "QADD", queues: [[someQueue(w, w.two), undefined]] },
      { type: "QKEY", queues: [[info, stranger]] },
      { type: "QUSE", queues: [[queue, true]] },
      { type: "QTEST", queues: [queue] },
    ]
    const bodies = probes.map((message) => eve.message(message))
    const connections = w.two.commands.length
    await peer.deliver(...bodies)
    // The same again, changed, and cut; and one that is out of reach.
    await peer.deliver(
      ...bodies,
      ...bodies.map((body) => body.map((byte, i) => (i === 900 ? byte ^ 1 : byte))),
    )
    await peer.deliver(...bodies.map((body) => body.slice(0, 1000)), w.random.bytes(16_000))
    eve.skip(513)
    await peer.say(text("too far"))
    await w.clock.advance(dayMs)
    await settle(20)
    expect(peer.sent()).toBe(before)
    expect(w.two.commands).toHaveLength(connections)
    expect(w.alice.of("message")).toEqual([])
    expect(w.alice.of("closed")).toEqual([])
  })

  test("Q7: A_QCONT causes no traffic beyond the messages that wait", async () => {
    await using w = await world("room again")
    const peer = await invitedEve(w)
    const { eve, connectionId } = peer
    const queue = { server: w.two.address, senderId: eve.replyId }
    // Her queue is full.
    w.two.intercept = ({ command }) =>
      command.type === "SEND" ? { type: "ERR", error: { type: "QUOTA" } } : undefined
    await w.alice.agent.sendMessage({ connectionId, text: "waits" })
    await until("Alice has tried", () => peer.sent() > 1)
    await w.clock.advance(10_000)
    let tried = peer.sent()
    // While it is full, each of hers is one more try of the one message that waits.
    for (let i = 0; i < 10; i++) {
      await peer.say({ type: "A_QCONT", queue })
      await settle(20)
      expect(peer.sent() - tried).toBeLessThanOrEqual(1)
      tried = peer.sent()
    }
    const [waiting] = w.two.bodies(eve.replyId).slice(-1)
    w.two.intercept = () => ({ type: "OK" })
    await peer.say({ type: "A_QCONT", queue })
    await w.alice.next("sent")
    expect(w.two.bodies(eve.replyId).at(-1)).toEqual(waiting)
    const done = peer.sent()
    for (let i = 0; i < 20; i++) await peer.say({ type: "A_QCONT", queue })
    await w.clock.advance(60_000)
    expect(peer.sent()).toBe(done)
  })

  test("Q7: of the moves that she asks for one is taken at a time, and one an hour", async () => {
    await using w = await world("moves")
    const peer = await invitedEve(w)
    const { eve } = peer
    const used = { server: w.two.address, senderId: eve.replyId }
    const ask = (): Promise<void> => peer.say({ type: "QADD", queues: [[someQueue(w, w.two), used]] })
    const answers = async (): Promise<number> =>
      (await peer.hear()).filter((c) => c.type === "AgentMessage" && c.message.type === "QKEY").length
    for (let i = 0; i < 20; i++) await ask()
    await w.clock.advance(60_000)
    expect(await answers()).toBe(1)
    const perHour: number[] = []
    for (let hour = 0; hour < 4; hour++) {
      for (let i = 0; i < 5; i++) {
        await ask()
        await w.clock.advance(12 * 60_000)
      }
      perHour.push(await answers())
    }
    expect(Math.max(...perHour)).toBeLessThanOrEqual(1)
    expect(perHour.reduce((a, b) => a + b)).toBeLessThanOrEqual(4)
    // Nothing was ever sent to a queue that she named, and her old one is still in use.
    expect(new Set(w.two.of("SEND").map(({ entityId }) => entityId.join(" ")))).toEqual(
      new Set([eve.replyId.join(" ")]),
    )
  })
})

/** A queue that Eve names and nobody made. */
function someQueue({ random }: World, { address }: EveServer): QueueUri {
  return {
    versions: clientVersions,
    server: address,
    senderId: random.bytes(24),
    dhKey: generateKeyPair("x25519", random).publicKey,
    mode: "messaging",
  }
}
