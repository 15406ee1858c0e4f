import { describe, expect, test } from "vitest"
import { sendOneMessage } from "../../src/chat/one-message.ts"
import { CommandError } from "../../src/failure.ts"
import { FakeAgent, messageOf, stateOf } from "../fake-agent.ts"

const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

interface Started {
  readonly agent: FakeAgent
  readonly notices: string[]
  readonly giveUp: () => void
  readonly end: Promise<unknown>
}

function start(link?: string, prepare: (agent: FakeAgent) => void = () => undefined): Started {
  const agent = new FakeAgent()
  prepare(agent)
  const notices: string[] = []
  let giveUp: () => void = () => undefined
  const patience = new Promise<void>((resolve) => {
    giveUp = resolve
  })
  const end = sendOneMessage({
    agent,
    others: new Set(["pipe"]),
    link,
    text: "the backup failed",
    patience,
    onNotice: (line) => notices.push(line),
  }).then(
    () => "sent",
    (error: unknown) => error,
  )
  return { agent, notices, giveUp, end }
}

const conversations = (agent: FakeAgent): void => {
  agent.answers = {
    listConnections: {
      connections: [
        stateOf("c1"),
        stateOf("c2"),
        stateOf("pipe"),
        { ...stateOf("address"), mode: "contact", status: "address" },
      ],
    },
    connectionState: stateOf("c2"),
  }
}
const sends = ({ calls }: FakeAgent): unknown[] =>
  calls.filter(({ method }) => method === "sendMessage").map(({ params }) => params)
const body = new TextEncoder().encode("the backup failed")

describe("one message of a script", () => {
  test("goes into the latest conversation, which is neither a pipe nor an address, and is over when a server has it", async () => {
    const { agent, end } = start(undefined, conversations)
    await settle()
    expect(sends(agent)).toEqual([{ connectionId: "c2", body }])
    agent.push(
      { type: "sent", connectionId: "c1", messageId: 1, server: "smp://one" },
      { type: "sent", connectionId: "c2", messageId: 7, server: "smp://one" },
      { type: "sent", connectionId: "c2", messageId: 1, server: "smp://one" },
    )
    expect(await end).toBe("sent")
  })

  test("leaves what comes in to the chat", async () => {
    const { agent, end } = start(undefined, conversations)
    await settle()
    agent.push(Object.assign(messageOf(new TextEncoder().encode("hello"), 2), { connectionId: "c2" }), {
      type: "sent",
      connectionId: "c2",
      messageId: 1,
      server: "smp://one",
    })
    expect(await end).toBe("sent")
    expect(agent.calls.map(({ method }) => method)).not.toContain("acknowledgeMessage")
  })

  test("joins by a link and waits for the other side; who gives up before that has sent nothing", async () => {
    for (const answered of [true, false]) {
      const { agent, end, notices, giveUp } = start("simplex:/invitation#x", ({ answers }) => {
        answers["connectionState"] = { ...stateOf("c1"), status: "joined" }
      })
      await settle()
      expect(notices).toEqual(["waiting for the other side to answer"])
      expect(sends(agent)).toEqual([])
      if (answered) {
        agent.push({ type: "connected", connectionId: "c1", postQuantum: true })
        await settle()
        expect(sends(agent)).toHaveLength(1)
        agent.push({ type: "sent", connectionId: "c1", messageId: 1, server: "smp://one" })
        expect(await end).toBe("sent")
      } else {
        giveUp()
        expect(await end).toMatchObject({
          code: "FAILED",
          message: expect.stringContaining("nothing was sent") as string,
        })
      }
    }
  })

  test("says that it is kept when no server takes it in time", async () => {
    const { giveUp, end } = start(undefined, conversations)
    await settle()
    giveUp()
    expect(await end).toMatchObject({
      code: "FAILED",
      message: expect.stringContaining("it is kept") as string,
    })
  })

  test("goes on with the conversation that the same link led to before, and with no other for a link that somebody else has used", async () => {
    const used = (connectionId: string | undefined): Error =>
      Object.assign(new Error("used"), { code: "LINK_ALREADY_USED", connectionId })
    const known = start("simplex:/invitation#x", (agent) => {
      conversations(agent)
      agent.answers["joinConnection"] = used("c2")
    })
    await settle()
    expect(sends(known.agent)).toEqual([{ connectionId: "c2", body }])
    known.giveUp()
    await known.end
    const foreign = start("simplex:/invitation#x", (agent) => {
      conversations(agent)
      agent.answers["joinConnection"] = used(undefined)
    })
    expect(await foreign.end).toMatchObject({ code: "LINK_ALREADY_USED" })
    expect(sends(foreign.agent)).toEqual([])
  })

  test("is over with its own message, whatever becomes of an earlier one", async () => {
    const { agent, notices, end } = start(undefined, conversations)
    await settle()
    const { length } = notices
    agent.push(
      {
        type: "failed",
        connectionId: "c2",
        messageId: 7,
        code: "EXPIRED",
        message: "too late",
        server: "smp://one",
      },
      { type: "sent", connectionId: "c2", messageId: 1, server: "smp://one" },
    )
    expect(await end).toBe("sent")
    expect(notices.slice(length)).toEqual(["an earlier message was not delivered (EXPIRED): too late"])
  })

  test("fails where there is no conversation, where it is closed, and where the message is given up", async () => {
    const none = start(undefined, ({ answers }) => {
      answers["listConnections"] = { connections: [] }
    })
    expect(await none.end).toMatchObject({ code: "USAGE" })
    const closed = start(undefined, conversations)
    await settle()
    closed.agent.push({ type: "closed", connectionId: "c2", code: "DELETED", message: "gone" })
    const failed = start(undefined, conversations)
    await settle()
    failed.agent.push({
      type: "failed",
      connectionId: "c2",
      messageId: 1,
      code: "AUTH",
      message: "gone",
      server: "smp://one",
    })
    for (const { end } of [closed, failed]) {
      const error = await end
      expect(error).toBeInstanceOf(CommandError)
      expect(error).toMatchObject({ code: "FAILED" })
    }
  })
})
