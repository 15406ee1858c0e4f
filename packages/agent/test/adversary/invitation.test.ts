import { generateKeyPair } from "@smpkit/crypto"
import { generateX3dhKeys } from "@smpkit/ratchet"
import { queueInfoOf } from "@smpkit/smp"
import { describe, expect, it } from "vitest"
import type { Confirmation } from "../../src/connection.ts"
import { addressOf, invitationLink, joinKeys, readConfirmation, sendQueueOf } from "../../src/handshake.ts"
import { formatLink, parseLink } from "../../src/links.ts"
import { openQueueMessage } from "../../src/open.ts"
import type { ReceiveQueue } from "../../src/queues.ts"
import { sealConfirmation } from "../../src/seal.ts"
import type { FakeServer } from "../scenario/fake-server.ts"
import { seededRandom, settle, twoPeople, utf8 } from "../scenario/world.ts"

const random = seededRandom("eve")

/** A queue that Eve keeps for herself, on no server. */
function ownQueue(server: FakeServer): ReceiveQueue {
  return {
    server: server.address,
    recipientId: random.bytes(24),
    senderId: random.bytes(24),
    mode: "messaging",
    recipientKey: generateKeyPair("ed25519", random),
    serverSecret: random.bytes(32),
    dhKey: generateKeyPair("x25519", random),
    peer: undefined,
    securing: { type: "none" },
  }
}

/** What somebody who has read the link, and controls the server, puts into Alice's queue. */
function forgedConfirmation(link: string, server: FakeServer): Uint8Array<ArrayBuffer> {
  const parsed = parseLink(link)
  if (parsed.type !== "invitation") throw new Error("not an invitation")
  const { send, parameters, ratchet, agentVersion } = joinKeys(parsed, "off", random)
  const queues = [queueInfoOf(addressOf(ownQueue(server)))] as const
  const content = { type: "AgentConnInfoReply", queues, info: utf8("not bob") } as const
  return sealConfirmation(ratchet, send, { agentVersion, content, parameters, postQuantum: false, random })
    .body
}

describe("a raced invitation (Q4)", () => {
  it("is reported, and waits for a choice before it is allowed", async () => {
    const { alice, bob, one } = await twoPeople("raced")
    const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
    const joined = await bob.agent.joinConnection({ link, info: utf8("bob") })
    await alice.next("confirmation")
    const [queue] = one.queues
    if (queue === undefined) throw new Error("no queue")
    one.inject(queue, forgedConfirmation(link, one))
    const second = await alice.next("confirmation", 1)
    expect(second.info).toEqual(utf8("not bob"))
    expect((await alice.next("error")).code).toBe("SECOND_CONFIRMATION")
    // What either says now waits.
    await bob.agent.sendMessage({ connectionId: joined.connectionId, text: "it is me" })
    await settle(50)
    expect(alice.of("message")).toEqual([])
    const [first] = alice.of("confirmation")
    const choice = { connectionId, confirmationId: first?.confirmationId ?? "" }
    await expect(alice.agent.allowConnection(choice)).rejects.toMatchObject({ code: "SECOND_CONFIRMATION" })
    await alice.agent.allowConnection(choice)
    await bob.next("connected")
    await bob.agent.sendMessage({ connectionId: joined.connectionId, text: "still me" })
    expect(await alice.next("message")).toMatchObject({ body: utf8("it is me"), integrity: { type: "ok" } })
    const codes = await Promise.all([
      alice.agent.securityCode({ connectionId }),
      bob.agent.securityCode({ connectionId: joined.connectionId }),
    ])
    expect(codes[0].code).toBe(codes[1].code)
    await alice.close()
    await bob.close()
  })

  it("is reported also when it comes after the choice, and the same confirmation again is not", async () => {
    const { alice, bob, one } = await twoPeople("late race")
    const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
    let confirmation: Uint8Array<ArrayBuffer> | undefined
    one.intercept = (command) => {
      if (command.type === "SEND") confirmation ??= command.body
      return undefined
    }
    await bob.agent.joinConnection({ link })
    const { confirmationId } = await alice.next("confirmation")
    await alice.agent.allowConnection({ connectionId, confirmationId })
    await alice.next("connected")
    const [queue] = one.queues
    if (queue === undefined || confirmation === undefined) throw new Error("no queue")
    one.inject(queue, confirmation)
    await settle(50)
    expect(alice.of("error")).toEqual([])
    one.inject(queue, forgedConfirmation(link, one))
    expect((await alice.next("error")).code).toBe("SECOND_CONFIRMATION")
    expect(alice.of("confirmation")).toHaveLength(1)
    await alice.close()
    await bob.close()
  })

  it("shows in the security code where nobody else answered", async () => {
    const { alice, bob, one } = await twoPeople("posed")
    const { connectionId, link } = await alice.agent.createConnection({ mode: "invitation" })
    const [queue] = one.queues
    if (queue === undefined) throw new Error("no queue")
    one.inject(queue, forgedConfirmation(link, one))
    await alice.next("confirmation")
    const joined = await bob.agent.joinConnection({ link })
    const codes = await Promise.all([
      alice.agent.securityCode({ connectionId }),
      bob.agent.securityCode({ connectionId: joined.connectionId }),
    ])
    expect(codes[0].code).not.toBe(codes[1].code)
    await alice.close()
    await bob.close()
  })
})

