import { AgentError, type AgentEvent, type MessageEvent } from "@smpkit/agent"
import { describe, expect, it, vi } from "vitest"
import { Book } from "../src/worker/book.ts"
import { FakeAgent, openChats, openRecords } from "./fake-agent.ts"

const link = "simplex:/invitation#/?v=2-7"

async function setUp(agent = new FakeAgent()) {
  return await openChats(agent, await openRecords())
}

function message(connectionId: string, messageId: number, more: Partial<MessageEvent> = {}): MessageEvent {
  const text = `text ${messageId}`
  return {
    type: "message",
    connectionId,
    messageId,
    body: new Uint8Array(0),
    text,
    brokerTime: new Date(messageId * 1000),
    integrity: { type: "ok" },
    postQuantum: false,
    redelivered: false,
    ...more,
  }
}

function confirmation(connectionId: string): AgentEvent {
  const info = new Uint8Array(0)
  return { type: "confirmation", connectionId, confirmationId: "x", info, postQuantum: false, servers: [] }
}

async function connected() {
  const world = await setUp()
  const { id } = await world.chats.join(link, "Ann")
  world.agent.push({ type: "connected", connectionId: id, postQuantum: false })
  await vi.waitFor(() => {
    expect(world.book.conversation(id)?.status).toBe("connected")
  })
  return { ...world, id }
}

describe("an invitation", () => {
  it("is kept with its link until somebody answers, and the answer is accepted", async () => {
    const { agent, book, chats } = await setUp()
    const { id } = await chats.invite("Ann")
    expect(book.conversation(id)).toMatchObject({ name: "Ann", status: "invited", link })
    agent.push(confirmation(id))
    await vi.waitFor(() => {
      expect(book.conversation(id)).toMatchObject({ status: "greeting" })
    })
    expect(agent.allowed).toEqual(["x"])
    expect(book.conversation(id)?.link).toBeUndefined()
  })

  it("is there after a crash before the page has written it down, with its link, and can be named again", async () => {
    const { agent, records, chats } = await setUp()
    vi.spyOn(records, "update").mockRejectedValueOnce(new Error("no power"))
    await expect(chats.invite("Ann")).rejects.toThrow("no power")
    expect(new Book(records).conversations()).toEqual([])
    const again = await openChats(agent, records)
    expect(again.book.conversations()).toMatchObject([{ name: "", number: 1, status: "invited", link }])
    await again.book.change("c1", { name: "Ann" })
    expect(new Book(records).conversation("c1")).toMatchObject({ name: "Ann", status: "invited", link })
  })

  it("that was taken up again without its link gets it", async () => {
    const { agent, records, book, chats } = await setUp()
    const { id } = await chats.invite("Ann")
    await book.change(id, { link: undefined })
    const again = await openChats(agent, records)
    expect(again.book.conversation(id)).toMatchObject({ name: "Ann", link })
  })

  it("asks the page's server for its addresses when none are known", async () => {
    const agent = new FakeAgent()
    agent.servers = []
    const { chats } = await setUp(agent)
    await chats.invite("")
    expect(agent.servers).toEqual(["smp://AAAA@own.example:5223"])
  })
})

describe("joining", () => {
  it("a server that cannot be reached leaves a conversation that waits, and the same link goes on with it", async () => {
    const { agent, book, chats } = await setUp()
    agent.joinError = new AgentError("NETWORK", "down", { server: "smp://AAAA@own.example:5223" })
    const { id } = await chats.join(link, "Ann")
    expect(book.conversation(id)).toMatchObject({
      status: "joining",
      link,
      alert: { code: "NETWORK", host: "own.example:5223" },
    })
    agent.joinError = undefined
    expect(await chats.join(link, "Ann")).toEqual({ id })
    expect(book.conversations()).toHaveLength(1)
    expect(book.conversation(id)).toMatchObject({ status: "greeting" })
    expect(book.conversation(id)?.alert).toBeUndefined()
  })

  it("a link that was used leaves nothing behind", async () => {
    const { agent, book, chats } = await setUp()
    agent.joinError = new AgentError("LINK_ALREADY_USED", "used")
    await expect(chats.join(link, "")).rejects.toMatchObject({ code: "LINK_ALREADY_USED" })
    expect(book.conversations()).toEqual([])
  })

  it("a link that turns out to be used when it is tried again ends its conversation", async () => {
    const { agent, book, chats } = await setUp()
    agent.joinError = new AgentError("NETWORK", "down")
    const { id } = await chats.join(link, "")
    agent.joinError = new AgentError("LINK_ALREADY_USED", "used")
    await expect(chats.join(link, "")).rejects.toMatchObject({ code: "LINK_ALREADY_USED" })
    expect(book.conversation(id)).toMatchObject({ status: "closed", alert: { code: "LINK_ALREADY_USED" } })
  })
})

