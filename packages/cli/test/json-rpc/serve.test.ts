import { describe, expect, test } from "vitest"
import { serveJsonRpc } from "../../src/json-rpc/serve.ts"
import { FakeAgent, messageOf } from "../fake-agent.ts"

const versions = { smpkit: "0.1.0", smp: "6-18", agent: "2-7", e2e: "2-3" }

/** A session that a test feeds line by line. */
class Session {
  readonly agent = new FakeAgent()
  readonly lines: unknown[] = []
  readonly internal: unknown[] = []
  /** While true the reader takes nothing. */
  blocked = false
  readonly done: Promise<void>
  #input: Uint8Array[] = []
  #ended = false
  #wake: (() => void) | undefined
  #waiting: (() => void)[] = []

  constructor() {
    this.done = serveJsonRpc({
      agent: this.agent,
      release: "0.1.0",
      input: this.#chunks(),
      stopInput: () => {
        this.end()
      },
      writeLine: (line) => this.#write(line),
      onInternalError: (error) => this.internal.push(error),
    })
    this.done.catch(() => undefined)
  }

  say(text: string): void {
    this.sayBytes(new TextEncoder().encode(text))
  }

  sayBytes(bytes: Uint8Array): void {
    this.#input.push(bytes)
    this.#wake?.()
  }

