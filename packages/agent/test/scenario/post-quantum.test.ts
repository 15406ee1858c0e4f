import { describe, expect, it } from "vitest"
import { parseLink, type PostQuantumSetting } from "../../src/index.ts"
import { getRecord, putRecord, tables } from "../../src/records.ts"
import { connect, openStore, type Person, seededRandom, settle, twoPeople, utf8 } from "./world.ts"

const hybrid = { sending: true, receiving: true }
const plain = { sending: false, receiving: false }

async function directions(person: Person, connectionId: string): Promise<unknown> {
  const { sending, receiving } = (await person.agent.connectionState({ connectionId })).postQuantum
  return { sending, receiving }
}

interface Settings {
  readonly alice?: PostQuantumSetting
  readonly bob?: PostQuantumSetting
  readonly short?: boolean
}

async function connectWith(
  alice: Person,
  bob: Person,
  settings: Settings,
): Promise<{ alice: string; bob: string }> {
  const { link, shortLink, connectionId } = await alice.agent.createConnection({
    mode: "invitation",
    ...(settings.alice && { postQuantum: settings.alice }),
    ...(settings.short && { short: true }),
  })
  const joined = await bob.agent.joinConnection({
    link: shortLink ?? link,
    ...(settings.bob && { postQuantum: settings.bob }),
  })
  const { confirmationId } = await alice.next("confirmation")
  await alice.agent.allowConnection({ connectionId, confirmationId })
  await alice.next("connected")
  await bob.next("connected")
  return { alice: connectionId, bob: joined.connectionId }
}

/** Messages there and back; whether each was hybrid when it was sent and when it came. */
async function talk(people: readonly [Person, string][], turns: number): Promise<string> {
  let seen = ""
  for (let turn = 0; turn < turns; turn++) {
    const [from, to] = turn % 2 === 0 ? [people[0], people[1]] : [people[1], people[0]]
    if (from === undefined || to === undefined) throw new Error("two people")
    const before = to[0].of("message").length
    const { postQuantum } = await from[0].agent.sendMessage({ connectionId: from[1], text: `turn ${turn}` })
    const message = await to[0].next("message", before)
    expect(message.postQuantum).toBe(postQuantum)
    await to[0].agent.acknowledgeMessage(message)
    seen += postQuantum ? "H" : "-"
  }
  return seen
}

/** As a release or a peer that changes its mind. */
async function switchOff(person: Person, connectionId: string): Promise<void> {
  await person.close()
  const store = await openStore(person.raw, seededRandom("off"))
  const connection = getRecord(store, tables.connection, connectionId)
  if (connection === undefined) throw new Error("no connection")
  await store.update((tx) => {
    putRecord(tx, tables.connection, connectionId, { ...connection, postQuantum: "off" as const })
  })
  await store.close()
  await person.restart()
}

