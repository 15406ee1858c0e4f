import { describe, expect, it } from "vitest"
import { AgentError } from "../../src/index.ts"
import { connect, settle, twoPeople, utf8 } from "./world.ts"

const world = twoPeople

describe("two agents", () => {
  it("connect in the fast way and talk", async () => {
    const { alice, bob, one, two } = await world("fast")
    const ids = await connect(alice, bob)
    expect(alice.of("confirmation")[0]?.info).toEqual(utf8("bob"))
    expect(bob.of("info")[0]?.info).toEqual(utf8("alice"))
    const sent = await alice.agent.sendMessage({ connectionId: ids.alice, text: "hello" })
    const message = await bob.next("message")
    expect(message).toMatchObject({ body: utf8("hello"), integrity: { type: "ok" }, redelivered: false })
    expect((await alice.next("sent")).messageId).toBe(sent.messageId)
    await bob.agent.acknowledgeMessage({ connectionId: ids.bob, messageId: message.messageId })
    await bob.agent.sendMessage({ connectionId: ids.bob, text: "hi" })
    const answer = await alice.next("message")
    expect(answer).toMatchObject({ body: utf8("hi"), integrity: { type: "ok" } })
    const codes = await Promise.all([
      alice.agent.securityCode({ connectionId: ids.alice }),
      bob.agent.securityCode({ connectionId: ids.bob }),
    ])
    expect(codes[0]).toEqual(codes[1])
    expect(codes[0].code).toMatch(/^(\d{5} ){15}\d{5}$/)
    expect(one.log).not.toContain("KEY")
    expect([...one.log, ...two.log].filter((c) => c === "SKEY")).toHaveLength(2)
    await settle()
    await alice.close()
    await bob.close()
  })
  it.each([
    ["the initiator's", true, false],
    ["the joiner's", false, true],
    ["neither", true, true],
  ])("connect in the slow way where %s queue lets its sender set the key", async (_, first, second) => {
    const { alice, bob, one, two, clock } = await world(`slow ${String(first)} ${String(second)}`)
    one.slow = first
    two.slow = second
    const ids = await connect(alice, bob)
    const hellos = [...one.log, ...two.log].filter((c) => c === "SEND").length - 2
    expect(hellos).toBe(second ? 2 : 0)
    expect([...one.log, ...two.log].filter((c) => c === "KEY")).toHaveLength(Number(first) + Number(second))
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "hello" })
    await bob.agent.sendMessage({ connectionId: ids.bob, text: "hi" })
    expect((await bob.next("message")).integrity).toEqual({ type: "ok" })
    expect((await alice.next("message")).integrity).toEqual({ type: "ok" })
    expect([...alice.of("error"), ...bob.of("error"), ...alice.of("failed"), ...bob.of("failed")]).toEqual([])
    await clock.advance(0)
    await alice.close()
    await bob.close()
  })

  it.each([
    [18, "x25519"],
    [8, "x25519"],
    [6, "ed25519"],
  ] as const)(
    "where the server of a slow queue speaks version %i, its sender's key is %s",
    async (v, alg) => {
      const { alice, bob, one, two } = await world(`sender key ${v}`)
      for (const server of [one, two]) {
        server.slow = true
        server.version = v
      }
      const ids = await connect(alice, bob)
      expect([...one.senderKeys, ...two.senderKeys]).toEqual([alg, alg])
      await alice.agent.sendMessage({ connectionId: ids.alice, text: "hello" })
      await bob.agent.sendMessage({ connectionId: ids.bob, text: "hi" })
      await Promise.all([bob.next("message"), alice.next("message")])
      await alice.close()
      await bob.close()
    },
  )

  it("choose the key for a slow queue once, though the server cannot be reached at first and then falls back", async () => {
    const { alice, bob, one, two, clock } = await world("late key")
    one.slow = two.slow = true
    const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
    one.down = true
    one.drop()
    await bob.agent.joinConnection({ link })
    await bob.restart()
    await clock.advance(1000)
    expect(one.senderKeys).toEqual([])
    one.down = false
    // The first session learns the version and is lost before the confirmation was kept.
    one.intercept = (command) => (command.type === "SEND" ? "drop" : undefined)
    await clock.advance(10_000)
    one.intercept = () => undefined
    one.version = 6
    one.drop()
    await clock.advance(100_000)
    const { confirmationId } = await alice.next("confirmation")
    await alice.agent.allowConnection({ connectionId, confirmationId })
    await clock.advance(60_000)
    expect(one.senderKeys).toEqual(["x25519"])
    // HELLO needs an authenticator, which a server of version 6 does not take.
    expect(bob.of("connected")).toEqual([])
    one.version = 18
    one.drop()
    await clock.advance(200_000)
    await bob.next("connected")
    expect(one.senderKeys).toEqual(["x25519"])
    await alice.close()
    await bob.close()
  })

  it("say that a server is too old, and what to do", async () => {
    const { alice, bob, one, two, clock } = await world("too old")
    one.tooOld = true
    one.drop()
    await expect(alice.agent.createConnection({ mode: "invitation" })).rejects.toMatchObject({
      code: "SERVER_VERSION",
      message: expect.stringContaining("use another server") as string,
    })
    one.tooOld = false
    await clock.advance(1000)
    await bob.agent.setServers({ servers: [] })
    const { link } = await alice.agent.createConnection({ mode: "invitation" })
    one.tooOld = true
    await expect(bob.agent.joinConnection({ link })).rejects.toMatchObject({ code: "SERVER_VERSION" })
    expect(two.log).toEqual([])
    await alice.restart()
    expect(await alice.next("error")).toMatchObject({ code: "SERVER_VERSION", connectionId: undefined })
    await alice.close()
    await bob.close()
  })

  it("connect also where the joiner was given no server: its queue is beside the initiator's, and the server stays unknown", async () => {
    const { alice, bob, one, two } = await world("no server of its own")
    await bob.agent.setServers({ servers: [] })
    const ids = await connect(alice, bob)
    await bob.agent.sendMessage({ connectionId: ids.bob, text: "hello" })
    expect((await alice.next("message")).body).toEqual(utf8("hello"))
    expect(await bob.agent.getServers()).toEqual({ servers: [] })
    expect([one, two].map((server) => server.log.filter((c) => c === "NEW").length)).toEqual([2, 0])
    await expect(bob.agent.createConnection({ mode: "invitation" })).rejects.toMatchObject({
      code: "NO_SERVER",
    })
    await alice.close()
    await bob.close()
  })

  it("find an info that is too long before the link is used up", async () => {
    const { alice, bob, one, two } = await world("long info")
    const { link } = await alice.agent.createConnection({ mode: "invitation" })
    const join = (length: number): Promise<unknown> =>
      bob.agent.joinConnection({ link, info: new Uint8Array(length).fill(7) })
    await expect(join(15_000)).rejects.toMatchObject({ code: "LARGE" })
    const connecting = [...one.log, ...two.log].filter((c) => c === "SKEY" || c === "SEND")
    expect(connecting).toEqual([])
    expect(await bob.agent.listConnections()).toEqual({ connections: [] })
    await join(10_000)
    expect((await alice.next("confirmation")).info).toHaveLength(10_000)
    await alice.close()
    await bob.close()
  })

  it("may talk before the initiator has answered, and not before that in the slow way", async () => {
    const { alice, bob, two } = await world("early")
    const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
    const joined = await bob.agent.joinConnection({ link })
    await bob.agent.sendMessage({ connectionId: joined.connectionId, text: "early" })
    const early = await alice.next("message")
    expect(early).toMatchObject({ connectionId, body: utf8("early"), integrity: { type: "ok" } })
    await alice.agent.acknowledgeMessage({ connectionId, messageId: early.messageId, receipt: true })
    const { confirmationId } = await alice.next("confirmation")
    await alice.agent.allowConnection({ connectionId, confirmationId })
    await bob.next("connected")
    await bob.agent.sendMessage({ connectionId: joined.connectionId, text: "late" })
    expect(await alice.next("message", 1)).toMatchObject({ integrity: { type: "ok" } })

    two.slow = true
    const second = await alice.agent.createConnection({ mode: "invitation" })
    const slow = await bob.agent.joinConnection({ link: second.link })
    await expect(
      bob.agent.sendMessage({ connectionId: slow.connectionId, text: "early" }),
    ).rejects.toMatchObject({
      code: "NOT_CONNECTED",
    })
    await alice.close()
    await bob.close()
  })

  it("refuse a link that was used, by others and by themselves", async () => {
    const { alice, bob } = await world("used")
    const { link } = await alice.agent.createConnection({ mode: "invitation" })
    await bob.agent.joinConnection({ link })
    await expect(bob.agent.joinConnection({ link })).rejects.toMatchObject({ code: "LINK_ALREADY_USED" })
    await expect(alice.agent.joinConnection({ link })).rejects.toMatchObject({ code: "LINK_ALREADY_USED" })
    const { bob: carol } = await world("used too").then(async (other) => {
      await other.bob.close()
      await other.alice.close()
      return { bob: await bob.another("carol") }
    })
    await expect(carol.agent.joinConnection({ link })).rejects.toMatchObject({ code: "LINK_ALREADY_USED" })
    expect((await carol.agent.listConnections()).connections).toEqual([])
    for (const person of [alice, bob, carol]) await person.close()
  })

  it("join again with the same keys after the network broke at any command", async () => {
    for (const command of ["SKEY", "NEW"]) {
      const { alice, bob, one, two } = await world(`broken ${command}`)
      const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
      let broken = false
      for (const server of [one, two]) {
        server.intercept = ({ type }) => {
          if (broken || type !== command) return undefined
          broken = true
          return "lose-answer"
        }
      }
      await expect(bob.agent.joinConnection({ link })).rejects.toMatchObject({ code: "NETWORK" })
      const joined = await bob.agent.joinConnection({ link })
      const { confirmationId } = await alice.next("confirmation")
      await alice.agent.allowConnection({ connectionId, confirmationId })
      expect((await bob.next("connected")).connectionId).toBe(joined.connectionId)
      expect((await bob.agent.listConnections()).connections).toHaveLength(1)
      await alice.close()
      await bob.close()
    }
  })

  it("go on joining by themselves when the network is back, with the same keys; the call may be repeated", async () => {
    const { alice, bob, one, two, clock } = await world("joins by itself")
    const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
    two.down = true
    two.drop()
    const failure: unknown = await bob.agent.joinConnection({ link }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: "NETWORK" })
    const [joining] = (await bob.agent.listConnections()).connections
    expect(failure).toMatchObject({ connectionId: joining?.connectionId })
    await clock.advance(20_000)
    // As after a crash.
    await bob.restart()
    await clock.advance(20_000)
    await expect(bob.agent.joinConnection({ link })).rejects.toMatchObject({ code: "NETWORK" })
    two.down = false
    await clock.advance(120_000)
    const { confirmationId } = await alice.next("confirmation")
    await alice.agent.allowConnection({ connectionId, confirmationId })
    expect((await bob.next("connected")).connectionId).toBe(joining?.connectionId)
    expect(one.senderKeys).toHaveLength(1)
    expect(await bob.agent.joinConnection({ link })).toEqual({ connectionId: joining?.connectionId })
    await expect(bob.agent.joinConnection({ link })).rejects.toMatchObject({ code: "LINK_ALREADY_USED" })
    await alice.close()
    await bob.close()
  })

  it("give a join up after 48 hours, or when somebody else was faster", async () => {
    const { alice, bob, one, clock } = await world("joins in vain")
    const first = await alice.agent.createConnection({ mode: "invitation" })
    const second = await alice.agent.createConnection({ mode: "invitation" })
    one.down = true
    one.drop()
    await expect(bob.agent.joinConnection({ link: first.link })).rejects.toMatchObject({ code: "NETWORK" })
    await clock.advance(49 * 3600_000)
    expect(await bob.next("closed")).toMatchObject({ code: "EXPIRED" })
    await expect(bob.agent.joinConnection({ link: second.link })).rejects.toMatchObject({ code: "NETWORK" })
    one.down = false
    one.intercept = ({ type }) => (type === "SKEY" ? { type: "ERR", error: { type: "AUTH" } } : undefined)
    await clock.advance(10_000)
    expect(await bob.next("closed", 1)).toMatchObject({ code: "LINK_ALREADY_USED" })
    expect((await bob.agent.listConnections()).connections).toEqual([])
    await alice.close()
    await bob.close()
  })

  it("keep a connection to a server as long as a queue there needs it", async () => {
    const { alice, bob, one, two, clock } = await world("released")
    const first = await connect(alice, bob)
    const second = await connect(alice, bob)
    const open = (): number[] => [one, two].map(({ sessionCount }) => sessionCount)
    // Each receives at its own server and sends to the other.
    expect(open()).toEqual([2, 2])
    await alice.agent.deleteConnection({ connectionId: first.alice })
    await bob.agent.deleteConnection({ connectionId: first.bob })
    await clock.advance(1000)
    expect(open()).toEqual([2, 2])
    await alice.agent.sendMessage({ connectionId: second.alice, text: "still here" })
    await bob.next("message")
    await alice.agent.deleteConnection({ connectionId: second.alice })
    await clock.advance(1000)
    expect(open()).toEqual([1, 1])
    await bob.agent.deleteConnection({ connectionId: second.bob })
    await clock.advance(1000)
    expect(open()).toEqual([0, 0])
    expect([...one.queues, ...two.queues]).toEqual([])
    expect([...alice.of("serverDown"), ...bob.of("serverDown")]).toEqual([])
    // And is made again when there is something to do.
    await connect(alice, bob)
    expect(open()).toEqual([2, 2])
    await alice.close()
    await bob.close()
  })

  it("say what this release cannot do", async () => {
    const { alice, bob } = await world("not yet")
    const calls: [string, () => Promise<unknown>][] = [
      ["BAD_PARAMETER", () => alice.agent.createConnection({ mode: "invitation", userData: utf8("") })],
      ["LINK", () => alice.agent.joinConnection({ link: "simplex:/invitation" })],
      ["NOT_FOUND", () => alice.agent.sendMessage({ connectionId: "none", text: "" })],
      ["BAD_PARAMETER", () => alice.agent.setServers({ servers: ["http://one.example"] })],
    ]
    for (const [code, call] of calls) {
      const error: unknown = await call().catch((e: unknown) => e)
      expect(error).toBeInstanceOf(AgentError)
      expect(error).toMatchObject({ code })
    }
    const { connectionId } = await alice.agent.createConnection({ mode: "invitation", postQuantum: "on" })
    await expect(alice.agent.connectionState({ connectionId })).resolves.toMatchObject({
      status: "invited",
      postQuantum: { setting: "on", sending: false, receiving: false },
    })
    await settle()
    await alice.close()
    await bob.close()
  })
})
