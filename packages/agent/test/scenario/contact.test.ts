import { decodeUtf8 } from "@smpkit/codec"
import { describe, expect, it } from "vitest"
import { parseLink } from "../../src/links.ts"
import { requestTo, strangersInvitation } from "./requests.ts"
import { type Person, settle, twoPeople, utf8 } from "./world.ts"

/** Alice has an address; Bob has asked at it. */
async function asked(
  seed: string,
): Promise<
  Awaited<ReturnType<typeof twoPeople>> & { address: string; link: string; bobs: string; requestId: string }
> {
  const world = await twoPeople(seed)
  const { alice, bob } = world
  const { connectionId: address, link } = await alice.agent.createConnection({ mode: "contact" })
  const { connectionId: bobs } = await bob.agent.joinConnection({ link, info: utf8("bob") })
  const { requestId } = await alice.next("contactRequest")
  return { ...world, address, link, bobs, requestId }
}

async function talk(alice: Person, alices: string, bob: Person, bobs: string): Promise<void> {
  const before = [alice.of("message").length, bob.of("message").length] as const
  await alice.agent.sendMessage({ connectionId: alices, text: "hello" })
  expect(await bob.next("message", before[1])).toMatchObject({
    connectionId: bobs,
    body: utf8("hello"),
    integrity: { type: "ok" },
  })
  await bob.agent.sendMessage({ connectionId: bobs, text: "hi" })
  expect(await alice.next("message", before[0])).toMatchObject({
    connectionId: alices,
    body: utf8("hi"),
    integrity: { type: "ok" },
  })
}

/** Goes through the handshake that follows an acceptance. */
async function allowed(bob: Person, connectionId: string, at = 0): Promise<void> {
  const confirmation = await bob.next("confirmation", at)
  expect(confirmation.connectionId).toBe(connectionId)
  await bob.agent.allowConnection({
    connectionId,
    confirmationId: confirmation.confirmationId,
    info: utf8("bob too"),
  })
}

