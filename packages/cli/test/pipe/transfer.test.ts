import { createHash } from "node:crypto"
import { Readable } from "node:stream"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { brokenEnd, chunkSize, decodeFrame, encodeFrame, type PipeFrame } from "../../src/pipe/frame.ts"
import { pieces } from "../../src/pipe/pieces.ts"
import { receiveStream } from "../../src/pipe/receive.ts"
import { sendStream } from "../../src/pipe/send.ts"
import { FakeAgent, messageOf } from "../fake-agent.ts"

const nothing = (): Promise<void> => Promise.resolve()
const forever = (): Promise<never> => new Promise(() => undefined)
const noLine = (): void => undefined

function endOf(data: Uint8Array): PipeFrame {
  return {
    type: "end",
    length: BigInt(data.length),
    hash: new Uint8Array(createHash("sha256").update(data).digest()),
  }
}

/** Two agents, what one sends the other gets. */
class Pair {
  readonly a: FakeAgent = new FakeAgent()
  readonly b: FakeAgent = new FakeAgent()
  constructor() {
    this.#link(this.a, this.b)
    this.#link(this.b, this.a)
  }
  #link(from: FakeAgent, to: FakeAgent): void {
    const send = from.sendMessage.bind(from)
    from.sendMessage = async (params: { readonly body: Uint8Array }) => {
      const answer = await send(params)
      to.push(messageOf(params.body, 1000 + answer.messageId))
      from.push({ type: "sent", connectionId: "c1", messageId: answer.messageId, server: "s" })
      return answer
    }
  }
}

interface Received {
  data: Uint8Array[]
  ends: string[]
  begun: number
  broken: number
}

function receive(
  agent: FakeAgent,
  more: { readonly unfinished?: boolean; readonly lastEnd?: string } = {},
): { readonly done: Promise<void>; readonly got: Received } {
  const got: Received = { data: [], ends: [], begun: 0, broken: 0 }
  const done = receiveStream({
    agent,
    connectionId: "c1",
    write: (data) => {
      got.data.push(data)
      return Promise.resolve()
    },
    unfinished: more.unfinished ?? false,
    lastEnd: more.lastEnd,
    onConnected: nothing,
    onBegin: () => {
      got.begun++
      return Promise.resolve()
    },
    onComplete: (end) => {
      got.ends.push(end)
      return Promise.resolve()
    },
    onBroken: () => {
      got.broken++
      return Promise.resolve()
    },
    onProgress: noLine,
    onNotice: noLine,
    patience: forever,
  })
  done.catch(() => undefined)
  return { done, got }
}

function send(
  agent: FakeAgent,
  source: Readable,
  more: {
    readonly unfinished?: boolean
    readonly connected?: boolean
    readonly onProgress?: (n: number) => void
  } = {},
): Promise<void> {
  const done = sendStream({
    agent,
    connectionId: "c1",
    source,
    connected: more.connected ?? true,
    unfinished: more.unfinished ?? false,
    onBegin: nothing,
    onEnded: nothing,
    onConnected: nothing,
    onProgress: more.onProgress ?? noLine,
    onNotice: noLine,
  })
  done.catch(() => undefined)
  return done
}

const framesOf = (agent: FakeAgent): readonly (PipeFrame | undefined)[] =>
  agent.calls
    .filter(({ method }) => method === "sendMessage")
    .map(({ params }) => decodeFrame((params as { readonly body: Uint8Array }).body))

const acknowledged = (agent: FakeAgent): readonly number[] =>
  agent.calls
    .filter(({ method }) => method === "acknowledgeMessage")
    .map(({ params }) => (params as { readonly messageId: number }).messageId)

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

