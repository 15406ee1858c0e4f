import { AgentError, formatLink, parseLink, type PostQuantumSetting } from "@smpkit/agent"
import { type Bytes, concatBytes, fromBase64Url, toHex, utf8 } from "@smpkit/codec"
import {
  type BoxKey,
  boxKey,
  boxNonceSize,
  hkdfSha512,
  openPaddedBox,
  type Random,
  sealPaddedBox,
} from "@smpkit/crypto"
import type { LinkData } from "@smpkit/smp"
import { describe, expect, test } from "vitest"
import type { EveServer } from "../../src/eve-server.ts"
import { settle } from "../../src/index.ts"
import { type EvePeer, invitedEve, text } from "./eve-as-peer.ts"
import { until, type World, world } from "./person.ts"
import { errorsOf } from "./talking.ts"

const hybrid = { sending: true, receiving: true }
const plain = { sending: false, receiving: false }

/** The link without its KEM key, as whoever carries it can make it. */
function withoutKem(link: string): string {
  const parsed = parseLink(link)
  if (parsed.type !== "invitation") throw new Error("not an invitation")
  expect(parsed.parameters.kem).toBeDefined()
  return formatLink({ ...parsed, parameters: { ...parsed.parameters, kem: undefined } })
}

function kemKeyOf(link: string): string {
  const parsed = parseLink(link)
  if (parsed.type !== "invitation" || parsed.parameters.kem === undefined) throw new Error("no KEM key")
  return toHex(parsed.parameters.kem.key)
}

describe("security.md Q6: Eve carries the link, and takes the KEM key out of it", () => {
  const bobs: readonly PostQuantumSetting[] = ["on", "required"]

  test.each(bobs)(
    "untouched, it is hybrid from the first message on (Bob has it %s)",
    async (postQuantum) => {
      await using w = await world("untouched")
      const { link, connectionId } = await w.alice.agent.createConnection({
        mode: "invitation",
        postQuantum: "required",
      })
      await w.bob.agent.joinConnection({ link, postQuantum })
      const confirmation = await w.alice.next("confirmation")
      expect(confirmation.postQuantum).toBe(true)
      await w.alice.agent.allowConnection(confirmation)
      await w.bob.next("connected")
      expect((await w.alice.agent.connectionState({ connectionId })).postQuantum).toMatchObject(hybrid)
    },
  )

  test.each(bobs)(
    "Q6: where it is required, Alice refuses the answer (Bob has it %s)",
    async (postQuantum) => {
      await using w = await world("stripped")
      const { link, connectionId } = await w.alice.agent.createConnection({
        mode: "invitation",
        postQuantum: "required",
      })
      await w.bob.agent.joinConnection({ link: withoutKem(link), postQuantum })
      expect(await w.alice.next("error")).toMatchObject({ code: "POST_QUANTUM", connectionId })
      await settle(20)
      expect([...w.alice.of("confirmation"), ...w.alice.of("connected"), ...w.bob.of("connected")]).toEqual(
        [],
      )
      expect((await w.alice.agent.connectionState({ connectionId })).status).toBe("invited")
      // She has sent Bob nothing, and what he says before he is connected stays with him.
      expect(w.two.bodies()).toEqual([])
    },
  )

  test("Q6: a short link's data is sealed: her server neither reads whether there is a key, nor changes it unseen", async () => {
    await using w = await world("short link")
    const { alices, eves, short, link } = await twoShortLinks(w)
    for (const part of [alices.fixed, alices.user]) expect(toHex(part)).not.toContain(kemKeyOf(link))
    expect([alices.fixed.length, alices.user.length]).toEqual([eves.fixed.length, eves.user.length])
    const code = await refusalsOf(w, short.alice, [
      eves,
      { fixed: eves.fixed, user: alices.user },
      { fixed: alices.fixed, user: eves.user },
      { fixed: flipped(alices.fixed), user: alices.user },
    ])
    expect(code).toEqual(["A_MESSAGE", "A_MESSAGE", "A_MESSAGE", "A_MESSAGE"])
    w.one.intercept = () => undefined
    await w.bob.agent.joinConnection({ link: short.alice })
    expect((await w.alice.next("confirmation")).postQuantum).toBe(true)
  })

  test("Q6: who has read the short link as well opens its data, and can put none without the key in its place", async () => {
    await using w = await world("short link read")
    const { alices, eves, short, link } = await twoShortLinks(w)
    const [alicesKey, evesKey] = [linkKeyOf(short.alice), linkKeyOf(short.eve)]
    expect(toHex(opened(alicesKey, alices.fixed))).toContain(kemKeyOf(link))
    const sealed = (data: Bytes): Bytes =>
      sealedAgain(opened(evesKey, data), data.length, alicesKey, w.random)
    const forged = { fixed: sealed(eves.fixed), user: sealed(eves.user) }
    const codes = await refusalsOf(w, short.alice, [
      forged,
      { fixed: forged.fixed, user: alices.user },
      { fixed: alices.fixed, user: forged.user },
    ])
    expect(codes).toEqual(["A_LINK", "A_LINK", "A_LINK"])
  })
})