describe("a contact address", () => {
  it("takes a request, and an accepted one becomes a connection of its own", async () => {
    const { alice, bob, one, two, address, link, bobs, requestId } = await asked("asked")
    expect(parseLink(link)).toMatchObject({ type: "contact", queues: [{ mode: "contact" }] })
    const [request] = alice.of("contactRequest")
    expect(request).toMatchObject({ connectionId: address, info: utf8("bob"), postQuantum: true })
    expect(request?.servers).toHaveLength(1)
    expect(request?.servers[0]).toContain("two.example")
    // Nothing of the request was contacted, and its SEND was not signed.
    expect(two.log).toEqual(["NEW"])
    expect(one.sends).toEqual([{ entityId: one.queues[0]?.senderId, authorized: false }])
    expect(await alice.agent.connectionState({ connectionId: address })).toMatchObject({
      mode: "contact",
      status: "address",
    })
    const accepted = await alice.agent.acceptContact({
      connectionId: address,
      requestId,
      info: utf8("alice"),
    })
    expect((await bob.next("confirmation")).info).toEqual(utf8("alice"))
    await allowed(bob, bobs)
    expect((await bob.next("connected")).connectionId).toBe(bobs)
    expect((await alice.next("info")).info).toEqual(utf8("bob too"))
    expect((await alice.next("connected")).connectionId).toBe(accepted.connectionId)
    await talk(alice, accepted.connectionId, bob, bobs)
    const codes = await Promise.all([
      alice.agent.securityCode({ connectionId: accepted.connectionId }),
      bob.agent.securityCode({ connectionId: bobs }),
    ])
    expect(codes[0]).toEqual(codes[1])
    // The same call again, as after a crash.
    expect(await alice.agent.acceptContact({ connectionId: address, requestId })).toEqual(accepted)
    expect((await alice.agent.listConnections()).connections).toHaveLength(2)
    // The address goes, its connections stay.
    await alice.agent.deleteConnection({ connectionId: address })
    await settle(50)
    expect(one.queues.filter(({ mode }) => mode === "contact")).toEqual([])
    await talk(alice, accepted.connectionId, bob, bobs)
    expect([...alice.of("error"), ...bob.of("error")]).toEqual([])
    await alice.close()
    await bob.close()
  })

  it("forgets a rejected request, and its sender hears nothing", async () => {
    const { alice, bob, two, address, requestId } = await asked("rejected")
    const before = two.log.length
    await alice.agent.rejectContact({ connectionId: address, requestId })
    for (const call of [
      () => alice.agent.rejectContact({ connectionId: address, requestId }),
      () => alice.agent.acceptContact({ connectionId: address, requestId }),
    ])
      await expect(call()).rejects.toMatchObject({ code: "NOT_FOUND" })
    await settle(50)
    expect(two.log.slice(before)).toEqual([])
    expect([...bob.of("confirmation"), ...bob.of("closed")]).toEqual([])
    await alice.close()
    await bob.close()
  })

  it("keeps requests across restarts, and accepts them afterwards while the network was away", async () => {
    const { alice, bob, two, clock, address, bobs, requestId } = await asked("kept")
    await alice.restart()
    await bob.restart()
    two.down = true
    two.drop()
    const accepted = await alice.agent.acceptContact({ connectionId: address, requestId })
    await clock.advance(20_000)
    await alice.restart()
    two.down = false
    await clock.advance(120_000)
    await allowed(bob, bobs)
    await bob.next("connected")
    expect((await alice.next("connected")).connectionId).toBe(accepted.connectionId)
    await talk(alice, accepted.connectionId, bob, bobs)
    expect(two.senderKeys).toHaveLength(1)
    await alice.close()
    await bob.close()
  })

  it("shows a request once whose answer was lost, also after it was rejected or its sender was started again", async () => {
    const { alice, bob, one, clock } = await twoPeople("lost answer")
    const { connectionId, link } = await alice.agent.createConnection({ mode: "contact" })
    let lost = 0
    one.intercept = ({ type }) => (type === "SEND" && lost++ < 2 ? "lose-answer" : undefined)
    await bob.agent.joinConnection({ link })
    const { requestId } = await alice.next("contactRequest")
    await alice.agent.rejectContact({ connectionId, requestId })
    await bob.restart()
    await clock.advance(60_000)
    expect(one.sends).toHaveLength(3)
    expect(alice.of("contactRequest")).toHaveLength(1)
    await bob.restart()
    await clock.advance(60_000)
    expect(one.sends).toHaveLength(3)
    await alice.close()
    await bob.close()
  })

  it("asked again while the first request is unanswered is the same connection", async () => {
    const { alice, bob, link, bobs } = await asked("again")
    expect(await bob.agent.joinConnection({ link })).toEqual({ connectionId: bobs })
    await bob.agent.deleteConnection({ connectionId: bobs })
    const second = await bob.agent.joinConnection({ link, info: utf8("me again") })
    expect(second.connectionId).not.toBe(bobs)
    expect((await alice.next("contactRequest", 1)).info).toEqual(utf8("me again"))
    await alice.close()
    await bob.close()
  })

  it("takes many at once, and each gets a connection", async () => {
    const { alice, bob, clock } = await twoPeople("many")
    const { connectionId, link } = await alice.agent.createConnection({ mode: "contact" })
    const people = await Promise.all(Array.from({ length: 12 }, (_, i) => bob.another(`guest ${i}`)))
    const ids = await Promise.all(
      people.map(
        async (one) => (await one.agent.joinConnection({ link, info: utf8(one.name) })).connectionId,
      ),
    )
    await alice.next("contactRequest", people.length - 1)
    const requests = alice.of("contactRequest")
    expect(requests.map(({ info }) => decodeUtf8(info)).sort()).toEqual(people.map(({ name }) => name).sort())
    const accepted = await Promise.all(
      requests.map(({ requestId }) => alice.agent.acceptContact({ connectionId, requestId })),
    )
    await Promise.all(people.map((one, i) => allowed(one, ids[i] ?? "")))
    await alice.next("connected", people.length - 1)
    for (const [i, { connectionId: id }] of accepted.entries()) {
      const guest = people.find(({ name }) => name === decodeUtf8(requests[i]?.info ?? new Uint8Array(0)))
      await alice.agent.sendMessage({ connectionId: id, text: `to ${guest?.name ?? "?"}` })
      expect(decodeUtf8((await guest?.next("message"))?.body ?? new Uint8Array(0))).toBe(
        `to ${guest?.name ?? "?"}`,
      )
    }
    await clock.advance(0)
    for (const one of [alice, bob, ...people]) await one.close()
  })

  it("is refused as one's own, and told when it is gone", async () => {
    const { alice, bob, clock, one } = await twoPeople("gone")
    const { connectionId, link } = await alice.agent.createConnection({ mode: "contact" })
    await expect(alice.agent.joinConnection({ link })).rejects.toMatchObject({
      code: "PROHIBITED",
      connectionId,
    })
    await alice.agent.deleteConnection({ connectionId })
    await settle(20)
    expect(one.queues).toEqual([])
    const joined = await bob.agent.joinConnection({ link })
    expect(await bob.next("closed")).toMatchObject({ ...joined, code: "AUTH" })
    await clock.advance(1000)
    expect((await bob.agent.listConnections()).connections).toEqual([])
    await alice.close()
    await bob.close()
  })

  it("waits while the address's queue is full, and gives up after 48 hours without its server", async () => {
    const { alice, bob, one, clock } = await twoPeople("full", { quota: 3 })
    const { connectionId, link } = await alice.agent.createConnection({ mode: "contact" })
    await alice.agent.unsubscribe({ connectionIds: [connectionId] })
    await alice.close()
    const guests = await Promise.all(Array.from({ length: 5 }, (_, i) => bob.another(`guest ${i}`)))
    for (const guest of guests) await guest.agent.joinConnection({ link })
    await clock.advance(10_000)
    const back = await alice.another("alice again", alice.raw)
    await clock.advance(3600_000)
    expect(back.of("contactRequest")).toHaveLength(5)
    one.down = true
    one.drop()
    const { connectionId: late } = await bob.agent.joinConnection({ link })
    await clock.advance(49 * 3600_000)
    expect(await bob.next("closed")).toMatchObject({ connectionId: late, code: "EXPIRED" })
    for (const person of [back, bob, ...guests]) await person.close()
  })

  it("asks with the keys it began with after the network broke at any command", async () => {
    for (const command of ["NEW", "SEND"]) {
      const { alice, bob, one, two, clock } = await twoPeople(`broken ${command}`)
      const { connectionId, link } = await alice.agent.createConnection({ mode: "contact" })
      let broken = false
      for (const server of [one, two]) {
        server.intercept = ({ type }) => {
          if (broken || type !== command) return undefined
          broken = true
          return "lose-answer"
        }
      }
      const first = await bob.agent.joinConnection({ link }).catch((error: unknown) => error)
      if (command === "NEW") expect(first).toMatchObject({ code: "NETWORK" })
      const { connectionId: bobs } = await bob.agent.joinConnection({ link })
      await clock.advance(5000)
      const { requestId } = await alice.next("contactRequest")
      await alice.agent.acceptContact({ connectionId, requestId })
      await allowed(bob, bobs)
      await bob.next("connected")
      expect(alice.of("contactRequest")).toHaveLength(1)
      expect((await bob.agent.listConnections()).connections).toHaveLength(1)
      await alice.close()
      await bob.close()
    }
  })
})