describe("a stream through a connection", () => {
  test("arrives byte for byte, whatever its length and the chunks of its source", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 3 * chunkSize, size: "max" }), { maxLength: 4 }),
        async (chunks) => {
          const pair = new Pair()
          const { done, got } = receive(pair.b)
          await send(
            pair.a,
            Readable.from(
              chunks.map((chunk) => Buffer.from(chunk)),
              { objectMode: false },
            ),
          )
          await done
          expect(Buffer.concat(got.data).equals(Buffer.concat(chunks))).toBe(true)
          expect(got.broken).toBe(0)
        },
      ),
      { numRuns: 30 },
    )
  })

  test("the sender never has more than its window under way, and goes on as servers take it", async () => {
    const agent = new FakeAgent()
    const done = send(agent, Readable.from([Buffer.alloc(200 * chunkSize)], { objectMode: false }))
    await settle()
    expect(framesOf(agent)).toHaveLength(64)
    for (let id = 1; id <= 10; id++)
      agent.push({ type: "sent", connectionId: "c1", messageId: id, server: "s" })
    await settle()
    expect(framesOf(agent)).toHaveLength(74)
    agent.push({
      type: "failed",
      connectionId: "c1",
      messageId: 11,
      code: "AUTH",
      message: "the queue is gone",
      server: "s",
    })
    await expect(done).rejects.toThrow(/AUTH.*the queue is gone/)
  })

  test("nothing is sent before the other side has answered the handshake", async () => {
    const agent = new FakeAgent()
    void send(agent, Readable.from([Buffer.from("x")], { objectMode: false }), { connected: false }).catch(
      noLine,
    )
    await settle()
    expect(framesOf(agent)).toEqual([])
    agent.push({ type: "connected", connectionId: "c1", postQuantum: false })
    await settle()
    expect(framesOf(agent)).toEqual([
      { type: "chunk", data: new Uint8Array(Buffer.from("x")) },
      endOf(Buffer.from("x")),
    ])
  })

  test("a receipt for the end is a confirmation, one for a chunk is none", async () => {
    const agent = new FakeAgent()
    let confirmed = false
    const done = send(agent, Readable.from([Buffer.from("x")], { objectMode: false })).then(() => {
      confirmed = true
    })
    await settle()
    agent.push({ type: "delivered", connectionId: "c1", messageId: 1, hashOk: true })
    agent.push({ type: "delivered", connectionId: "c1", messageId: 2, hashOk: false })
    await settle()
    expect(confirmed).toBe(false)
    agent.push({ type: "delivered", connectionId: "c1", messageId: 2, hashOk: true })
    await done
  })

  test("a confirmation of something else is none, a refusal fails", async () => {
    const agent = new FakeAgent()
    const done = send(agent, Readable.from([Buffer.from("x")], { objectMode: false }))
    await settle()
    agent.push(messageOf(encodeFrame({ type: "received", length: 1n, hash: new Uint8Array(32) }), 10))
    agent.push(
      messageOf(
        encodeFrame({
          ...endOf(Buffer.from("y")),
          type: "refused",
          reason: "of another transfer",
        } as PipeFrame),
        11,
      ),
    )
    agent.push(
      messageOf(
        encodeFrame({ ...endOf(Buffer.from("x")), type: "refused", reason: "interrupted" } as PipeFrame),
        12,
      ),
    )
    await expect(done).rejects.toThrow(/interrupted.*send it again/)
    expect(acknowledged(agent)).toEqual([10, 11, 12])
  })

  test("data of the other side is left for a receiver: unacknowledged", async () => {
    const agent = new FakeAgent()
    const done = send(agent, Readable.from([Buffer.from("x")], { objectMode: false }))
    agent.push(messageOf(encodeFrame({ type: "chunk", data: Uint8Array.of(1) }), 10))
    await expect(done).rejects.toThrow(/one name for each direction/)
    expect(acknowledged(agent)).toEqual([])
  })

  test("a closed connection and a stopped agent fail", async () => {
    const closed = new FakeAgent()
    closed.push({
      type: "closed",
      connectionId: "c1",
      code: "NOT_AUTHENTIC",
      message: "somebody else answered",
    })
    await expect(send(closed, new Readable({ read: noLine }))).rejects.toThrow(/NOT_AUTHENTIC/)
    const stopped = new FakeAgent()
    const done = send(stopped, new Readable({ read: noLine }))
    await stopped.close()
    await expect(done).rejects.toThrow(/run the same command again/)
  })

  test("a source that fails fails the transfer", async () => {
    const source = new Readable({ read: noLine })
    const done = send(new FakeAgent(), source)
    await settle()
    source.destroy(new Error("read error"))
    await expect(done).rejects.toThrow("read error")
    const cut = new Readable({ read: noLine })
    const sending = send(new FakeAgent(), cut)
    cut.push("half")
    await settle()
    cut.destroy()
    await expect(sending).rejects.toThrow("closed before its end")
  })
})

