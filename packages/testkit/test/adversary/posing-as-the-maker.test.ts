import { agentContent, agentEnvelope, paddedLengths, parseLink } from "@smpkit/agent"
import { type Bytes, encode, toHex, utf8 } from "@smpkit/codec"
import { generateKeyPair, keyPairOf, PrivateKey, type PublicKey, type Random } from "@smpkit/crypto"
import {
  encrypt,
  generateX3dhKeys,
  initSendingRatchet,
  type RatchetParameters,
  ratchetParametersOf,
  x3dhJoiner,
} from "@smpkit/ratchet"
import { describe, expect, test } from "vitest"
import { sealForQueue } from "../../src/eve-joiner.ts"
import type { EveServer } from "../../src/eve-server.ts"
import { type Person, until, type World, world } from "./person.ts"

const hourMs = 3600_000

/** Bob has answered the link; Eve keeps his answer, so that Alice hears nothing of it. */
async function bobWaits(w: World): Promise<{
  readonly link: string
  readonly bobsId: string
  readonly answer: Bytes
  readonly replyId: Bytes
}> {
  const { link } = await w.alice.agent.createConnection({ mode: "invitation" })
  w.one.intercept = ({ command }) => (command.type === "SEND" ? { type: "OK" } : undefined)
  const { connectionId } = await w.bob.agent.joinConnection({ link, info: utf8("bob") })
  await until("Eve has Bob's answer", () => w.one.bodies().length === 1)
  const [answer] = w.one.bodies()
  const [replyId] = await w.two.senderIds()
  if (answer === undefined || replyId === undefined) throw new Error("there is no answer")
  return { link, bobsId: connectionId, answer, replyId }
}

/** What a ratchet says that is Alice's as far as Eve can make it: her own X448 keys and all public keys that she knows. */
function forgedAnswer(link: string, random: Random, parameters: RatchetParameters | undefined): Bytes {
  const invitation = parseLink(link)
  if (invitation.type !== "invitation") throw new Error("not an invitation")
  const secrets = x3dhJoiner(generateX3dhKeys(random), invitation.parameters)
  const ratchet = initSendingRatchet({ version: 3, secrets, peerKey: invitation.parameters.key2, random })
  const content = encode(agentContent, { type: "AgentConnInfo", info: utf8("I am Alice") })
  const { message } = encrypt(ratchet, content, paddedLengths(false, 7).info)
  return encode(agentEnvelope, { type: "AgentConfirmation", version: 7, parameters, sealed: message })
}

/** The key of Bob's reply queue. It is in his encrypted answer alone, so that Eve cannot have it: the test takes it from Bob's agent. */
function grantedQueueKey(w: World): PublicKey<"x25519"> {
  const [created] = w.two.of("NEW")
  const keys = w.bobsDraws.map((draw) => keyPairOf(new PrivateKey("x25519", draw.slice())).publicKey)
  // The keys of a queue are drawn one after the other: the server's layer, then the sender's.
  const at = keys.findIndex(
    ({ raw }) => created !== undefined && toHex(raw) === toHex(created.command.dhKey.raw),
  )
  const key = keys[at + 1]
  if (at < 0 || key === undefined) throw new Error("no key of a queue")
  return key
}

async function expectNotAuthentic(bob: Person, two: EveServer): Promise<void> {
  const closed = await bob.next("closed")
  expect(closed.code).toBe("NOT_AUTHENTIC")
  expect(closed.message).toMatch(/Tell the other side by another way/)
  await until("the reply queue is deleted", async () => (await two.queueCount()) === 0)
  expect(two.of("DEL")).toHaveLength(1)
  expect((await bob.agent.listConnections()).connections).toEqual([])
  expect(bob.of("connected")).toEqual([])
  expect(bob.of("info")).toEqual([])
}

