import type { Bytes } from "@smpkit/codec"
import { generateKeyPair } from "@smpkit/crypto"
import type { BrokerMessage } from "@smpkit/smp"
import { describe, expect, it } from "vitest"
import { addressLink } from "../../src/contact/address-link.ts"
import { openLinkData, sealLinkData } from "../../src/short-links/sealed-link-data.ts"
import { formatShortLink, parseShortLink } from "../../src/short-links/short-link.ts"
import { agentVersions } from "../../src/version.ts"
import type { FakeServer } from "./fake-server.ts"
import { type Person, seededRandom, settle, twoPeople, utf8 } from "./world.ts"

interface Made {
  readonly connectionId: string
  readonly link: string
  readonly shortLink: string
}

async function make(person: Person, mode: "invitation" | "contact", userData = "to be read"): Promise<Made> {
  const made = await person.agent.createConnection({ mode, short: true, userData: utf8(userData) })
  const { shortLink } = made
  if (shortLink === undefined) throw new Error("no short link")
  return { ...made, shortLink }
}

/** What the server has for a link, as whoever has the link reads it. */
function userDataAt(server: FakeServer, shortLink: string): Bytes | undefined {
  const link = parseShortLink(shortLink, [])
  for (const { link: data, senderId } of server.queues) {
    if (data !== undefined) return openLinkData(link, senderId, data).user.userData
  }
  return undefined
}

async function connected(alice: Person, alices: string, bob: Person, bobs: string): Promise<void> {
  const { confirmationId } = await alice.next("confirmation")
  await alice.agent.allowConnection({ connectionId: alices, confirmationId })
  expect((await bob.next("connected")).connectionId).toBe(bobs)
  await alice.next("connected")
  await alice.agent.sendMessage({ connectionId: alices, text: "hello" })
  expect(await bob.next("message")).toMatchObject({ body: utf8("hello"), integrity: { type: "ok" } })
  await bob.agent.sendMessage({ connectionId: bobs, text: "hi" })
  expect(await alice.next("message")).toMatchObject({ body: utf8("hi"), integrity: { type: "ok" } })
}