describe("what a restored copy cannot go on with", () => {
  const begun = { code: "BEGUN_BEFORE_COPY" }

  it("a join that had not left says to begin again, not to exchange keys", async () => {
    const { agent, book, chats } = await setUp()
    agent.joinError = new AgentError("NETWORK", "down")
    const { id } = await chats.join(link, "Ann")
    agent.push({ type: "closed", connectionId: id, code: "SEND_LOCKED", message: "m" })
    await vi.waitFor(() => {
      expect(book.conversation(id)).toMatchObject({ status: "closed", alert: begun })
    })
  })

  it("so does an answer to an invitation that had not been accepted", async () => {
    const { agent, book, chats } = await setUp()
    const { id } = await chats.invite("Ann")
    agent.allowError = new AgentError("SEND_LOCKED", "m")
    agent.push(confirmation(id))
    await vi.waitFor(() => {
      expect(book.conversation(id)?.alert).toMatchObject(begun)
    })
  })
})

describe("messages", () => {
  it("are stored before they are acknowledged, and counted as unread", async () => {
    const { agent, book, told, id } = await connected()
    agent.push(message(id, 1), message(id, 2, { integrity: { type: "badHash" } }))
    await vi.waitFor(() => {
      expect(agent.acknowledged).toHaveLength(2)
    })
    expect(agent.acknowledged.map(({ receipt }) => receipt)).toEqual([true, true])
    expect(book.history(id, { limit: 10 }).entries).toMatchObject([
      { id: 1, from: "peer", text: "text 1", time: 1000 },
      { id: 2, warning: "badHash" },
    ])
    expect(book.conversation(id)).toMatchObject({ unread: 2, last: { id: 2 } })
    expect(told.filter((event) => event.type === "message")).toHaveLength(2)
  })

  it("that come again after a crash are not shown twice", async () => {
    const { agent, book, told, id } = await connected()
    agent.push(message(id, 1), message(id, 1, { redelivered: true }))
    await vi.waitFor(() => {
      expect(agent.acknowledged).toHaveLength(2)
    })
    expect(book.conversation(id)?.unread).toBe(1)
    expect(told.filter((event) => event.type === "message")).toHaveLength(1)
  })

  it("that are no text are told as such", async () => {
    const { agent, book, id } = await connected()
    agent.push(message(id, 1, { text: undefined }))
    await vi.waitFor(() => {
      expect(book.message(id, 1)).toMatchObject({ text: "", warning: "binary" })
    })
  })

  it("give no receipt when the user wants none", async () => {
    const { agent, book, id } = await connected()
    await book.putSettings({ idleMinutes: 15, receipts: false })
    agent.push(message(id, 1))
    await vi.waitFor(() => {
      expect(agent.acknowledged).toMatchObject([{ messageId: 1, receipt: false }])
    })
  })

  it("tell how far they have come", async () => {
    const { agent, book, chats, id } = await connected()
    const server = "smp://AAAA@own.example"
    expect(await chats.send(id, "hello")).toMatchObject({ id: 1, state: "stored" })
    expect(book.conversation(id)?.last).toMatchObject({ id: 1, state: "stored" })
    agent.push({ type: "delivered", connectionId: id, messageId: 1, hashOk: true })
    agent.push({ type: "sent", connectionId: id, messageId: 1, server })
    await vi.waitFor(() => {
      expect(book.message(id, 1)?.state).toBe("delivered")
    })
    await chats.send(id, "again")
    agent.push({ type: "failed", connectionId: id, messageId: 2, code: "EXPIRED", message: "late", server })
    await vi.waitFor(() => {
      expect(book.message(id, 2)).toMatchObject({
        state: "failed",
        problem: { code: "EXPIRED", host: "own.example" },
      })
    })
    expect(book.message(id, 1)?.state).toBe("delivered")
  })

  it("are in the history exactly when the agent has stored them", async () => {
    const { agent, book, chats, records, told, id } = await connected()
    agent.sendError = new AgentError("STORE", "full")
    await expect(chats.send(id, "lost")).rejects.toMatchObject({ code: "STORE" })
    expect(book.history(id, { limit: 10 }).entries).toEqual([])
    agent.sendError = undefined
    // Nothing of the page runs after the agent's transaction: as if it had crashed there.
    let wrote: () => void = () => undefined
    const written = new Promise<void>((resolve) => (wrote = resolve))
    const sendMessage = agent.sendMessage.bind(agent)
    agent.sendMessage = async (params, options) => {
      await sendMessage(params, options)
      wrote()
      return await new Promise<never>(() => undefined)
    }
    void chats.send(id, "hello")
    await written
    const reopened = await openChats(new FakeAgent(), records)
    expect(reopened.book.message(id, 1)).toMatchObject({ text: "hello", state: "stored" })
    expect(reopened.book.conversation(id)?.last).toMatchObject({ id: 1 })
    expect(told.some((event) => event.type === "message")).toBe(false)
  })

  it("that a restored copy may not send say what to do", async () => {
    const { agent, book, chats, id } = await connected()
    agent.sendError = new AgentError("SEND_LOCKED", "m")
    await expect(chats.send(id, "hello")).rejects.toMatchObject({ code: "SEND_LOCKED" })
    expect(book.conversation(id)?.alert?.code).toBe("SEND_LOCKED")
    await chats.renewKeys(id)
    expect(agent.renewed).toEqual([id])
    agent.push({ type: "ratchetSync", connectionId: id, state: "started" })
    await vi.waitFor(() => {
      expect(book.conversation(id)?.alert).toBeUndefined()
    })
  })

  it("that failed are sent again as new ones", async () => {
    const { book, chats, told, id } = await connected()
    await chats.send(id, "hello")
    await book.changeMessage(id, 1, { state: "failed", problem: { code: "EXPIRED", message: "" } })
    expect(await chats.resend(id, 1)).toMatchObject({ id: 2, text: "hello", state: "stored" })
    expect(book.history(id, { limit: 10 }).entries.map((one) => one.id)).toEqual([2])
    expect(told).toContainEqual({ type: "messageGone", id, message: 1 })
  })

  it("come in pages, the latest first", async () => {
    const { book, chats, id } = await connected()
    for (let n = 1; n <= 12; n++) await chats.send(id, `${n}`)
    const latest = book.history(id, { limit: 5 })
    expect(latest).toMatchObject({ more: true, entries: [8, 9, 10, 11, 12].map((n) => ({ id: n })) })
    expect(book.history(id, { before: 4, limit: 5 })).toMatchObject({
      more: false,
      entries: [1, 2, 3].map((n) => ({ id: n })),
    })
  })
})