describe("a joiner (N3)", () => {
  /** A link whose maker is the test, with everything that its maker knows. */
  async function made(
    seed: string,
  ): Promise<Awaited<ReturnType<typeof twoPeople>> & { link: string; replyTo: () => Promise<Confirmation> }> {
    const people = await twoPeople(seed)
    const { one } = people
    const queue = { ...ownQueue(one), mode: undefined }
    const x3dh = generateX3dhKeys(random)
    let confirmation: Uint8Array<ArrayBuffer> | undefined
    one.intercept = (command) => {
      if (command.type !== "SEND") return undefined
      confirmation ??= command.body
      return { type: "OK" }
    }
    const readReply = (): Confirmation => {
      if (confirmation === undefined) throw new Error("no confirmation")
      const opened = openQueueMessage(queue, confirmation)
      if (opened.envelope.type !== "AgentConfirmation") throw new Error("no confirmation")
      return readConfirmation({ x3dh, postQuantum: "off" }, opened, opened.envelope, { random, now: 0 })
    }
    const replyTo = async (): Promise<Confirmation> => {
      for (let i = 0; i < 1000 && confirmation === undefined; i++) await settle(1)
      return readReply()
    }
    return { ...people, replyTo, link: formatLink(invitationLink(queue, x3dh)) }
  }

  it("closes when the first answer opens in the queue's box and fails in the ratchet", async () => {
    const { alice, bob, two, link, replyTo, clock } = await made("n3")
    const { connectionId } = await bob.agent.joinConnection({ link, info: utf8("bob") })
    const confirmation = await replyTo()
    expect(confirmation.info).toEqual(utf8("bob"))
    const [queue] = two.queues
    if (queue === undefined) throw new Error("no queue")
    // Somebody who knows the queue, and not the keys of the link.
    const parsed = parseLink(link)
    if (parsed.type !== "invitation") throw new Error("not an invitation")
    const other = joinKeys(parsed, "off", random).ratchet
    const content = { type: "AgentConnInfo", info: utf8("alice, they say") } as const
    const send = sendQueueOf(confirmation.replyQueue, random)
    two.inject(
      queue,
      sealConfirmation(other, send, {
        agentVersion: 7,
        content,
        parameters: undefined,
        postQuantum: false,
        random,
      }).body,
    )
    const closed = await bob.next("closed")
    expect(closed).toMatchObject({ connectionId, code: "NOT_AUTHENTIC" })
    expect(closed.message).toContain("by another way")
    expect([...bob.of("info"), ...bob.of("connected")]).toEqual([])
    await clock.advance(1000)
    expect(two.queues).toEqual([])
    expect((await bob.agent.listConnections()).connections).toEqual([])
    await alice.close()
    await bob.close()
  })

  it("stays when the answer is that of the link's maker", async () => {
    const { alice, bob, two, link, replyTo } = await made("genuine")
    await bob.agent.joinConnection({ link })
    const confirmation = await replyTo()
    const [queue] = two.queues
    if (queue === undefined) throw new Error("no queue")
    two.inject(queue, utf8("noise"))
    const content = { type: "AgentConnInfo", info: utf8("alice") } as const
    const send = sendQueueOf(confirmation.replyQueue, random)
    const { body } = sealConfirmation(confirmation.session.ratchet, send, {
      agentVersion: 7,
      content,
      parameters: undefined,
      postQuantum: false,
      random,
    })
    two.inject(queue, body)
    expect((await bob.next("info")).info).toEqual(utf8("alice"))
    await bob.next("connected")
    expect(bob.of("error").map(({ code }) => code)).toEqual(["A_MESSAGE"])
    await alice.close()
    await bob.close()
  })

  it("closes when no answer comes in 48 hours, also across a restart", async () => {
    const { alice, bob, two, link, clock } = await made("silent")
    const { connectionId } = await bob.agent.joinConnection({ link })
    await clock.advance(47 * 3600_000)
    expect(bob.of("closed")).toEqual([])
    await bob.restart()
    await clock.advance(1.2 * 3600_000)
    expect(bob.of("closed")[0]).toMatchObject({ connectionId, code: "NO_ANSWER" })
    await settle(50)
    expect(two.queues).toEqual([])
    await alice.close()
    await bob.close()
  })
})
