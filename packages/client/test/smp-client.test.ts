import { type Bytes, toHex } from "@smpkit/codec"
import { generateKeyPair, systemRandom } from "@smpkit/crypto"
import { type Command, signedBytes, SmpError, encodeCommand, verifyAuthorization } from "@smpkit/smp"
import { settle } from "@smpkit/testkit"
import { TransportError } from "@smpkit/transport"
import { describe, expect, test } from "vitest"
import { ClientError, isTemporary, type ServerEvent, SmpClient } from "../src/index.ts"
import { connected, FakeNetwork, type FakeSession, id, msg, server } from "./fake-server.ts"

const empty: Bytes = new Uint8Array()
const key = generateKeyPair("ed25519", systemRandom)
const sub: Command = { type: "SUB" }

function last(session: FakeSession, back = 1): FakeSession["commands"][number] {
  const arrived = session.commands.at(-back)
  if (arrived === undefined) throw new Error("no command came")
  return arrived
}

function collect(client: SmpClient): ServerEvent[] {
  const events: ServerEvent[] = []
  void (async () => {
    for await (const event of client.events()) events.push(event)
  })()
  return events
}

describe("a request", () => {
  test("carries 24 random bytes, its entity and a signature over the session, and resolves to its answer", async () => {
    const { client, session } = await connected()
    const answer = client.request({ type: "ACK", msgId: id(3) }, { entityId: id(1), key })
    await settle()
    const arrived = last(session)
    expect(arrived.corrId.length).toBe(24)
    expect(arrived.entityId).toEqual(id(1))
    const signed = signedBytes(session.sessionId, { ...arrived, command: encodeCommand(18, arrived.command) })
    expect(verifyAuthorization(key.publicKey, arrived.authorization, undefined, arrived.corrId, signed)).toBe(
      true,
    )
    session.answer(arrived, { type: "OK" })
    expect(await answer).toEqual({ type: "OK" })
    await client.close()
  })

  test("carries the correlation id that its caller has chosen", async () => {
    const { client, session } = await connected()
    const corrId = new Uint8Array(24).fill(5)
    const answer = client.request(sub, { entityId: id(1), key, corrId })
    await settle()
    const arrived = last(session)
    expect(arrived.corrId).toEqual(corrId)
    const signed = signedBytes(session.sessionId, { ...arrived, command: encodeCommand(18, arrived.command) })
    expect(verifyAuthorization(key.publicKey, arrived.authorization, undefined, corrId, signed)).toBe(true)
    session.answer(arrived, { type: "OK" })
    expect(await answer).toEqual({ type: "OK" })
    await client.close()
  })

  test("fails with the server's error, whose entity may be empty", async () => {
    const { client, session } = await connected()
    const answer = client.request(sub, { entityId: id(1), key })
    await settle()
    session.say({
      corrId: last(session).corrId,
      message: { type: "ERR", error: { type: "CMD", reason: "SYNTAX" } },
    })
    const error: unknown = await answer.catch((e: unknown) => e)
    if (!ClientError.is(error, "SMP")) throw error
    expect(error.error).toEqual({ type: "CMD", reason: "SYNTAX" })
    expect(error.message).toContain("ERR CMD SYNTAX".slice(4))
    expect(error.message).toContain("smp.example.org")
    expect(isTemporary(error)).toBe(false)
    await client.close()
  })

  test.each([
    ["of another kind", id(1), { type: "PONG" }],
    ["about another queue", id(2), { type: "OK" }],
    ["about no queue", empty, { type: "OK" }],
  ] as const)("fails with UNEXPECTED for an answer %s", async (_, entityId, message) => {
    const { client, session } = await connected()
    const answer = client.request({ type: "KEY", senderKey: key.publicKey }, { entityId: id(1), key })
    const other = client.request({ type: "PING" }, { entityId: empty })
    await settle()
    session.say({ corrId: last(session, 2).corrId, entityId, message })
    await expect(answer).rejects.toMatchObject({ code: "UNEXPECTED" })
    session.answer(last(session), { type: "PONG" })
    await other
    await client.close()
  })

  test("fails with UNEXPECTED for an answer that cannot be read", async () => {
    const { client, session } = await connected()
    const answer = client.request(sub, { entityId: id(1), key })
    await settle()
    const { corrId } = last(session)
    const item = Uint8Array.from([0, 24, ...corrId, 24, ...id(1), 0x58, 0x58])
    session.receiveRaw({ type: "content", content: Uint8Array.from([1, 0, item.length, ...item]) })
    await expect(answer).rejects.toMatchObject({ code: "UNEXPECTED" })
    await client.close()
  })

  test("fails with TIMEOUT at its deadline; a message that comes later as its answer is an event", async () => {
    const { client, session, clock } = await connected({ timeoutMs: 30_000 })
    const events = collect(client)
    const answer = client.request({ type: "ACK", msgId: id(1) }, { entityId: id(1), key })
    const failed = expect(answer).rejects.toMatchObject({ code: "TIMEOUT" })
    await clock.advance(30_000)
    await failed
    session.answer(last(session), msg(2))
    session.answer(last(session), { type: "OK" })
    await settle()
    expect(events).toEqual([{ entityId: id(1), message: msg(2) }])
    await client.close()
  })

  test("can be given up, before and after it was sent", async () => {
    const { client, session } = await connected()
    const controller = new AbortController()
    const sent = client.request(sub, { entityId: id(1), key, signal: controller.signal })
    await settle()
    const unsent = client.request(sub, { entityId: id(2), key, signal: controller.signal })
    controller.abort(new Error("not any more"))
    await expect(sent).rejects.toThrow("not any more")
    await expect(unsent).rejects.toThrow("not any more")
    await expect(client.request(sub, { entityId: id(3), key, signal: controller.signal })).rejects.toThrow(
      "not any more",
    )
    await settle()
    expect(session.commands.map(({ entityId }) => entityId)).toEqual([id(1)])
    await client.close()
  })

  test("that no block can carry fails alone", async () => {
    const { client, session } = await connected()
    const large = client.request(
      { type: "SEND", notification: false, body: new Uint8Array(16_400) },
      { entityId: id(1) },
    )
    const fitting = client.request(
      { type: "SEND", notification: false, body: new Uint8Array(16_000) },
      { entityId: id(1) },
    )
    expect(SmpError.is(await large.catch((e: unknown) => e), "LARGE_MSG")).toBe(true)
    await settle()
    session.answer(last(session), { type: "OK" })
    await fitting
    await client.close()
  })
})