describe("notices", () => {
  const server = "smp://AAAA@new.example:5223"

  it("stand between the messages where they came, once, and come with the history", async () => {
    const { agent, book, chats, told, records, id } = await connected()
    const moved = { type: "queueSwitched", connectionId: id, direction: "send", server } as const
    await chats.send(id, "before")
    agent.push({ ...moved, phase: "started" }, { ...moved, phase: "completed" })
    agent.push({ ...moved, phase: "completed" }, { ...moved, direction: "receive", phase: "completed" })
    await vi.waitFor(() => {
      expect(told.filter((event) => event.type === "connectionChanged")).toHaveLength(4)
    })
    await chats.send(id, "after")
    const shown = [
      { id: 1, text: "before" },
      { from: "page", kind: "sendingMoved", host: "new.example:5223", time: 1_000_000 },
      { from: "page", kind: "receivingMoved", host: "new.example:5223" },
      { id: 2, text: "after" },
    ]
    const { entries } = book.history(id, { limit: 10 })
    expect(entries).toMatchObject(shown)
    expect(entries.map((entry) => entry.id)).toEqual(
      entries.map((entry) => entry.id).toSorted((a, b) => a - b),
    )
    expect(new Book(records).history(id, { limit: 10 }).entries).toEqual(entries)
    expect(book.history(id, { before: entries[2]?.id ?? 0, limit: 1 }).entries).toEqual([entries[1]])
    expect(told.filter((event) => event.type === "notice")).toHaveLength(2)
    expect(book.conversation(id)).toMatchObject({ unread: 0, last: { id: 2 } })
    await chats.remove(id)
    expect(book.history(id, { limit: 10 }).entries).toEqual([])
  })

  it("tell when post-quantum encryption begins and ends, and its end is a warning", async () => {
    const { agent, book, id } = await connected()
    const change = { type: "postQuantumChanged", connectionId: id, receiving: true } as const
    agent.push({ ...change, sending: true }, { ...change, sending: false })
    await vi.waitFor(() => {
      expect(book.conversation(id)?.alert?.code).toBe("POST_QUANTUM_OFF")
    })
    expect(book.history(id, { limit: 10 }).entries).toMatchObject([
      { kind: "postQuantumOn" },
      { kind: "postQuantumOff" },
    ])
    agent.push({ ...change, sending: true })
    await vi.waitFor(() => {
      expect(book.conversation(id)?.alert).toBeUndefined()
    })
    // New keys begin without it, and are the more urgent news.
    agent.push({ type: "ratchetSync", connectionId: id, state: "agreed" }, { ...change, sending: false })
    await vi.waitFor(() => {
      expect(book.history(id, { limit: 1 }).entries).toMatchObject([{ kind: "postQuantumOff" }])
    })
    expect(book.conversation(id)?.alert?.code).toBe("NEW_KEYS")
  })

  it("new keys are never silent: the conversation is not verified any more, and says so", async () => {
    const { agent, book, id } = await connected()
    await book.change(id, { verified: true })
    agent.push({ type: "ratchetSync", connectionId: id, state: "required" })
    await vi.waitFor(() => {
      expect(book.conversation(id)?.alert?.code).toBe("OUT_OF_STEP")
    })
    agent.push({ type: "ratchetSync", connectionId: id, state: "started" })
    await vi.waitFor(() => {
      expect(book.conversation(id)?.alert).toBeUndefined()
    })
    agent.push({ type: "ratchetSync", connectionId: id, state: "agreed", oldCode: "1", newCode: "2" })
    await vi.waitFor(() => {
      expect(book.conversation(id)).toMatchObject({ verified: false, alert: { code: "NEW_KEYS" } })
    })
    agent.push({ type: "ratchetSync", connectionId: id, state: "ok" }, message(id, 1))
    await vi.waitFor(() => {
      expect(book.message(id, 1)).toBeDefined()
    })
    expect(book.conversation(id)?.alert?.code).toBe("NEW_KEYS")
    expect(book.history(id, { limit: 10 }).entries).toMatchObject([
      { kind: "keysAsked" },
      { kind: "newKeys" },
      { id: 1 },
    ])
  })
})

