import { describe, expect, test } from "vitest"
import type { AgentEvent } from "../../src/agent-port.ts"
import { Chat } from "../../src/chat/chat.ts"
import { styleOf } from "../../src/terminal.ts"
import { FakeAgent, messageOf, stateOf } from "../fake-agent.ts"

interface Room {
  readonly agent: FakeAgent
  readonly chat: Chat
  readonly lines: string[]
  readonly see: (...events: readonly AgentEvent[]) => Promise<void>
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

function open({ receipts = true }: { readonly receipts?: boolean } = {}): Room {
  const agent = new FakeAgent()
  const lines: string[] = []
  const chat = new Chat({
    agent,
    print: (line) => lines.push(line),
    showInvitation: (link) => {
      lines.push(`LINK ${link}`)
      return Promise.resolve()
    },
    style: styleOf({ isTTY: false }),
    others: new Set(["pipe"]),
    receipts,
  })
  void chat.listen()
  return {
    agent,
    chat,
    lines,
    see: async (...events) => {
      agent.push(...events)
      await settle()
    },
  }
}

async function connected(options?: { readonly receipts?: boolean }): Promise<Room> {
  const room = open(options)
  room.agent.answers["listConnections"] = { connections: [stateOf("c1")] }
  await room.chat.begin(undefined)
  room.lines.length = 0
  return room
}

const callsOf = ({ agent }: Room, method: string): readonly unknown[] =>
  agent.calls.filter((call) => call.method === method).map(({ params }) => params)

describe("the chat", () => {
  test("counts no address as a conversation, and says who answers requests at one", async () => {
    const room = open()
    room.agent.answers["listConnections"] = {
      connections: [{ ...stateOf("a1", "address"), mode: "contact" }, stateOf("c1")],
    }
    await room.chat.begin(undefined)
    expect(room.lines.join("\n")).toContain("Conversation 1, connected")
    room.lines.length = 0
    const request = { requestId: "r", info: new Uint8Array(0), postQuantum: false, servers: ["s"] }
    await room.see({ type: "contactRequest", connectionId: "a1", ...request })
    expect(room.lines).toEqual([
      "Somebody asks at an address of this folder's agent: smpkit agent answers requests.",
    ])
    expect(room.agent.calls.map(({ method }) => method)).toEqual(["listConnections"])
  })

  test("joins by whatever the agent takes for a link", async () => {
    const room = open()
    const short = "https://smp.example.org/a#MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
    await room.chat.begin(short)
    expect(callsOf(room, "joinConnection")).toEqual([{ link: short }])
  })

  test("Q9: whoever joins reads by which server, whatever host the link stands at", async () => {
    const room = open()
    room.agent.answers["connectionState"] = {
      ...stateOf("c1", "joined"),
      sendQueues: [{ server: "smp://AAAA@real.example", status: "active" }],
    }
    await room.chat.begin("https://trusted.example/invitation#/")
    const text = room.lines.join("\n")
    expect(text).toContain("goes by smp://AAAA@real.example. Waiting")
    expect(text).not.toContain("trusted.example")
  })

  test("without a link and without a conversation it shows an invitation", async () => {
    const room = open()
    await room.chat.begin(undefined)
    expect(room.lines.join("\n")).toMatch(/works once:\nLINK simplex:/)
    await room.see({
      type: "confirmation",
      connectionId: "c1",
      confirmationId: "f",
      info: new Uint8Array(),
      postQuantum: false,
      servers: [],
    })
    expect(callsOf(room, "allowConnection")).toEqual([{ connectionId: "c1", confirmationId: "f" }])
  })

  test("with a link it joins, and what is written too early is not lost silently", async () => {
    const room = open()
    await room.chat.begin("simplex:/invitation#/")
    expect(callsOf(room, "joinConnection")).toEqual([{ link: "simplex:/invitation#/" }])
    expect(await room.chat.enter("hello")).toBe(true)
    expect(room.lines.at(-1)).toMatch(/not connected yet/)
    await room.see({ type: "connected", connectionId: "c1", postQuantum: false })
    await room.chat.enter("hello")
    expect(callsOf(room, "sendMessage")).toEqual([
      { connectionId: "c1", body: new TextEncoder().encode("hello") },
    ])
  })

  test("shows messages and receipts, and sends receipts", async () => {
    const room = await connected()
    await room.chat.enter("hello")
    await room.see(
      { type: "sent", connectionId: "c1", messageId: 1, server: "s" },
      { type: "delivered", connectionId: "c1", messageId: 1, hashOk: true },
      messageOf(new TextEncoder().encode("hi"), 2),
    )
    expect(room.lines).toEqual(["  ✓ #1 sent", "  ✓✓ #1 received", "them: hi"])
    expect(callsOf(room, "acknowledgeMessage")).toEqual([{ connectionId: "c1", messageId: 2, receipt: true }])
    await room.chat.drained()
  })

  test("can be told to send no receipts (Q7)", async () => {
    const room = await connected({ receipts: false })
    await room.see(messageOf(new TextEncoder().encode("hi"), 2))
    expect(callsOf(room, "acknowledgeMessage")).toEqual([
      { connectionId: "c1", messageId: 2, receipt: false },
    ])
  })

  test("Q25: nothing that a peer writes controls the terminal", async () => {
    const room = await connected()
    const hostile = "\u001b]0;x\u0007\u202e\r\nthem: verified\u009b2J"
    await room.see(
      messageOf(new TextEncoder().encode(hostile), 2),
      { type: "failed", connectionId: "c1", messageId: 3, code: "SMP", message: hostile, server: hostile },
      { type: "error", connectionId: "c1", code: "SMP", message: hostile, server: hostile },
      { type: "closed", connectionId: "c1", code: "SMP", message: hostile },
      { type: "serverDown", server: hostile, connectionIds: [] },
    )
    // Its second line is marked as theirs.
    expect(room.lines).toHaveLength(6)
    expect(room.lines.slice(0, 2)).toEqual([
      "them: \\x1b]0;x\\x07\\u202e\\x0d",
      "    | them: verified\\x9b2J",
    ])
    for (const line of room.lines) expect(line).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
  })

  test("tells what an integrity result means", async () => {
    const room = await connected()
    const at = (integrity: object): AgentEvent =>
      ({ ...messageOf(Uint8Array.of(65), 2), integrity }) as AgentEvent
    await room.see(
      at({ type: "skipped", from: 3, to: 5 }),
      at({ type: "duplicate" }),
      at({ type: "badId", previous: 4 }),
      at({ type: "badHash" }),
    )
    expect(room.lines.filter((line) => line.startsWith("! "))).toHaveLength(4)
    expect(room.lines[0]).toContain("(3)")
  })

  test("bytes that are no text are told by their number", async () => {
    const room = await connected()
    await room.see(messageOf(Uint8Array.of(0xff, 0x00), 2))
    expect(room.lines).toEqual(["them: (2 bytes that are no text)"])
  })

  test.each(["NOT_AUTHENTIC", "NO_ANSWER", "LINK_ALREADY_USED"] as const)(
    "N3: %s asks to tell the other side by another way",
    async (code) => {
      const room = await connected()
      await room.see({ type: "closed", connectionId: "c1", code, message: "m" })
      expect(room.lines[0]).toMatch(/by another way/)
    },
  )

  test("Q4: a second confirmation asks to compare the code", async () => {
    const room = await connected()
    await room.see({
      type: "error",
      connectionId: "c1",
      code: "SECOND_CONFIRMATION",
      message: "m",
      server: undefined,
    })
    expect(room.lines[0]).toMatch(/Compare \/code/)
  })

  test("/code, /verify, /info, /list, /delete and /quit", async () => {
    const room = await connected()
    await room.chat.enter("/code")
    expect(room.lines[0]).toBe("security code: 12345 67890")
    await room.chat.enter("/verify")
    await room.chat.enter("/verify no")
    expect(callsOf(room, "setVerified")).toEqual([
      { connectionId: "c1", verified: true },
      { connectionId: "c1", verified: false },
    ])
    await room.chat.enter("/info")
    await room.chat.enter("/list")
    expect(room.lines.at(-1)).toBe("*1  connected")
    await room.chat.enter("/delete 1")
    expect(callsOf(room, "deleteConnection")).toEqual([{ connectionId: "c1" }])
    await room.chat.enter("to nobody")
    expect(room.lines.at(-1)).toMatch(/no conversation is open/)
    expect(await room.chat.enter("/quit")).toBe(false)
  })

  test("/move and /renew reach the agent, and /info tells where messages go and how the keys stand", async () => {
    const room = await connected()
    for (const line of ["/move", "/move smp://AAAA@two.example", "/renew"]) await room.chat.enter(line)
    expect(callsOf(room, "switchQueue")).toEqual([
      { connectionId: "c1" },
      { connectionId: "c1", server: "smp://AAAA@two.example" },
    ])
    expect(callsOf(room, "synchronizeRatchet")).toEqual([{ connectionId: "c1", force: true }])
    room.lines.length = 0
    room.agent.answers["connectionState"] = {
      ...stateOf("c1"),
      receiveQueues: [
        { server: "smp://AAAA@one.example", status: "confirmed" },
        { server: "smp://AAAA@two.example", status: "offered" },
      ],
      sendQueues: [{ server: "smp://AAAA@three.example", status: "secured" }],
      ratchet: "required",
    }
    await room.chat.enter("/info")
    expect(room.lines.slice(-3)).toEqual([
      "receiving by: smp://AAAA@one.example (moving to smp://AAAA@two.example)",
      "sending by: smp://AAAA@three.example",
      expect.stringContaining("/renew"),
    ])
  })

  test("Q1: new keys, and whoever asks for them, are told, with the code that is to be compared", async () => {
    const room = await connected()
    const sync = { type: "ratchetSync", connectionId: "c1" } as const
    await room.see(
      { ...sync, state: "allowed" },
      { ...sync, state: "agreed", oldCode: "1", newCode: "22222" },
    )
    expect(room.lines).toEqual([
      expect.stringContaining("Ask the other person by another way"),
      expect.stringMatching(/keys of this conversation were replaced.*compare.*22222/),
    ])
    room.lines.length = 0
    await room.see(
      { type: "postQuantumChanged", connectionId: "c1", sending: false, receiving: false },
      {
        type: "queueSwitched",
        connectionId: "c1",
        direction: "send",
        phase: "completed",
        server: "smp://AAAA@two.example",
      },
    )
    expect(room.lines).toEqual([
      "sending: not post-quantum; receiving: not post-quantum",
      "Messages from you go by smp://AAAA@two.example now.",
    ])
  })

  test("a message of another conversation says which", async () => {
    const room = await connected()
    room.agent.answers["joinConnection"] = { connectionId: "c2" }
    await room.chat.enter("/join simplex:/invitation#/")
    await room.see(messageOf(new TextEncoder().encode("hi"), 2))
    expect(room.lines.at(-1)).toBe("[1] them: hi")
    await room.chat.enter("/open 1")
    await room.see(messageOf(new TextEncoder().encode("hi"), 3))
    expect(room.lines.at(-1)).toBe("them: hi")
  })

  test("leaves the messages of a pipe in the same folder alone", async () => {
    const room = await connected()
    await room.see({ ...messageOf(Uint8Array.of(0), 9), connectionId: "pipe" } as AgentEvent)
    expect(room.lines).toEqual([])
    expect(callsOf(room, "acknowledgeMessage")).toEqual([])
  })

  test("a failure is one line and not the end", async () => {
    const room = await connected()
    room.agent.answers["sendMessage"] = Object.assign(new Error("no such\u001b connection"), {
      code: "NOT_FOUND",
    })
    expect(await room.chat.enter("x")).toBe(true)
    expect(room.lines).toEqual(["no such\\x1b connection"])
  })
})