describe("post-quantum encryption", () => {
  it.each([
    { name: "by a long link", settings: {}, atOnce: false },
    { name: "by a short link", settings: { short: true }, atOnce: true },
    { name: "required by the maker of a long link", settings: { alice: "required" }, atOnce: true },
    { name: "required by the joiner", settings: { bob: "required" }, atOnce: false },
    { name: "required by both", settings: { alice: "required", bob: "required" }, atOnce: true },
  ] as const)("is on from the first message on, $name", async ({ settings, atOnce }) => {
    const { alice, bob } = await twoPeople("hybrid")
    const ids = await connectWith(alice, bob, settings)
    expect(alice.of("confirmation")).toMatchObject([{ postQuantum: true }])
    expect(alice.of("connected")).toMatchObject([{ postQuantum: true }])
    expect(bob.of("connected")).toMatchObject([{ postQuantum: true }])
    expect(await directions(bob, ids.bob)).toEqual(hybrid)
    expect(await directions(alice, ids.alice)).toEqual({ sending: true, receiving: atOnce })
    expect(await alice.agent.securityCode({ connectionId: ids.alice })).toMatchObject({ postQuantum: atOnce })
    const people = [
      [bob, ids.bob],
      [alice, ids.alice],
    ] as const
    expect(await talk([[...people[0]], [...people[1]]], 5)).toBe("HHHHH")
    expect(await directions(alice, ids.alice)).toEqual(hybrid)
    expect(await directions(bob, ids.bob)).toEqual(hybrid)
    expect(alice.of("postQuantumChanged")).toEqual(
      atOnce ? [] : [{ type: "postQuantumChanged", connectionId: ids.alice, ...hybrid }],
    )
    expect(bob.of("postQuantumChanged")).toEqual([])
    expect([...alice.of("error"), ...bob.of("error")]).toEqual([])
    const codes = await Promise.all(
      people.map(([person, connectionId]) => person.agent.securityCode({ connectionId })),
    )
    expect(codes[0]).toEqual(codes[1])
    expect(codes[0]?.postQuantum).toBe(true)
    await alice.close()
    await bob.close()
  })

  it.each([
    { alice: "off" },
    { bob: "off" },
    { alice: "off", bob: "off" },
    { bob: "off", short: true },
  ] as const)("is off where either side has it off: %o", async (settings) => {
    const { alice, bob } = await twoPeople("off")
    const ids = await connectWith(alice, bob, settings)
    expect(alice.of("confirmation")).toMatchObject([{ postQuantum: false }])
    expect(alice.of("connected")).toMatchObject([{ postQuantum: false }])
    expect(bob.of("connected")).toMatchObject([{ postQuantum: false }])
    expect(
      await talk(
        [
          [alice, ids.alice],
          [bob, ids.bob],
        ],
        6,
      ),
    ).toBe("------")
    expect(await directions(alice, ids.alice)).toEqual(plain)
    expect([...alice.of("postQuantumChanged"), ...bob.of("postQuantumChanged")]).toEqual([])
    await alice.close()
    await bob.close()
  })

  it("has its key in the link only where there is room for it, or where it is required", async () => {
    const { alice, bob } = await twoPeople("links")
    const long = async (postQuantum: PostQuantumSetting, short: boolean): Promise<boolean> => {
      const { link } = await alice.agent.createConnection({ mode: "invitation", postQuantum, short })
      const parsed = parseLink(link)
      return parsed.type === "invitation" && parsed.parameters.kem !== undefined
    }
    expect(await long("on", false)).toBe(false)
    expect(await long("on", true)).toBe(false)
    expect(await long("off", true)).toBe(false)
    expect(await long("required", false)).toBe(true)
    await alice.close()
    await bob.close()
  })

  it("makes the room in a message smaller", async () => {
    const { alice, bob } = await twoPeople("room")
    const ids = await connectWith(alice, bob, { alice: "off", bob: "off" })
    const send = (length: number): Promise<unknown> =>
      alice.agent.sendMessage({ connectionId: ids.alice, body: new Uint8Array(length) })
    await expect(send(15_796)).rejects.toMatchObject({
      code: "LARGE",
      message: expect.stringContaining("15795") as string,
    })
    await send(15_795)
    expect((await bob.next("message")).body).toHaveLength(15_795)
    await alice.close()
    await bob.close()
  })

  it("is still on after a restart of both sides", async () => {
    const { alice, bob } = await twoPeople("restart")
    const ids = await connect(alice, bob)
    await bob.agent.sendMessage({ connectionId: ids.bob, text: "before" })
    await alice.next("message")
    await alice.restart()
    await bob.restart()
    const again = await alice.next("message", 1)
    expect(again).toMatchObject({ redelivered: true, postQuantum: true })
    await alice.agent.acknowledgeMessage(again)
    expect(await directions(alice, ids.alice)).toEqual(hybrid)
    expect(await directions(bob, ids.bob)).toEqual(hybrid)
    await alice.close()
    await bob.close()
  })

  it("is on for those who asked at an address, as the address says", async () => {
    const { alice, bob } = await twoPeople("address")
    for (const [round, postQuantum] of (["on", "required", "off"] as const).entries()) {
      const address = await alice.agent.createConnection({ mode: "contact", postQuantum })
      const asked = await bob.agent.joinConnection({ link: address.link })
      const request = await alice.next("contactRequest", round)
      expect(request.postQuantum).toBe(true)
      await alice.agent.acceptContact(request)
      const { connectionId, confirmationId } = await bob.next("confirmation", round)
      await bob.agent.allowConnection({ connectionId, confirmationId })
      await bob.next("connected", round)
      await alice.next("connected", round)
      const on = postQuantum === "off" ? plain : hybrid
      expect(await directions(bob, asked.connectionId)).toEqual(on)
    }
    await alice.close()
    await bob.close()
  })

  it("that is required holds messages until both directions are hybrid, also across a restart", async () => {
    const { alice, bob, clock } = await twoPeople("held")
    const { link, connectionId } = await alice.agent.createConnection({ mode: "invitation" })
    const joined = await bob.agent.joinConnection({ link, postQuantum: "required" })
    const ids = { alice: connectionId, bob: joined.connectionId }
    const first = await bob.agent.sendMessage({ connectionId: ids.bob, text: "held one" })
    await bob.agent.sendMessage({ connectionId: ids.bob, text: "held two" })
    await expect(
      bob.agent.sendMessage({ connectionId: ids.bob, body: new Uint8Array(13_574) }),
    ).rejects.toMatchObject({ code: "LARGE" })
    await settle(30)
    expect(alice.texts()).toEqual([])
    await bob.restart()
    await bob.agent.sendMessage({ connectionId: ids.bob, text: "held three" })
    expect((await bob.agent.connectionState({ connectionId: ids.bob })).unsent).toBe(3)
    const { confirmationId } = await alice.next("confirmation")
    await alice.agent.allowConnection({ connectionId, confirmationId })
    for (let i = 0; i < 20 && alice.texts().length < 3; i++) await clock.advance(100)
    expect(alice.texts()).toEqual(["held one", "held two", "held three"])
    expect(
      alice.of("message").every(({ postQuantum, integrity }) => postQuantum && integrity.type === "ok"),
    ).toBe(true)
    expect(bob.of("sent").map(({ messageId }) => messageId)).toContain(first.messageId)
    await bob.restart()
    await settle(30)
    expect(alice.texts()).toHaveLength(3)
    expect((await bob.agent.connectionState({ connectionId: ids.bob })).unsent).toBe(0)
    await alice.close()
    await bob.close()
  })

  it("that is required and that the other side has off is told, and what was held fails after two days", async () => {
    const { alice, bob, clock } = await twoPeople("refused")
    const ids = await connectWith(alice, bob, { alice: "off", bob: "required" })
    expect(bob.of("error")).toMatchObject([{ code: "POST_QUANTUM", connectionId: ids.bob }])
    await alice.agent.sendMessage({ connectionId: ids.alice, text: "in the clear of a quantum computer" })
    await bob.next("error", 1)
    expect(bob.of("error")[1]).toMatchObject({ code: "POST_QUANTUM" })
    expect(bob.texts()).toEqual([])
    const { messageId } = await bob.agent.sendMessage({ connectionId: ids.bob, text: "held" })
    await clock.advance(49 * 3600_000)
    expect(await bob.next("failed")).toMatchObject({ messageId, code: "POST_QUANTUM" })
    expect((await bob.agent.connectionState({ connectionId: ids.bob })).unsent).toBe(0)
    expect(alice.texts()).toEqual([])
    await alice.close()
    await bob.close()
  })

  it("that is required refuses an answer without it, and takes a good one after that", async () => {
    const { alice, bob } = await twoPeople("required")
    const { link, connectionId } = await alice.agent.createConnection({
      mode: "invitation",
      postQuantum: "required",
    })
    await bob.agent.joinConnection({ link, postQuantum: "off", info: utf8("bob") })
    expect(await alice.next("error")).toMatchObject({ code: "POST_QUANTUM", connectionId })
    expect((await alice.agent.connectionState({ connectionId })).status).toBe("invited")
    expect(alice.of("confirmation")).toEqual([])
    await alice.close()
    await bob.close()
  })

  it("that the other side switches off is told, and what comes without it is refused where it is required", async () => {
    for (const setting of ["on", "required"] as const) {
      const { alice, bob } = await twoPeople(`switched off ${setting}`)
      const ids = await connectWith(alice, bob, { alice: setting })
      await talk(
        [
          [bob, ids.bob],
          [alice, ids.alice],
        ],
        2,
      )
      const told = alice.of("postQuantumChanged").length
      await switchOff(bob, ids.bob)
      await bob.agent.sendMessage({ connectionId: ids.bob, text: "still in the old chain" })
      await alice.next("message", 1)
      await alice.agent.sendMessage({ connectionId: ids.alice, text: "still in the old chain" })
      await bob.next("message", 1)
      await bob.agent.sendMessage({ connectionId: ids.bob, text: "without" })
      expect(await alice.next("postQuantumChanged", told)).toMatchObject({ sending: false })
      if (setting === "required") {
        expect(await alice.next("error")).toMatchObject({ code: "POST_QUANTUM" })
        await alice.agent.sendMessage({ connectionId: ids.alice, text: "held" })
        expect((await alice.agent.connectionState({ connectionId: ids.alice })).unsent).toBe(1)
        expect(bob.texts()).not.toContain("held")
      } else {
        expect((await alice.next("message", 2)).postQuantum).toBe(false)
      }
      await alice.close()
      await bob.close()
    }
  })
})