describe("what is beneath a conversation", () => {
  it("is where its messages wait, also while that moves, and how they are protected", async () => {
    const { agent, chats, id } = await connected()
    await chats.move(id)
    expect(agent.moved).toEqual([id])
    agent.receiveQueues = [
      { server: "smp://AAAA@one.example", status: "confirmed" },
      { server: "smp://AAAA@two.example", status: "offered" },
    ]
    expect(await chats.connection(id)).toEqual({
      receiving: [
        { host: "one.example", role: "current" },
        { host: "two.example", role: "next" },
      ],
      sending: [],
      postQuantum: { sending: false, receiving: false },
      code: "12345 67890",
    })
    agent.receiveQueues = [
      { server: "smp://AAAA@two.example", status: "confirmed" },
      { server: "smp://AAAA@one.example", status: "draining" },
    ]
    expect((await chats.connection(id)).receiving).toEqual([
      { host: "two.example", role: "current" },
      { host: "one.example", role: "last" },
    ])
  })
})

describe("a conversation", () => {
  it.each(["NOT_AUTHENTIC", "NO_ANSWER"] as const)("says why it has ended: %s", async (code) => {
    const { agent, book, id } = await connected()
    agent.push({ type: "closed", connectionId: id, code, message: "m" })
    await vi.waitFor(() => {
      expect(book.conversation(id)).toMatchObject({ status: "closed", alert: { code } })
    })
  })

  it("warns of a second answer to its invitation", async () => {
    const { agent, book, id } = await connected()
    agent.push({
      type: "error",
      connectionId: id,
      code: "SECOND_CONFIRMATION",
      message: "m",
      server: undefined,
    })
    await vi.waitFor(() => {
      expect(book.conversation(id)?.alert?.code).toBe("SECOND_CONFIRMATION")
    })
  })

  it("is deleted with its messages, and stays away", async () => {
    const { agent, book, chats, records, told, id } = await connected()
    await chats.send(id, "hello")
    await chats.remove(id)
    expect(agent.deleted).toEqual([id])
    expect(told).toContainEqual({ type: "removed", id })
    agent.push({ type: "closed", connectionId: id, code: "DELETED", message: "m" })
    agent.push(message(id, 9))
    await vi.waitFor(() => {
      expect(agent.acknowledged).toHaveLength(1)
    })
    expect(book.conversations()).toEqual([])
    expect(new Book(records).conversations()).toEqual([])
    expect(book.history(id, { limit: 10 }).entries).toEqual([])
  })

  it("that the book does not know is listed, and one that the agent has lost is ended", async () => {
    const { records, book, id } = await connected()
    await book.change(id, { name: "Ann" })
    const agent = new FakeAgent()
    agent.connections.set("other", "invited")
    const after = await openChats(agent, records)
    expect(after.book.conversation("other")).toMatchObject({ status: "invited", number: 2 })
    expect(after.book.conversation(id)).toMatchObject({ name: "Ann", status: "closed" })
  })
})

describe("the servers", () => {
  it("can be reached when none of them is down", async () => {
    const { agent, told } = await connected()
    const event = (type: "serverUp" | "serverDown", server: string): AgentEvent => ({
      type,
      server,
      connectionIds: [],
    })
    agent.push(event("serverUp", "a"), event("serverDown", "b"), event("serverUp", "b"))
    await vi.waitFor(() => {
      expect(told.filter((one) => one.type === "reach").map(({ reach }) => reach)).toEqual([
        "up",
        "down",
        "up",
      ])
    })
  })
})