/** Alice's short link, and one of Eve's without a KEM key: the data is good, and another agent made it for her. */
async function twoShortLinks(w: World): Promise<{
  readonly alices: LinkData
  readonly eves: LinkData
  readonly short: { readonly alice: string; readonly eve: string }
  /** Alice's long one. */
  readonly link: string
}> {
  const eve = await w.another("eve")
  const made = await w.alice.agent.createConnection({
    mode: "invitation",
    postQuantum: "required",
    short: true,
  })
  const hers = await eve.agent.createConnection({ mode: "invitation", postQuantum: "off", short: true })
  const linkDataOf = (server: EveServer): LinkData =>
    server.of("NEW").flatMap(({ command }) => command.linkData ?? [])[0] ?? expect.fail("no link was made")
  return {
    alices: linkDataOf(w.one),
    eves: linkDataOf(w.two),
    short: { alice: made.shortLink ?? "", eve: hers.shortLink ?? "" },
    link: made.link,
  }
}

/** What joining by a short link fails with when its server answers with other data; nothing is sent. */
async function refusalsOf(w: World, link: string, answers: readonly LinkData[]): Promise<unknown[]> {
  const [senderId] = await w.one.senderIds()
  const codes: unknown[] = []
  for (const [i, { fixed, user }] of answers.entries()) {
    w.one.intercept = ({ command }) =>
      command.type === "LKEY" && senderId ? { type: "LNK", senderId, fixed, user } : undefined
    const person = await w.another(`bob ${i}`)
    codes.push(
      await person.agent.joinConnection({ link }).then(
        () => "joined",
        (error: unknown): unknown => (error instanceof AgentError ? error.code : error),
      ),
    )
  }
  expect([...w.one.of("SEND"), ...w.one.of("SKEY")]).toEqual([])
  return codes
}