describe("blocks", () => {
  test("carry the requests of one tick: 300 SUBs in three", async () => {
    const { client, session } = await connected()
    const all = Array.from({ length: 300 }, (_, i) => client.request(sub, { entityId: id(i), key }))
    await settle()
    expect(session.blocks.map((block) => block.length)).toEqual([30, 135, 135])
    for (const arrived of session.commands) session.answer(arrived, { type: "SOK", serviceId: undefined })
    await Promise.all(all)
    await client.close()
  })

  test("never carry two commands about one entity; those are sent in order", async () => {
    const { client, session } = await connected()
    const commands: [Bytes, Command][] = [
      [id(1), { type: "SKEY", senderKey: key.publicKey }],
      [id(2), sub],
      [id(1), { type: "SEND", notification: true, body: empty }],
      [empty, { type: "PING" }],
      [id(1), { type: "OFF" }],
      [empty, { type: "PING" }],
    ]
    const answers = commands.map(([entityId, command]) =>
      client.request(command, { entityId, ...(entityId.length > 0 && { key }) }),
    )
    await settle()
    expect(session.blocks.map((block) => block.map(({ command }) => command.type))).toEqual([
      ["SKEY", "SUB", "PING", "PING"],
      ["SEND"],
      ["OFF"],
    ])
    await client.close()
    expect((await Promise.allSettled(answers)).every(({ status }) => status === "rejected")).toBe(true)
  })

  test("wait while the socket is full, and what comes meanwhile shares the next", async () => {
    const { client, session } = await connected()
    let open = (): void => undefined
    session.full = new Promise((resolve) => {
      open = resolve
    })
    const answers = [client.request(sub, { entityId: id(1), key })]
    await settle()
    for (const n of [2, 3, 4]) {
      answers.push(client.request(sub, { entityId: id(n), key }))
      await settle()
    }
    expect(session.blocks.length).toBe(1)
    open()
    await settle()
    expect(session.blocks.map((block) => block.length)).toEqual([1, 3])
    await client.close()
    await Promise.allSettled(answers)
  })
})