  request(id: unknown, method: string, params?: unknown): void {
    this.say(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`)
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  unblock(): void {
    this.blocked = false
    for (const resume of this.#waiting.splice(0)) resume()
  }

  async all(): Promise<unknown[]> {
    this.end()
    await this.done
    return this.lines
  }

  async #write(line: string): Promise<void> {
    expect(line).not.toContain("\n")
    this.lines.push(JSON.parse(line))
    if (this.blocked) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#input.shift()
      if (chunk !== undefined) yield chunk
      else if (this.#ended) return
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
    }
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe("JSON-RPC 2.0 over lines (rpc.md)", () => {
  test.each([
    ["not JSON", "{", null, -32700],
    ["JSON with more behind it", '{"jsonrpc":"2.0","id":1,"method":"version"} x', null, -32700],
    ["a number", "5", null, -32600],
    ["a batch", "[]", null, -32600],
    ["no version", '{"id":1,"method":"version"}', 1, -32600],
    ["another version", '{"jsonrpc":"1.0","id":"a","method":"version"}', "a", -32600],
    ["no method", '{"jsonrpc":"2.0","id":1}', 1, -32600],
    ["an id that is an object", '{"jsonrpc":"2.0","id":{},"method":"version"}', null, -32600],
    ["an unknown method", '{"jsonrpc":"2.0","id":1,"method":"exportKeys"}', 1, -32601],
    ["a method of every object", '{"jsonrpc":"2.0","id":1,"method":"constructor"}', 1, -32601],
    ["an unknown parameter", '{"jsonrpc":"2.0","id":1,"method":"version","params":{"x":1}}', 1, -32602],
    ["parameters by position", '{"jsonrpc":"2.0","id":1,"method":"securityCode","params":["c1"]}', 1, -32602],
    ["a missing parameter", '{"jsonrpc":"2.0","id":1,"method":"securityCode"}', 1, -32602],
  ])("%s", async (_, line, id, code) => {
    const session = new Session()
    session.say(`${line}\n`)
    expect(await session.all()).toEqual([
      { jsonrpc: "2.0", id, error: { code, message: expect.any(String) as string } },
    ])
  })

  test("bytes that are not UTF-8 are a parse error; an empty line is no request", async () => {
    const session = new Session()
    session.sayBytes(Uint8Array.of(0x22, 0xff, 0x22, 0x0a))
    session.say("\n  \r\n")
    expect(await session.all()).toMatchObject([{ id: null, error: { code: -32700 } }])
  })

  test("results are those of rpc.md", async () => {
    const session = new Session()
    session.request(1, "createConnection", { mode: "invitation" })
    session.request("two", "sendMessage", { connectionId: "c1", text: "hi" })
    session.request(31, "acceptContact", { connectionId: "c1", requestId: "r", infoBase64: "aGk" })
    session.request(32, "rejectContact", { connectionId: "c1", requestId: "r" })
    session.request(3, "allowConnection", { connectionId: "c1", confirmationId: "f", infoBase64: "aGk" })
    session.request(4, "acknowledgeMessage", { connectionId: "c1", messageId: 5 })
    session.request(6, "version")
    session.request(5, "setServers", { servers: ["smp://BBBB@localhost"] })
    const answers = await session.all()
    expect(answers).toEqual(
      expect.arrayContaining([
        { jsonrpc: "2.0", id: 1, result: { connectionId: "c1", link: "simplex:/invitation#/?v=2-7" } },
        { jsonrpc: "2.0", id: "two", result: { messageId: 1 } },
        { jsonrpc: "2.0", id: 31, result: { connectionId: "c2" } },
        { jsonrpc: "2.0", id: 32, result: {} },
        { jsonrpc: "2.0", id: 3, result: {} },
        { jsonrpc: "2.0", id: 4, result: {} },
        { jsonrpc: "2.0", id: 6, result: versions },
        { jsonrpc: "2.0", id: 5, result: { servers: ["smp://BBBB@localhost"] } },
      ]),
    )
    expect(session.agent.calls).toEqual(
      expect.arrayContaining([
        { method: "sendMessage", params: { connectionId: "c1", body: new Uint8Array([104, 105]) } },
        {
          method: "acceptContact",
          params: { connectionId: "c1", requestId: "r", info: new Uint8Array([104, 105]) },
        },
        { method: "rejectContact", params: { connectionId: "c1", requestId: "r" } },
        {
          method: "allowConnection",
          params: { connectionId: "c1", confirmationId: "f", info: new Uint8Array([104, 105]) },
        },
        { method: "acknowledgeMessage", params: { connectionId: "c1", messageId: 5, receipt: true } },
      ]),
    )
  })

  test("requests keep their order, also when they come in one chunk", async () => {
    const session = new Session()
    const line = (i: number): string =>
      JSON.stringify({
        jsonrpc: "2.0",
        id: i,
        method: "sendMessage",
        params: { connectionId: "c1", text: `${i}` },
      })
    session.say(Array.from({ length: 300 }, (_, i) => `${line(i)}\n`).join(""))
    await session.all()
    const bodies = session.agent.calls.map(({ params }) =>
      new TextDecoder().decode((params as { body: Uint8Array }).body),
    )
    expect(bodies).toEqual(Array.from({ length: 300 }, (_, i) => `${i}`))
    expect(session.lines).toHaveLength(300)
  })

  test("a notification is carried out and not answered", async () => {
    const session = new Session()
    session.say('{"jsonrpc":"2.0","method":"setVerified","params":{"connectionId":"c1","verified":true}}\n')
    expect(await session.all()).toEqual([])
    expect(session.agent.calls.map(({ method }) => method)).toEqual(["setVerified"])
  })

  test("a typed error keeps its code, server and connection", async () => {
    const session = new Session()
    session.agent.answers = {
      sendMessage: Object.assign(new Error("the queue is gone: make a new connection"), {
        code: "AUTH",
        server: "localhost, AAAA",
        connectionId: "c1",
        queueId: "secret",
      }),
    }
    session.request(1, "sendMessage", { connectionId: "c1", text: "x" })
    expect(await session.all()).toEqual([
      {
        jsonrpc: "2.0",
        id: 1,
        error: {
          code: -32000,
          message: "the queue is gone: make a new connection",
          data: { code: "AUTH", server: "localhost, AAAA", connectionId: "c1" },
        },
      },
    ])
  })

  test("a bug is -32603 and keeps its message to itself", async () => {
    const session = new Session()
    session.agent.answers = { securityCode: new TypeError("cannot read key 0xfeed") }
    session.request(1, "securityCode", { connectionId: "c1" })
    const [answer] = await session.all()
    expect(answer).toMatchObject({ id: 1, error: { code: -32603 } })
    expect(JSON.stringify(answer)).not.toContain("feed")
    expect(session.internal).toHaveLength(1)
  })

  test("events: bytes in base64url, text where it is UTF-8, redelivered only where it is", async () => {
    const session = new Session()
    session.agent.push(
      messageOf(new TextEncoder().encode("hi"), 1),
      messageOf(Uint8Array.of(0xff, 0xfe), 2, { redelivered: true }),
      {
        type: "confirmation",
        connectionId: "c1",
        confirmationId: "f",
        info: Uint8Array.of(1),
        postQuantum: false,
        servers: ["s"],
      },
      {
        type: "contactRequest",
        connectionId: "a1",
        requestId: "r",
        info: Uint8Array.of(2),
        postQuantum: false,
        servers: ["s"],
      },
      { type: "ratchetSync", connectionId: "c1", state: "required" },
      { type: "closed", connectionId: "c1", code: "NO_ANSWER", message: "m" },
    )
    await settle()
    await settle()
    const common = {
      type: "message",
      connectionId: "c1",
      brokerTime: "2026-11-24T12:00:00.000Z",
      integrity: { type: "ok" },
      postQuantum: false,
    }
    const events = (await session.all()).map((line) => (line as { params: unknown }).params)
    expect(events).toEqual([
      { ...common, messageId: 1, bodyBase64: "aGk", text: "hi" },
      { ...common, messageId: 2, bodyBase64: "__4", redelivered: true },
      {
        type: "confirmation",
        connectionId: "c1",
        confirmationId: "f",
        infoBase64: "AQ",
        postQuantum: false,
        servers: ["s"],
      },
      {
        type: "contactRequest",
        connectionId: "a1",
        requestId: "r",
        infoBase64: "Ag",
        postQuantum: false,
        servers: ["s"],
      },
      { type: "ratchetSync", connectionId: "c1", state: "required" },
      { type: "closed", connectionId: "c1", code: "NO_ANSWER", message: "m" },
    ])
  })

  test("Q26: output that is not read pauses receiving instead of queueing", async () => {
    const session = new Session()
    session.blocked = true
    session.agent.push(...Array.from({ length: 100 }, (_, i) => messageOf(Uint8Array.of(i), i + 1)))
    for (let i = 0; i < 5; i++) await settle()
    expect(session.agent.taken).toBe(1)
    session.unblock()
    for (let i = 0; i < 300 && session.agent.taken < 100; i++) await settle()
    expect(session.agent.taken).toBe(100)
    await session.all()
  })

  test("Q26: requests whose answers are not read are bounded, too", async () => {
    const session = new Session()
    session.blocked = true
    for (let i = 0; i < 200; i++) session.request(i, "version")
    for (let i = 0; i < 20; i++) await settle()
    expect(session.lines.length).toBeLessThanOrEqual(64)
    session.unblock()
    await session.all()
    expect(session.lines).toHaveLength(200)
  })

  test("Q26: a line above 1 MiB ends the session, and the agent is closed", async () => {
    const session = new Session()
    session.say("x".repeat(1024 * 1024 + 1))
    await expect(session.done).rejects.toMatchObject({ code: "LINE_TOO_LONG" })
    expect(session.agent.closed).toBe(true)
  })

  test("the end of the input answers what was begun, and closes the agent", async () => {
    const session = new Session()
    session.request(1, "version")
    await session.all()
    expect(session.lines).toHaveLength(1)
    expect(session.agent.closed).toBe(true)
  })
})
