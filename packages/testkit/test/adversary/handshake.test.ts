import { toBase64Url, utf8 } from "@smpkit/codec"
import { describe, expect, test } from "vitest"
import type { EveServer } from "../../src/eve-server.ts"
import { EveJoiner } from "../../src/eve-joiner.ts"
import { found } from "./canary.ts"
import { connect, until, world } from "./person.ts"

const typesOf = (server: EveServer): string[] => server.commands.map(({ command }) => command.type)

describe("note N2: the handshake that starts out of band", () => {
  test("the note's eight steps, over two of Eve's servers, show her no plaintext", async () => {
    await using w = await world("eight steps")
    const { alice, bob, one, two } = w
    const canaries = {
      aliceInfo: "alice-info-8d41",
      bobInfo: "bob-info-52c7",
      hello: "hello-0f93",
      answer: "answer-b6e8",
    }
    // 1, 2: A makes key pairs and the queue BAq.
    const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
    expect(typesOf(one)).toEqual(["NEW"])
    // 3: Apub and BAq travel out of band; nothing of the keys went through the server.
    const e2e = /e2e=([^&]*)/.exec(decodeURIComponent(link))?.[1] ?? ""
    expect(e2e).not.toBe("")
    expect(found(e2e, one.seen)).toEqual([])
    // 4, 5: B makes his key pairs and ABq, and answers over BAq, encrypted to Apub.
    const joined = await bob.agent.joinConnection({ link, info: utf8(canaries.bobInfo) })
    expect(typesOf(two)).toEqual(["NEW"])
    // 6: A decrypts the answer, and her user decides.
    const confirmation = await alice.next("confirmation")
    expect(confirmation.info).toEqual(utf8(canaries.bobInfo))
    await alice.agent.allowConnection({
      connectionId,
      confirmationId: confirmation.confirmationId,
      info: utf8(canaries.aliceInfo),
    })
    // 7: A answers over ABq; B decrypts, so he knows that A made the link.
    await bob.next("connected")
    await alice.next("connected")
    expect(bob.of("info")[0]?.info).toEqual(utf8(canaries.aliceInfo))
    // 8: both talk.
    await alice.agent.sendMessage({ connectionId, text: canaries.hello })
    expect(await bob.read(1)).toEqual([{ text: canaries.hello, integrity: { type: "ok" } }])
    await bob.agent.sendMessage({ connectionId: joined.connectionId, text: canaries.answer })
    expect(await alice.read(1)).toEqual([{ text: canaries.answer, integrity: { type: "ok" } }])

    const seen = [...one.seen, ...two.seen]
    expect(one.bodies()).toHaveLength(2)
    expect(two.bodies()).toHaveLength(2)
    for (const canary of Object.values(canaries)) expect(found(canary, seen)).toEqual([])
    // The search finds what is there: a command's tag in the contents, an id in base64url.
    expect(found("SKEY", seen)).toEqual(["raw"])
    expect(await alice.code(connectionId)).toBe(await bob.code(joined.connectionId))
  })

  test("every body on the wire has one of two sizes", async () => {
    await using w = await world("sizes")
    const ids = await connect(w.alice, w.bob)
    for (const text of ["", "short", "x".repeat(13_000)])
      await w.alice.agent.sendMessage({ connectionId: ids.alice, text })
    await w.bob.read(3)
    const sizes = (server: EveServer): number[] => [...new Set(server.bodies().map(({ length }) => length))]
    const [first, later] = sizes(w.two)
    expect(sizes(w.two)).toHaveLength(2)
    expect(sizes(w.one)).toEqual([first])
    expect(later).toBeGreaterThan(15_000)
  })
})

describe("note N3: Eve reads the link and controls both servers", () => {
  test("she can pose as B to A, and then the security codes differ", async () => {
    await using w = await world("poses as B")
    const { alice, bob, one, two, random } = w
    const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
    const eve = new EveJoiner(link, { replyServer: two.address, random })
    // Her server lets Bob believe that all is well, keeps his answer, and has a queue for her that nobody made.
    one.intercept = ({ command, session }) =>
      session > 0 && ["SKEY", "SEND"].includes(command.type) ? { type: "OK" } : undefined
    two.intercept = ({ entityId }) =>
      toBase64Url(entityId) === toBase64Url(eve.replyId) ? { type: "OK" } : undefined
    const joined = await bob.agent.joinConnection({ link, info: utf8("I am Bob") })
    await until("Eve has Bob's answer", () => one.bodies().length === 1)

    await one.inject(eve.senderId, eve.confirmation(utf8("I am Bob")))
    const confirmation = await alice.next("confirmation")
    expect(confirmation.info).toEqual(utf8("I am Bob"))
    await alice.agent.allowConnection({
      connectionId,
      confirmationId: confirmation.confirmationId,
      info: utf8("I am Alice"),
    })
    await alice.next("connected")
    expect(alice.of("error")).toEqual([])
    await alice.agent.sendMessage({ connectionId, text: "for Bob alone" })
    await until("Alice has sent two", () => two.bodies(eve.replyId).length === 2)
    const [answer, message] = two.bodies(eve.replyId).map((body) => eve.open(body))
    expect(answer).toEqual({ type: "AgentConnInfo", info: utf8("I am Alice") })
    expect(message).toMatchObject({ message: { type: "A_MSG", body: utf8("for Bob alone") } })

    const codes = {
      alice: await alice.code(connectionId),
      bob: await bob.code(joined.connectionId),
      eve: eve.securityCode,
    }
    expect(codes.alice).toMatch(/^(\d{5} ){15}\d{5}$/)
    expect(codes.alice).toBe(codes.eve)
    expect(codes.alice).not.toBe(codes.bob)
    expect(bob.of("connected")).toEqual([])
  })

  test("without Eve the codes are equal", async () => {
    await using w = await world("no Eve")
    const ids = await connect(w.alice, w.bob)
    expect(await w.alice.code(ids.alice)).toBe(await w.bob.code(ids.bob))
  })
})