describe("the receiver", () => {
  const data = Uint8Array.from({ length: 100 }, (_, i) => i)

  test.each([
    ["a wrong length", { ...endOf(data), length: 99n } as PipeFrame],
    ["a wrong hash", { ...endOf(data), hash: new Uint8Array(32) } as PipeFrame],
  ])("fails at %s, and tells the sender", async (_, end) => {
    const pair = new Pair()
    const { done, got } = receive(pair.b)
    pair.b.push(messageOf(encodeFrame({ type: "chunk", data }), 1), messageOf(encodeFrame(end), 2))
    await expect(done).rejects.toThrow(/sent again/)
    expect(framesOf(pair.b)).toMatchObject([{ type: "refused" }])
    expect(got).toMatchObject({ broken: 1, ends: [] })
    expect(acknowledged(pair.b)).toEqual([1, 2])
  })

  test("fails at the end of a transfer that its sender gave up, without an answer", async () => {
    const pair = new Pair()
    const { done, got } = receive(pair.b)
    pair.b.push(messageOf(encodeFrame({ type: "chunk", data }), 1), messageOf(encodeFrame(brokenEnd), 2))
    await expect(done).rejects.toThrow(/sent again/)
    expect(framesOf(pair.b)).toEqual([])
    expect(got).toMatchObject({ broken: 1, ends: [] })
  })

  test("passes over such an end when nothing came before it", async () => {
    const pair = new Pair()
    const { done, got } = receive(pair.b)
    pair.b.push(messageOf(encodeFrame(brokenEnd), 1), messageOf(encodeFrame(endOf(new Uint8Array())), 2))
    await done
    expect(got.broken).toBe(0)
  })

  test("acknowledges a chunk only when its output has taken it", async () => {
    const agent = new FakeAgent()
    let take: () => void = noLine
    void receiveStream({
      agent,
      connectionId: "c1",
      write: () =>
        new Promise((resolve) => {
          take = resolve
        }),
      unfinished: false,
      lastEnd: undefined,
      onConnected: nothing,
      onBegin: nothing,
      onComplete: nothing,
      onBroken: nothing,
      onProgress: noLine,
      onNotice: noLine,
      patience: forever,
    }).catch(noLine)
    agent.push(messageOf(encodeFrame({ type: "chunk", data }), 1))
    await settle()
    expect(acknowledged(agent)).toEqual([])
    take()
    await settle()
    expect(acknowledged(agent)).toEqual([1])
    await agent.close()
  })

  test("skips the rest of a transfer that an earlier run began, asks for it again, and takes the next", async () => {
    const pair = new Pair()
    const { done, got } = receive(pair.b, { unfinished: true })
    const rest = Uint8Array.of(1, 2, 3)
    pair.b.push(
      messageOf(encodeFrame({ type: "chunk", data: rest }), 1),
      messageOf(encodeFrame(endOf(data)), 2),
      messageOf(encodeFrame({ type: "chunk", data }), 3),
      messageOf(encodeFrame(endOf(data)), 4),
    )
    await done
    expect(Buffer.concat(got.data)).toEqual(Buffer.from(data))
    expect(framesOf(pair.b).map((frame) => frame?.type)).toEqual(["refused", "received"])
    expect(got).toMatchObject({ broken: 1, begun: 1 })
  })

  test("an end that comes again after a crash is not the end of nothing", async () => {
    const pair = new Pair()
    const end = encodeFrame(endOf(data))
    const { done, got } = receive(pair.b, { lastEnd: Buffer.from(end).toString("hex") })
    pair.b.push(messageOf(end, 1, { redelivered: true }), messageOf(encodeFrame(endOf(new Uint8Array())), 2))
    await done
    expect(got.data).toEqual([])
    expect(acknowledged(pair.b)).toEqual([1, 2])
  })

  test("allows who joins, and passes over what is no frame", async () => {
    const pair = new Pair()
    const { done } = receive(pair.b)
    pair.b.push({
      type: "confirmation",
      connectionId: "c1",
      confirmationId: "f",
      info: new Uint8Array(),
      postQuantum: false,
      servers: [],
    })
    pair.b.push(messageOf(Buffer.from("hello"), 1), messageOf(encodeFrame(endOf(new Uint8Array())), 2))
    await done
    expect(pair.b.calls[0]).toEqual({
      method: "allowConnection",
      params: { connectionId: "c1", confirmationId: "f" },
    })
    expect(acknowledged(pair.b)).toEqual([1, 2])
  })

  test("ends when the answer was taken by a server, or patience is over", async () => {
    const agent = new FakeAgent() // nobody says `sent`
    const received = receiveStream({
      agent,
      connectionId: "c1",
      write: nothing,
      unfinished: false,
      lastEnd: undefined,
      onConnected: nothing,
      onBegin: nothing,
      onComplete: nothing,
      onBroken: nothing,
      onProgress: noLine,
      onNotice: noLine,
      patience: nothing,
    })
    agent.push(messageOf(encodeFrame(endOf(new Uint8Array())), 1))
    await received
  })
})

describe("pieces of a source", () => {
  test("join to what was read, none larger than asked for, for every chunking", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 50 })),
        fc.integer({ min: 1, max: 64 }),
        async (chunks, size) => {
          const out: Uint8Array[] = []
          for await (const piece of pieces(
            Readable.from(
              chunks.map((c) => Buffer.from(c)),
              { objectMode: false },
            ),
            size,
          )) {
            expect(piece.length).toBeGreaterThan(0)
            expect(piece.length).toBeLessThanOrEqual(size)
            out.push(piece)
          }
          expect(Buffer.concat(out)).toEqual(Buffer.concat(chunks))
        },
      ),
    )
  })
})