describe("note N3: Eve reads the link and controls both servers, and cannot pose as A to B", () => {
  test("an answer that opens in the queue's box and not in the ratchet closes the connection, and the user is told to use another way", async () => {
    await using w = await world("not authentic")
    const { link, replyId } = await bobWaits(w)
    const own = generateKeyPair("x25519", w.random)
    const body = sealForQueue(own, grantedQueueKey(w), forgedAnswer(link, w.random, undefined), {
      random: w.random,
      announce: true,
    })
    await w.two.inject(replyId, body)
    await expectNotAuthentic(w.bob, w.two)
  })

  test("so does an answer that brings X448 keys of her own", async () => {
    await using w = await world("own keys")
    const { link, replyId } = await bobWaits(w)
    const keys = ratchetParametersOf(3, generateX3dhKeys(w.random))
    const own = generateKeyPair("x25519", w.random)
    const body = sealForQueue(own, grantedQueueKey(w), forgedAnswer(link, w.random, keys), {
      random: w.random,
      announce: true,
    })
    await w.two.inject(replyId, body)
    await expectNotAuthentic(w.bob, w.two)
  })

  test("with the link alone she does not even open the queue's box: errors, and no connection", async () => {
    await using w = await world("strongest forgery")
    const { link, replyId, answer, bobsId } = await bobWaits(w)
    const invitation = parseLink(link)
    const own = generateKeyPair("x25519", w.random)
    const payload = forgedAnswer(link, w.random, undefined)
    const forgeries: [string, Bytes][] = [
      // The one X25519 key of a queue that the link has.
      [
        "A_CRYPTO",
        sealForQueue(own, invitation.queues[0].dhKey, payload, { random: w.random, announce: true }),
      ],
      ["A_CRYPTO", sealForQueue(own, own.publicKey, payload, { random: w.random, announce: true })],
      // Bob's own answer sent back to him.
      ["A_CRYPTO", answer],
      [
        "A_PROHIBITED",
        sealForQueue(own, invitation.queues[0].dhKey, payload, { random: w.random, announce: false }),
      ],
      ["A_MESSAGE", w.random.bytes(40)],
    ]
    for (const [i, [code, body]] of forgeries.entries()) {
      await w.two.inject(replyId, body)
      expect([i, (await w.bob.next("error", i)).code]).toEqual([i, code])
    }
    await expect(w.bob.agent.connectionState({ connectionId: bobsId })).resolves.toMatchObject({
      status: "joined",
    })
    expect([...w.bob.of("connected"), ...w.bob.of("info"), ...w.bob.of("message")]).toEqual([])
  })

  test("no answer in 48 hours closes the connection as well", async () => {
    await using w = await world("no answer")
    const { bobsId } = await bobWaits(w)
    await w.clock.advance(47 * hourMs)
    await expect(w.bob.agent.connectionState({ connectionId: bobsId })).resolves.toMatchObject({
      status: "joined",
    })
    expect(w.bob.of("closed")).toEqual([])
    await w.clock.advance(1.2 * hourMs)
    const closed = await w.bob.next("closed")
    expect(closed.code).toBe("NO_ANSWER")
    expect(closed.message).toMatch(/Tell the other side by another way/)
    await until("the reply queue is deleted", async () => (await w.two.queueCount()) === 0)
    expect((await w.bob.agent.listConnections()).connections).toEqual([])
  })

  test("after they are connected, nothing that she puts in closes the connection", async () => {
    await using w = await world("connected before")
    const { connectionId, link } = await w.alice.agent.createConnection({ mode: "invitation" })
    const joined = await w.bob.agent.joinConnection({ link })
    const { confirmationId } = await w.alice.next("confirmation")
    await w.alice.agent.allowConnection({ connectionId, confirmationId })
    await w.bob.next("connected")
    await w.alice.next("connected")
    const [replyId] = await w.two.senderIds()
    if (replyId === undefined) throw new Error("no queue")
    const own = generateKeyPair("x25519", w.random)
    const payload = forgedAnswer(link, w.random, undefined)
    await w.two.inject(
      replyId,
      sealForQueue(own, grantedQueueKey(w), payload, { random: w.random, announce: true }),
    )
    await w.alice.agent.sendMessage({ connectionId, text: "still here" })
    expect(await w.bob.read(1)).toEqual([{ text: "still here", integrity: { type: "ok" } }])
    await w.bob.agent.sendMessage({ connectionId: joined.connectionId, text: "so am I" })
    expect(await w.alice.read(1)).toEqual([{ text: "so am I", integrity: { type: "ok" } }])
    expect(w.bob.of("closed")).toEqual([])
  })
})