describe("what a server says about messages", () => {
  test("OK or SOK to SUB, then MSG with an empty corrId in the same block: the answer, and an event", async () => {
    const { client, session } = await connected()
    const events = collect(client)
    const answer = client.request({ type: "SUB" }, { entityId: id(1), key })
    await settle()
    session.say(
      { corrId: last(session).corrId, entityId: id(1), message: { type: "SOK", serviceId: undefined } },
      { entityId: id(1), message: msg(1) },
    )
    expect((await answer).type).toBe("SOK")
    await settle()
    expect(events).toEqual([{ entityId: id(1), message: msg(1) }])
    await client.close()
  })

  test.each([sub, { type: "GET" }, { type: "ACK", msgId: id(9) }] as const)(
    "MSG with the corrId of $type is its answer and no event",
    async (command) => {
      const { client, session } = await connected()
      const events = collect(client)
      const answer = client.request(command, { entityId: id(1), key })
      await settle()
      session.answer(last(session), msg(1))
      expect(await answer).toEqual(msg(1))
      await settle()
      expect(events).toEqual([])
      await client.close()
    },
  )

  test("MSG with the corrId of a command that it cannot answer fails that, and is still an event", async () => {
    const { client, session } = await connected()
    const events = collect(client)
    const answer = client.request({ type: "OFF" }, { entityId: id(1), key })
    const failed = expect(answer).rejects.toMatchObject({ code: "UNEXPECTED" })
    await settle()
    session.answer(last(session), msg(1))
    await failed
    await settle()
    expect(events.length).toBe(1)
    await client.close()
  })

  test("END, DELD, ERR and MSG come as events; answers to nothing do not", async () => {
    const { client, session } = await connected()
    const events = collect(client)
    const blocked = { type: "ERR", error: { type: "AUTH" } } as const
    session.say(
      { entityId: id(1), message: { type: "END" } },
      { entityId: id(2), message: { type: "DELD" } },
      { entityId: id(3), message: blocked },
      { entityId: id(4), message: { type: "OK" } },
      { corrId: id(77), entityId: id(5), message: { type: "OK" } },
      { entityId: id(6), message: msg(1) },
    )
    await settle()
    expect(events.map(({ entityId, message }) => `${entityId.at(-1) ?? ""} ${message.type}`)).toEqual([
      "1 END",
      "2 DELD",
      "3 ERR",
      "6 MSG",
    ])
    await client.close()
  })
})

describe("a consumer that takes nothing", () => {
  test("stops the reading of the socket; nothing is lost", async () => {
    const { client, session } = await connected({ eventLimit: 4 })
    for (let n = 1; n <= 20; n++) session.say({ entityId: id(n), message: msg(n) })
    await settle(30)
    expect(session.reads).toBe(4)
    const events = collect(client)
    await settle(60)
    expect(events.map(({ entityId }) => entityId.at(-1))).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    await client.close()
  })

  test("does not keep an answer from its request, unless the server floods", async () => {
    const { client, session } = await connected({ eventLimit: 4, floodLimit: 12 })
    for (let n = 1; n <= 9; n++) session.say({ entityId: id(n), message: msg(n) })
    await settle(30)
    expect(session.reads).toBe(4)
    const answer = client.request({ type: "ACK", msgId: id(1) }, { entityId: id(1), key })
    await settle()
    session.answer(last(session), { type: "OK" })
    expect(await answer).toEqual({ type: "OK" })
    for (let n = 1; n <= 30; n++) session.say({ entityId: id(n), message: msg(n) })
    const flooded = client
      .request({ type: "ACK", msgId: id(1) }, { entityId: id(1), key })
      .catch((e: unknown) => e)
    await settle(60)
    expect(session.reads).toBeLessThanOrEqual(14)
    await client.close()
    expect(await flooded).toMatchObject({ code: "CLOSED" })
  })

  test("does not keep requests from learning that the session is over", async () => {
    const { client, session } = await connected({ eventLimit: 2, floodLimit: 2 })
    for (let n = 1; n <= 9; n++) session.say({ entityId: id(n), message: msg(n) })
    const answer = client.request(sub, { entityId: id(1), key }).catch((e: unknown) => e)
    await settle()
    session.end({ type: "ended" })
    expect(await answer).toMatchObject({ code: "CLOSED" })
    const events = collect(client)
    await settle()
    expect(events.length).toBe(9)
  })
})

