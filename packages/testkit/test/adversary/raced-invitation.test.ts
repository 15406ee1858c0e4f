import { toBase64Url, utf8 } from "@smpkit/codec"
import { describe, expect, test } from "vitest"
import { EveJoiner } from "../../src/eve-joiner.ts"
import { connect, until, world } from "./person.ts"

describe("security.md Q4: more than one party answers a link", () => {
  test("a second confirmation with other keys is an error, and nothing is allowed before the application has chosen", async () => {
    await using w = await world("raced")
    const { alice, bob, one, two, random } = w
    const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
    const eve = new EveJoiner(link, { replyServer: two.address, random })
    await one.inject(eve.senderId, eve.confirmation(utf8("Eve")))
    const first = await alice.next("confirmation")
    const joined = await bob.agent.joinConnection({ link, info: utf8("bob") })
    expect(await alice.next("error")).toMatchObject({ connectionId, code: "SECOND_CONFIRMATION" })
    const second = await alice.next("confirmation", 1)
    expect([first.info, second.info]).toEqual([utf8("Eve"), utf8("bob")])

    const allow = (confirmationId: string): Promise<object> =>
      alice.agent.allowConnection({ connectionId, confirmationId })
    await expect(allow(first.confirmationId)).rejects.toMatchObject({ code: "SECOND_CONFIRMATION" })
    expect(two.bodies()).toEqual([])
    // The application has asked its user, and chooses.
    await allow(second.confirmationId)
    await bob.next("connected")
    await alice.next("connected")
    expect(await alice.code(connectionId)).toBe(await bob.code(joined.connectionId))
    await alice.agent.sendMessage({ connectionId, text: "for Bob" })
    expect(await bob.read(1)).toEqual([{ text: "for Bob", integrity: { type: "ok" } }])
  })

  test("a second confirmation after the choice is an error that asks for the security code, and changes nothing", async () => {
    await using w = await world("late racer")
    const { link, ...ids } = await connect(w.alice, w.bob)
    const before = await w.alice.code(ids.alice)
    const eve = new EveJoiner(link, { replyServer: w.two.address, random: w.random })
    await w.one.inject(eve.senderId, eve.confirmation(utf8("Eve")))
    const error = await w.alice.next("error")
    expect(error.code).toBe("SECOND_CONFIRMATION")
    expect(error.message).toMatch(/Compare the security code/)
    expect(w.alice.of("confirmation")).toHaveLength(1)
    expect(await w.alice.code(ids.alice)).toBe(before)
    await w.bob.agent.sendMessage({ connectionId: ids.bob, text: "from Bob" })
    expect(await w.alice.read(1)).toEqual([{ text: "from Bob", integrity: { type: "ok" } }])
  })

  test("the same confirmation again is nothing", async () => {
    await using w = await world("same again")
    const { connectionId, link } = await w.alice.agent.createConnection({ mode: "invitation" })
    await w.bob.agent.joinConnection({ link })
    const { confirmationId } = await w.alice.next("confirmation")
    const [body] = w.one.bodies()
    const [queue] = await w.one.senderIds()
    if (body === undefined || queue === undefined) throw new Error("no confirmation")
    await w.one.inject(queue, body)
    await w.alice.agent.allowConnection({ connectionId, confirmationId })
    await w.bob.next("connected")
    expect(w.alice.of("error")).toEqual([])
    expect(w.alice.of("confirmation")).toHaveLength(1)
  })

  test("a second joiner gets LINK_ALREADY_USED, and does not try other keys", async () => {
    await using w = await world("second joiner")
    const { link } = await w.alice.agent.createConnection({ mode: "invitation" })
    await w.bob.agent.joinConnection({ link })
    const carol = await w.another("carol")
    await expect(carol.agent.joinConnection({ link })).rejects.toMatchObject({ code: "LINK_ALREADY_USED" })
    const attempts = w.one.of("SKEY")
    expect(new Set(attempts.map(({ command }) => toBase64Url(command.senderKey.raw))).size).toBe(2)
    expect(attempts).toHaveLength(2)
    expect((await carol.agent.listConnections()).connections).toEqual([])
  })

  test("security.md Q5: an invited peer that skips and skips costs a bounded number of keys", async () => {
    await using w = await world("hostile peer")
    const { alice, one, two, random } = w
    const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
    const eve = new EveJoiner(link, { replyServer: two.address, random })
    two.intercept = ({ entityId }) =>
      toBase64Url(entityId) === toBase64Url(eve.replyId) ? { type: "OK" } : undefined
    await one.inject(eve.senderId, eve.confirmation(utf8("Eve")))
    const { confirmationId } = await alice.next("confirmation")
    await alice.agent.allowConnection({ connectionId, confirmationId })
    await alice.next("connected")
    // Five times as much as one call may pass over: more than a connection keeps.
    for (let i = 0; i < 5; i++) {
      eve.skip(511)
      await one.inject(eve.senderId, eve.message({ type: "A_MSG", body: utf8(`after gap ${i}`) }))
      expect((await alice.read(i + 1)).at(-1)).toMatchObject({
        text: `after gap ${i}`,
        integrity: { type: "skipped" },
      })
    }
    const errors = alice.of("error").length
    eve.skip(600)
    await one.inject(eve.senderId, eve.message({ type: "A_MSG", body: utf8("too far") }))
    expect((await alice.next("error", errors)).code).toBe("A_CRYPTO")
    expect(alice.of("message")).toHaveLength(5)
    // Sending never stops because of what comes in.
    const before = two.bodies(eve.replyId).length
    await alice.agent.sendMessage({ connectionId, text: "still sending" })
    await until("the message is at the server", () => two.bodies(eve.replyId).length > before)
  })
})