/** What stands last in the path of a one-time short link. */
function linkKeyOf(short: string): Bytes {
  return fromBase64Url(/[#/]([A-Za-z0-9_-]{43})[?]/.exec(short)?.[1] ?? "")
}

/** connection-links.md, "Keys and encryption". */
function sealingKey(linkKey: Bytes): BoxKey {
  return boxKey(hkdfSha512(linkKey, new Uint8Array(0), "SimpleXInvLink", 32))
}

function opened(linkKey: Bytes, data: Bytes): Bytes {
  return openPaddedBox(sealingKey(linkKey), data.slice(0, boxNonceSize), data.slice(boxNonceSize))
}

function sealedAgain(plaintext: Bytes, length: number, linkKey: Bytes, random: Random): Bytes {
  const nonce = random.bytes(boxNonceSize)
  // Nonce, tag, padded text.
  const padded = length - boxNonceSize - 16
  return concatBytes(nonce, sealPaddedBox(sealingKey(linkKey), nonce, plaintext, padded))
}

function flipped(data: Bytes): Bytes {
  const copy = data.slice()
  copy[100] = (copy[100] ?? 0) ^ 1
  return copy
}

/** Alice and Eve talk with post-quantum encryption in both directions. */
async function hybridPeer(w: World, alicesSetting: PostQuantumSetting): Promise<EvePeer> {
  const peer = await invitedEve(w, { postQuantum: true, alicesSetting })
  await peer.say(text("hybrid"))
  expect((await w.alice.next("message")).postQuantum).toBe(true)
  await w.alice.read(1)
  expect(await directions(w, peer)).toEqual(hybrid)
  expect(peer.eve.hybrid).toEqual(hybrid)
  return peer
}

async function directions({ alice }: World, { connectionId }: EvePeer): Promise<unknown> {
  const { sending, receiving } = (await alice.agent.connectionState({ connectionId })).postQuantum
  return { sending, receiving }
}

/** Eve makes her next chain without KEM, which takes an answer of Alice's. */
async function removed(w: World, peer: EvePeer): Promise<Bytes> {
  await peer.deliver(peer.eve.message(text("still in the old chain"), { postQuantum: false }))
  await w.alice.read(2)
  await w.alice.agent.sendMessage({ connectionId: peer.connectionId, text: "an answer" })
  await peer.hear(1)
  expect(peer.eve.hybrid.sending).toBe(false)
  return peer.eve.message(text("without"), { postQuantum: false })
}

describe("security.md Q6: Eve is the peer, and leaves the KEM out in the middle of the conversation", () => {
  test("Q6: it is an event, the message says so, and so do state and security code", async () => {
    await using w = await world("left out")
    const peer = await hybridPeer(w, "on")
    const { connectionId } = peer
    expect(await w.alice.agent.securityCode({ connectionId })).toMatchObject({ postQuantum: true })
    const body = await removed(w, peer)
    const told = w.alice.of("postQuantumChanged").length
    await peer.deliver(body)
    expect(await w.alice.next("postQuantumChanged", told)).toEqual({
      type: "postQuantumChanged",
      connectionId,
      ...plain,
    })
    const message = await w.alice.next("message", 2)
    expect([message.body, message.postQuantum]).toEqual([utf8("without"), false])
    expect(await directions(w, peer)).toEqual(plain)
    expect(await w.alice.agent.securityCode({ connectionId })).toMatchObject({ postQuantum: false })
    const answer = await w.alice.agent.sendMessage({ connectionId, text: "an answer" })
    expect(answer.postQuantum).toBe(false)
  })

  test("Q6: where it is required, nothing without it is shown, and nothing of Alice's leaves", async () => {
    await using w = await world("required")
    const peer = await hybridPeer(w, "required")
    const { connectionId } = peer
    const body = await removed(w, peer)
    await peer.deliver(body)
    await until("Alice is told", () => errorsOf(w.alice).length > 0)
    expect(errorsOf(w.alice)).toEqual(["POST_QUANTUM"])
    expect(w.alice.of("postQuantumChanged").at(-1)).toMatchObject(plain)
    await peer.say(text("again without"))
    await until("Alice is told again", () => errorsOf(w.alice).length > 1)
    expect(w.alice.of("message")).toHaveLength(2)
    const sent = peer.sent()
    const { messageId } = await w.alice.agent.sendMessage({ connectionId, text: "held" })
    await w.clock.advance(60_000)
    expect(peer.sent()).toBe(sent)
    expect((await w.alice.agent.connectionState({ connectionId })).unsent).toBe(1)
    await w.clock.advance(49 * 3600_000)
    expect(await w.alice.next("failed")).toMatchObject({ messageId, code: "POST_QUANTUM" })
    expect(peer.sent()).toBe(sent)
  })
})