describe("what comes to an address (Q8)", () => {
  it(
    "is at most 100 requests that wait: the oldest go, also across a restart",
    { timeout: 60_000 },
    async () => {
      const { alice, bob, one, clock } = await twoPeople("spam")
      const { connectionId, link } = await alice.agent.createConnection({ mode: "contact" })
      const bodies = Array.from({ length: 150 }, () => requestTo(link, { link: strangersInvitation() }))
      const address = one.queues.find(({ mode }) => mode === "contact")
      if (address === undefined) throw new Error("no address")
      for (const body of bodies.slice(0, 120)) one.inject(address, body)
      await alice.next("contactRequest", 119)
      await alice.restart()
      for (const body of [...bodies.slice(120), ...bodies.slice(0, 50)]) one.inject(address, body)
      await alice.next("contactRequest", 149)
      await settle(100)
      const requests = alice.of("contactRequest")
      expect(requests).toHaveLength(150)
      expect(new Set(requests.map(({ requestId }) => requestId)).size).toBe(150)
      const outcomes = await Promise.all(
        requests.map(({ requestId }) =>
          alice.agent.rejectContact({ connectionId, requestId }).then(
            () => "there",
            (error: unknown) => error,
          ),
        ),
      )
      expect(outcomes.slice(0, 50).every((e) => (e as { code?: unknown }).code === "NOT_FOUND")).toBe(true)
      expect(outcomes.slice(50).every((e) => e === "there")).toBe(true)
      expect([...alice.of("error"), ...alice.of("closed")]).toEqual([])
      await clock.advance(0)
      await alice.close()
      await bob.close()
    },
  )

  it("is an error that ends nothing where it is no request", async () => {
    const { alice, bob, one } = await twoPeople("noise")
    const { connectionId, link } = await alice.agent.createConnection({ mode: "contact" })
    const [address] = one.queues
    if (address === undefined) throw new Error("no address")
    const invitation = await bob.agent.createConnection({ mode: "invitation" })
    const wrong: readonly (readonly [string, Uint8Array<ArrayBuffer>])[] = [
      ["A_MESSAGE", utf8("noise")],
      ["A_MESSAGE", requestTo(link, { link: "simplex:/invitation" })],
      ["A_PROHIBITED", requestTo(link, { link })],
      ["A_VERSION", requestTo(link, { link: invitation.link.replace("v=2-7", "v=9-12") })],
      ["A_VERSION", requestTo(link, { link: invitation.link, version: 8 })],
      ["A_PROHIBITED", requestTo(link, { link: invitation.link, asMessage: true })],
    ]
    for (const [, body] of wrong) one.inject(address, body)
    await bob.agent.joinConnection({ link })
    await alice.next("contactRequest")
    expect(alice.of("error").map(({ code, connectionId: id }) => [code, id])).toEqual(
      wrong.map(([code]) => [code, connectionId]),
    )
    await alice.close()
    await bob.close()
  })

  it("cannot make the owner join its own invitation", async () => {
    const { alice, bob, one } = await twoPeople("mirror")
    const { connectionId, link } = await alice.agent.createConnection({ mode: "contact" })
    const own = await alice.agent.createConnection({ mode: "invitation" })
    const [address] = one.queues
    if (address === undefined) throw new Error("no address")
    one.inject(address, requestTo(link, { link: own.link }))
    const { requestId } = await alice.next("contactRequest")
    await expect(alice.agent.acceptContact({ connectionId, requestId })).rejects.toMatchObject({
      code: "LINK_ALREADY_USED",
      connectionId: own.connectionId,
    })
    await alice.agent.rejectContact({ connectionId, requestId })
    for (const call of [
      () => alice.agent.acceptContact({ connectionId: own.connectionId, requestId }),
      () => alice.agent.rejectContact({ connectionId: own.connectionId, requestId }),
    ])
      await expect(call()).rejects.toMatchObject({ code: "PROHIBITED" })
    await alice.close()
    await bob.close()
  })

  it("fits a request's info, and no more", async () => {
    const { alice, bob } = await twoPeople("large")
    const { link } = await alice.agent.createConnection({ mode: "contact" })
    const info = new Uint8Array(16_000)
    const error: unknown = await bob.agent.joinConnection({ link, info }).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: "LARGE" })
    const over = Number(/is (\d+) bytes/.exec(String(error))?.[1])
    const fits = info.slice(0, info.length - over)
    await bob.agent.joinConnection({ link, info: fits })
    expect((await alice.next("contactRequest")).info).toHaveLength(fits.length)
    expect((await bob.agent.listConnections()).connections).toHaveLength(1)
    await alice.close()
    await bob.close()
  })
})