describe("the end of a session", () => {
  test("by close is local; everything that waits or comes fails with CLOSED, and events end", async () => {
    const { client, session } = await connected()
    const waiting = client.request(sub, { entityId: id(1), key }).catch((e: unknown) => e)
    await settle()
    const unsent = client.request(sub, { entityId: id(2), key }).catch((e: unknown) => e)
    await client.close()
    await client.close()
    for (const failure of [await waiting, await unsent]) {
      expect(failure).toMatchObject({ code: "CLOSED" })
      expect(isTemporary(failure)).toBe(true)
    }
    await expect(client.request(sub, { entityId: id(3), key })).rejects.toMatchObject({ code: "CLOSED" })
    expect(await client.closed).toEqual({ type: "local" })
    for await (const event of client.events())
      throw new Error(`an event after the end: ${event.message.type}`)
    expect(session.commands.length).toBe(1)
  })

  test.each([
    ["the server's", { type: "ended" }],
    ["a broken wire", { type: "error", code: "NETWORK", message: "reset" }],
  ] as const)("%s is told as it was", async (_, reason) => {
    const { client, session } = await connected()
    session.end(reason)
    expect(await client.closed).toEqual(reason)
  })

  test.each([
    ["a block that does not open", { type: "bad" }],
    ["an empty block", { type: "content", content: empty }],
    ["a count that does not fit", { type: "content", content: Uint8Array.from([2, 0, 1, 0]) }],
    ["a transmission that does not parse", { type: "content", content: Uint8Array.from([1, 0, 2, 9, 9]) }],
  ] as const)("%s costs the session", async (_, received) => {
    const { client, session } = await connected()
    const waiting = client.request(sub, { entityId: id(1), key }).catch((e: unknown) => e)
    await settle()
    session.receiveRaw(received)
    expect(await client.closed).toMatchObject({ type: "error", code: "BLOCK" })
    expect(await waiting).toMatchObject({ code: "CLOSED" })
    expect(await session.closed).toEqual({ type: "local" })
  })

  test("a failure to connect is the transport's", async () => {
    const { clock } = await connected()
    const connector = new FakeNetwork(clock)
    connector.down = new TransportError("FINGERPRINT", "another server")
    const connecting = SmpClient.connect(server, { connector, clock, random: systemRandom })
    await expect(connecting).rejects.toMatchObject({ name: "TransportError", code: "FINGERPRINT" })
  })
})

describe("keep-alive", () => {
  async function subscribed(): Promise<Awaited<ReturnType<typeof connected>>> {
    const all = await connected()
    const answer = all.client.request(sub, { entityId: id(1), key })
    await settle()
    all.session.answer(last(all.session), { type: "SOK", serviceId: undefined })
    await answer
    return all
  }
  const pings = (session: FakeSession): number =>
    session.commands.filter(({ command }) => command.type === "PING").length

  test("pings after 600 seconds without a block, only when something is subscribed", async () => {
    const idle = await connected()
    await idle.clock.advance(2_000_000)
    expect(idle.session.commands).toEqual([])
    const { client, session, clock } = await subscribed()
    await clock.advance(599_000)
    session.say({ entityId: id(1), message: { type: "END" } })
    await clock.advance(599_000)
    expect(pings(session)).toBe(0)
    await clock.advance(2_000)
    expect(pings(session)).toBe(1)
    expect(last(session)).toMatchObject({ entityId: empty, authorization: empty })
    session.answer(last(session), { type: "PONG" })
    await clock.advance(599_000)
    expect(pings(session)).toBe(1)
    await client.close()
    expect(clock.pending).toBe(0)
  })

  test("drops the connection after three pings without an answer", async () => {
    const { client, session, clock } = await subscribed()
    await clock.advance(600_000 + 89_999)
    expect(pings(session)).toBe(3)
    let over = false
    void client.closed.then(() => {
      over = true
    })
    await settle()
    expect(over).toBe(false)
    await clock.advance(1)
    expect(await client.closed).toMatchObject({ type: "error", code: "TIMEOUT" })
  })

  test("drops it after three time-outs in a row with a silence, not when something came between", async () => {
    const { client, session, clock } = await connected({ timeoutMs: 30_000 })
    const late = async (): Promise<void> => {
      const answer = client.request(sub, { entityId: id(1), key }).catch((e: unknown) => e)
      await clock.advance(30_000)
      expect(await answer).toMatchObject({ code: "TIMEOUT" })
    }
    await late()
    await late()
    session.say({ entityId: id(2), message: { type: "END" } })
    await settle()
    await late()
    await late()
    await late()
    expect(await client.closed).toMatchObject({ type: "error", code: "TIMEOUT" })
  })

  test("three requests that time out together are no reason yet", async () => {
    const { client, clock } = await connected({ timeoutMs: 30_000 })
    const answers = [1, 2, 3, 4].map((n) =>
      client.request(sub, { entityId: id(n), key }).catch((e: unknown) => e),
    )
    await clock.advance(30_000)
    expect((await Promise.all(answers)).every((e) => ClientError.is(e, "TIMEOUT"))).toBe(true)
    await expect(Promise.race([client.closed, settle()])).resolves.toBeUndefined()
    await client.close()
  })
})

test("correlation ids do not repeat", async () => {
  const { client, session } = await connected()
  const answers = Array.from({ length: 100 }, () => client.request({ type: "PING" }, { entityId: empty }))
  await settle()
  expect(new Set(session.commands.map(({ corrId }) => toHex(corrId))).size).toBe(100)
  await client.close()
  await Promise.allSettled(answers)
})
