import { describe, expect, it } from "vitest"
import { formatLink, parseLink } from "../../src/index.ts"
import { settle, twoPeople } from "../scenario/world.ts"

/** What whoever carries the link can make of it. */
function stripped(link: string): string {
  const parsed = parseLink(link)
  if (parsed.type !== "invitation") throw new Error("not an invitation")
  return formatLink({ ...parsed, parameters: { ...parsed.parameters, kem: undefined } })
}

describe("joining with `postQuantum: required` from a link whose KEM key was taken out (Q6)", () => {
  it("is refused by a maker who requires it as well; what the joiner wanted to say ends as failed", async () => {
    const { alice, bob, one, clock } = await twoPeople("both require it")
    const { link, connectionId } = await alice.agent.createConnection({
      mode: "invitation",
      postQuantum: "required",
    })
    expect(stripped(link)).not.toBe(link)
    const { connectionId: id } = await bob.agent.joinConnection({
      link: stripped(link),
      postQuantum: "required",
    })
    const { messageId } = await bob.agent.sendMessage({ connectionId: id, text: "secret" })
    expect(await alice.next("error")).toMatchObject({ code: "POST_QUANTUM", connectionId })
    const sends: string[] = []
    one.intercept = ({ type }) => {
      if (type === "SEND") sends.push(type)
      return undefined
    }
    await clock.advance(49 * 3600_000)
    expect(sends).toEqual([])
    expect([...alice.of("confirmation"), ...bob.of("connected")]).toEqual([])
    expect(bob.of("failed")).toMatchObject([{ messageId }])
    expect(bob.of("closed")).toMatchObject([{ connectionId: id, code: "NO_ANSWER" }])
    await alice.close()
    await bob.close()
  })

  it("holds what the joiner says until both directions are hybrid, where the maker takes part", async () => {
    const { alice, bob } = await twoPeople("only the joiner")
    const { link, connectionId } = await alice.agent.createConnection({ mode: "invitation" })
    const { connectionId: id } = await bob.agent.joinConnection({
      link: stripped(link),
      postQuantum: "required",
    })
    const held = await bob.agent.sendMessage({ connectionId: id, text: "secret" })
    expect(held.postQuantum).toBe(true)
    const { confirmationId } = await alice.next("confirmation")
    await settle(20)
    expect([...alice.of("message"), ...bob.of("sent")]).toEqual([])
    await alice.agent.allowConnection({ connectionId, confirmationId })
    expect(await alice.next("message")).toMatchObject({ text: "secret", postQuantum: true })
    await alice.close()
    await bob.close()
  })

  it("never says anything to a maker who does not take part", async () => {
    const { alice, bob, clock } = await twoPeople("the maker does not")
    const { link, connectionId } = await alice.agent.createConnection({
      mode: "invitation",
      postQuantum: "off",
    })
    const { connectionId: id } = await bob.agent.joinConnection({ link, postQuantum: "required" })
    const { messageId } = await bob.agent.sendMessage({ connectionId: id, text: "secret" })
    const { confirmationId } = await alice.next("confirmation")
    await alice.agent.allowConnection({ connectionId, confirmationId })
    await bob.next("connected")
    await alice.agent.sendMessage({ connectionId, text: "plain" })
    expect(await bob.next("error")).toMatchObject({ code: "POST_QUANTUM" })
    await clock.advance(49 * 3600_000)
    expect(alice.of("message")).toEqual([])
    expect(bob.of("message")).toEqual([])
    expect(bob.of("failed")).toMatchObject([{ messageId, code: "POST_QUANTUM" }])
    await alice.close()
    await bob.close()
  })
})