describe("a short invitation", () => {
  it("connects two agents: its key is set with LKEY, and there is no SKEY", async () => {
    const { alice, bob, one, two } = await twoPeople("short invitation")
    const { connectionId, shortLink } = await make(alice, "invitation")
    expect(shortLink).toMatch(/^https:\/\/one\.example\/i#[\w-]{32}\/[\w-]{43}\?c=[\w-]{43}$/)
    expect(userDataAt(one, shortLink)).toEqual(utf8("to be read"))
    const joined = await bob.agent.joinConnection({ link: shortLink, info: utf8("bob") })
    expect((await alice.next("confirmation")).info).toEqual(utf8("bob"))
    await connected(alice, connectionId, bob, joined.connectionId)
    expect(one.log.filter((c) => c.endsWith("KEY"))).toEqual(["LKEY"])
    expect(one.senderKeys).toEqual(["ed25519"])
    expect(one.sends.every(({ authorized }) => authorized)).toBe(true)
    expect([...one.wrongSenderIds, ...two.wrongSenderIds]).toEqual([])
    expect([...alice.of("error"), ...bob.of("error")]).toEqual([])
    // The long link of the same invitation leads to the same queue.
    await expect(bob.agent.joinConnection({ link: shortLink })).rejects.toMatchObject({
      code: "LINK_ALREADY_USED",
      ...joined,
    })
    await alice.close()
    await bob.close()
  })

  it("is for the first who sets a key: the other is told, and tries no other key", async () => {
    const { alice, bob, one, clock } = await twoPeople("raced short")
    const { connectionId, shortLink } = await make(alice, "invitation")
    const carol = await bob.another("carol")
    const joined = await bob.agent.joinConnection({ link: shortLink })
    await expect(carol.agent.joinConnection({ link: shortLink })).rejects.toMatchObject({
      code: "LINK_ALREADY_USED",
    })
    await clock.advance(60_000)
    expect(one.log.filter((c) => c === "LKEY")).toHaveLength(2)
    expect((await carol.agent.listConnections()).connections).toEqual([])
    await connected(alice, connectionId, bob, joined.connectionId)
    await expect(alice.agent.joinConnection({ link: shortLink })).rejects.toMatchObject({
      code: "LINK_ALREADY_USED",
      connectionId,
    })
    for (const person of [alice, bob, carol]) await person.close()
  })

  it("is joined with one key after the network broke at any command, and by itself", async () => {
    for (const command of ["LKEY", "NEW"]) {
      const { alice, bob, one, two, clock } = await twoPeople(`short broken ${command}`)
      const { connectionId, shortLink } = await make(alice, "invitation")
      let broken = 0
      for (const server of [one, two])
        server.intercept = ({ type }) => (type === command && broken++ < 2 ? "lose-answer" : undefined)
      const first: unknown = await bob.agent.joinConnection({ link: shortLink }).catch((e: unknown) => e)
      expect(first).toMatchObject({ code: "NETWORK" })
      await bob.restart()
      await clock.advance(20_000)
      const { confirmationId } = await alice.next("confirmation")
      await alice.agent.allowConnection({ connectionId, confirmationId })
      const { connectionId: bobs } = await bob.next("connected")
      expect(bobs).toBe((first as { connectionId?: unknown }).connectionId)
      expect((await bob.agent.listConnections()).connections).toHaveLength(1)
      await alice.close()
      await bob.close()
    }
  })

  it("is read in each of its forms; one with a host alone is completed from the agent's own servers", async () => {
    const { alice, bob, one, two } = await twoPeople("forms")
    const hostOnly = (link: string): string => link.replace(/\?.*$/, "")
    const forms: readonly ((link: string) => string)[] = [
      (link) => formatShortLink(parseShortLink(link, []), "simplex"),
      (link) => link.replace("/i#", "/i/#"),
      hostOnly,
    ]
    const { shortLink } = await make(alice, "invitation")
    await expect(bob.agent.joinConnection({ link: hostOnly(shortLink) })).rejects.toMatchObject({
      code: "LINK",
    })
    expect(one.log).toEqual(["NEW"])
    await bob.agent.setServers({
      servers: [...(await bob.agent.getServers()).servers, ...(await alice.agent.getServers()).servers],
    })
    for (const form of forms) {
      const made = await make(alice, "invitation")
      await bob.agent.joinConnection({ link: form(made.shortLink) })
    }
    await alice.next("confirmation", forms.length - 1)
    expect(two.log).not.toContain("LKEY")
    await alice.close()
    await bob.close()
  })
})

describe("a short address", () => {
  it("leads to the address, as often as it is asked", async () => {
    const { alice, bob, one } = await twoPeople("short address")
    const { connectionId, link, shortLink } = await make(alice, "contact")
    expect(link).toContain("simplex:/contact#/?")
    expect(shortLink).toMatch(/^https:\/\/one\.example\/a#[\w-]{43}\?c=[\w-]{43}$/)
    const carol = await bob.another("carol")
    const { connectionId: bobs } = await bob.agent.joinConnection({ link: shortLink, info: utf8("bob") })
    await carol.agent.joinConnection({ link: shortLink, info: utf8("carol") })
    await alice.next("contactRequest", 1)
    const [request] = alice.of("contactRequest")
    expect(request?.info).toEqual(utf8("bob"))
    const accepted = await alice.agent.acceptContact({ connectionId, requestId: request?.requestId ?? "" })
    await connected(bob, bobs, alice, accepted.connectionId)
    expect(one.log.filter((c) => c === "LGET")).toHaveLength(2)
    expect(one.sends[0]).toMatchObject({ authorized: false })
    expect(await carol.agent.joinConnection({ link: shortLink })).toEqual({
      connectionId: (await carol.agent.listConnections()).connections[0]?.connectionId,
    })
    await expect(alice.agent.joinConnection({ link: shortLink })).rejects.toMatchObject({ connectionId })
    for (const person of [alice, bob, carol]) await person.close()
  })

  it("gets other user data under the same link, is taken back, and made anew", async () => {
    const { alice, bob, one } = await twoPeople("changed")
    const { connectionId, shortLink } = await make(alice, "contact", "first")
    await alice.restart()
    const change = (text: string): Promise<{ readonly shortLink: string }> =>
      alice.agent.setLinkData({ connectionId, userData: utf8(text) })
    one.intercept = ({ type }) => (type === "LSET" ? "lose-answer" : undefined)
    await expect(change("second")).rejects.toMatchObject({ code: "NETWORK" })
    one.intercept = () => undefined
    expect(await change("third")).toEqual({ shortLink })
    expect(userDataAt(one, shortLink)).toEqual(utf8("third"))
    await expect(change("x".repeat(13_800))).rejects.toMatchObject({ code: "LARGE" })
    await alice.agent.deleteShortLink({ connectionId })
    await alice.agent.deleteShortLink({ connectionId })
    await expect(bob.agent.joinConnection({ link: shortLink })).rejects.toMatchObject({ code: "AUTH" })
    expect((await bob.agent.listConnections()).connections).toEqual([])
    const again = await change("fourth")
    expect(again.shortLink).not.toBe(shortLink)
    expect(userDataAt(one, again.shortLink)).toEqual(utf8("fourth"))
    await bob.agent.joinConnection({ link: again.shortLink })
    await alice.next("contactRequest")
    await alice.close()
    await bob.close()
  })

  it("may be made for an address that has none, once, also when the answer was lost", async () => {
    const { alice, bob, one } = await twoPeople("late link")
    const { connectionId } = await alice.agent.createConnection({ mode: "contact" })
    let lost = false
    one.intercept = ({ type }) => {
      if (type !== "LSET" || lost) return undefined
      lost = true
      return "lose-answer"
    }
    const set = (): Promise<{ readonly shortLink: string }> =>
      alice.agent.setLinkData({ connectionId, userData: utf8("late") })
    await expect(set()).rejects.toMatchObject({ code: "NETWORK" })
    await alice.restart()
    const { shortLink } = await set()
    expect(userDataAt(one, shortLink)).toEqual(utf8("late"))
    await bob.agent.joinConnection({ link: shortLink })
    await alice.next("contactRequest")
    await alice.close()
    await bob.close()
  })
})

describe("user data of an invitation", () => {
  it("changes until somebody has joined; a long one has none", async () => {
    const { alice, bob, one } = await twoPeople("invitation data")
    const { connectionId, shortLink } = await make(alice, "invitation", "")
    expect(await alice.agent.setLinkData({ connectionId, userData: utf8("new") })).toEqual({ shortLink })
    expect(userDataAt(one, shortLink)).toEqual(utf8("new"))
    const long = await alice.agent.createConnection({ mode: "invitation" })
    const set = (id: string): Promise<unknown> =>
      alice.agent.setLinkData({ connectionId: id, userData: utf8("late") })
    await expect(set(long.connectionId)).rejects.toMatchObject({ code: "PROHIBITED" })
    await alice.agent.deleteShortLink({ connectionId: long.connectionId })
    // Joined, and the news is not here yet.
    const [queue] = one.queues
    if (queue === undefined) throw new Error("no queue")
    queue.senderKey = "bob's"
    await expect(set(connectionId)).rejects.toMatchObject({ code: "LINK_ALREADY_USED", connectionId })
    queue.senderKey = undefined
    await bob.agent.joinConnection({ link: shortLink })
    await alice.next("confirmation")
    await expect(set(connectionId)).rejects.toMatchObject({ code: "PROHIBITED" })
    await alice.close()
    await bob.close()
  })
})

describe("a server that plays false with links", () => {
  it.each(["invitation", "contact"] as const)(
    "and answers with another's data, or for another queue, is found out (%s)",
    async (mode) => {
      const { alice, bob, one, clock } = await twoPeople(`false ${mode}`)
      const mine = await make(alice, mode)
      await make(alice, mode)
      const [first, second] = one.queues
      if (first?.link === undefined || second?.link === undefined) throw new Error("no link data")
      const cases: readonly (readonly [string, string, BrokerMessage])[] = [
        ["A_MESSAGE", "", { type: "LNK", senderId: second.senderId, ...second.link }],
        ["A_MESSAGE", "", { type: "LNK", senderId: first.senderId, ...first.link, user: second.link.user }],
        ["A_LINK", "different address", { type: "LNK", senderId: second.senderId, ...first.link }],
      ]
      const before = bob.of("closed").length
      for (const [code, text, answer] of cases) {
        one.intercept = ({ type }) => (type === "LKEY" || type === "LGET" ? answer : undefined)
        const error: unknown = await bob.agent
          .joinConnection({ link: mine.shortLink })
          .catch((e: unknown) => e)
        expect(error).toMatchObject({ code })
        expect(String(error)).toContain(text)
      }
      await clock.advance(60_000)
      expect(one.sends).toEqual([])
      expect((await bob.agent.listConnections()).connections).toEqual([])
      expect(bob.of("closed")).toHaveLength(before)
      await alice.close()
      await bob.close()
    },
  )

  it("and makes another queue than was asked for, is not used", async () => {
    const { alice, bob, one } = await twoPeople("other queue")
    for (const mode of ["invitation", "contact"] as const) {
      for (const change of [
        { senderId: new Uint8Array(24) },
        { linkId: undefined },
        { linkId: new Uint8Array(3) },
      ]) {
        const keys = generateKeyPair("x25519", seededRandom("server"))
        one.intercept = (command) =>
          command.type === "NEW" && command.linkData !== undefined
            ? {
                type: "IDS",
                recipientId: new Uint8Array(24).fill(1),
                senderId: command.linkData.senderId,
                serverDhKey: keys.publicKey,
                queueMode: command.queueMode,
                linkId: command.linkData.linkId ?? new Uint8Array(24),
                serviceId: undefined,
                notifier: undefined,
                ...change,
              }
            : undefined
        await expect(make(alice, mode)).rejects.toMatchObject({ code: "SMP" })
      }
    }
    expect((await alice.agent.listConnections()).connections).toEqual([])
    await alice.close()
    await bob.close()
  })

  it("is never asked twice with the ids of one NEW", async () => {
    const { alice, bob, one } = await twoPeople("fresh ids")
    const ids = new Set<string>()
    one.intercept = (command) => {
      if (command.type !== "NEW" || command.linkData === undefined) return undefined
      ids.add(command.linkData.senderId.join())
      return ids.size < 3 ? "lose-answer" : undefined
    }
    for (let i = 0; i < 2; i++)
      await expect(make(alice, "contact")).rejects.toMatchObject({ code: "NETWORK" })
    const { shortLink } = await make(alice, "contact")
    expect(ids.size).toBe(3)
    await bob.agent.joinConnection({ link: shortLink })
    await alice.next("contactRequest")
    await alice.close()
    await bob.close()
  })
})

describe("where there are no short links", () => {
  it("a server before version 15 is named as the reason, and nothing stays", async () => {
    const { alice, bob, one } = await twoPeople("old server")
    const address = await alice.agent.createConnection({ mode: "contact" })
    const short = await make(alice, "invitation")
    one.version = 14
    one.drop()
    await settle(20)
    const calls: readonly (() => Promise<unknown>)[] = [
      () => make(alice, "invitation"),
      () => make(alice, "contact"),
      () => alice.agent.setLinkData({ connectionId: address.connectionId, userData: utf8("") }),
      () => bob.agent.joinConnection({ link: short.shortLink }),
    ]
    for (const call of calls) {
      const error: unknown = await call().catch((e: unknown) => e)
      expect(error).toMatchObject({ code: "NOT_SUPPORTED" })
      expect(String(error)).toContain("use the long link")
    }
    expect((await alice.agent.listConnections()).connections).toHaveLength(2)
    expect((await bob.agent.listConnections()).connections).toEqual([])
    await bob.agent.joinConnection({ link: address.link })
    await alice.next("contactRequest")
    await alice.close()
    await bob.close()
  })

  it("an address that is reached by way of others is told", async () => {
    const { alice, bob, one } = await twoPeople("relays")
    await alice.agent.createConnection({ mode: "contact" })
    const random = seededRandom("group")
    const root = generateKeyPair("ed25519", random)
    const [queue] = one.queues
    if (queue === undefined) throw new Error("no queue")
    const { senderId } = queue
    const dhKey = generateKeyPair("x25519", random)
    const { linkKey, sealed } = sealLinkData(
      root,
      {
        versions: agentVersions,
        request: addressLink({ server: one.address, senderId, dhKey, mode: "contact" }),
        linkEntityId: undefined,
      },
      { type: "contact", versions: agentVersions, direct: false, owners: [], relays: [], userData: utf8("") },
      random,
    )
    one.intercept = ({ type }) => (type === "LGET" ? { type: "LNK", senderId, ...sealed } : undefined)
    const link = formatShortLink({ type: "contact", kind: "group", server: one.address, linkKey })
    await expect(bob.agent.joinConnection({ link })).rejects.toMatchObject({ code: "NOT_SUPPORTED" })
    expect((await bob.agent.listConnections()).connections).toEqual([])
    await alice.close()
    await bob.close()
  })
})
