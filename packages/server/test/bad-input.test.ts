import { type Bytes, concatBytes, toHex, utf8 } from "@smpkit/codec"
import { type AuthAlg, generateKeyPair, type KeyPair } from "@smpkit/crypto"
import { encodeTransmission, formatProtocolError, parseBrokerMessage, type Transmission } from "@smpkit/smp"
import { settle } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import type { LooseSession } from "./support/below-transport.ts"
import { Script } from "./support/script.ts"
import { empty } from "./support/test-client.ts"

const corrId = new Uint8Array(24).fill(7)
const entityId = new Uint8Array(24).fill(9)

interface Told {
  readonly corrId: string
  readonly entityId: string
  readonly what: string
}

function told(version: number, session: LooseSession): Told[] {
  return session.take().map((t) => {
    const message = parseBrokerMessage(version, t.command)
    const what = message.type === "ERR" ? formatProtocolError(message.error) : message.type
    return { corrId: toHex(t.corrId), entityId: toHex(t.entityId), what }
  })
}

/** A server with one queue, and a stranger's session on it. */
async function world(version = 18): Promise<{ script: Script; session: LooseSession }> {
  const script = new Script(version)
  expect(await script.run("A NEW messaging subscribe")).toBe("A IDS")
  return { script, session: script.client("E").session }
}

/** The owner of the queue has noticed nothing. */
async function unharmed(script: Script): Promise<void> {
  expect(await script.run("B SEND m1")).toBe("A* MSG m1, B OK")
  expect(await script.run("A ACK last")).toBe("A OK")
}

const item = (t: Partial<Transmission>): Bytes =>
  encodeTransmission(18, empty, {
    authorization: empty,
    corrId,
    entityId: empty,
    command: utf8("PING"),
    ...t,
  })
const signature = new Uint8Array(64)
const signed = (command: string, entity: Bytes = empty): Bytes =>
  item({ authorization: signature, entityId: entity, command: utf8(command) })
const key = concatBytes(Uint8Array.of(44), new Uint8Array(44))

// smp-commands.md, "Order of checks in the server", 1 to 6; what answers carry is its note.
const items: readonly (readonly [string, Bytes, string, "corr" | "none", "entity" | "none"])[] = [
  ["an empty item", empty, "BLOCK", "none", "none"],
  ["an item that is cut in its corrId", item({}).slice(0, 9), "BLOCK", "none", "none"],
  ["an item of noise", new Uint8Array(300).fill(0xff), "BLOCK", "none", "none"],
  [
    "an authorization of 63 bytes",
    concatBytes(Uint8Array.of(63), new Uint8Array(63), utf8("0"), item({}).slice(1)),
    "BLOCK",
    "corr",
    "none",
  ],
  ["an unknown command", item({ command: utf8("PONK") }), "CMD UNKNOWN", "corr", "none"],
  ["no command", item({ command: empty }), "CMD UNKNOWN", "corr", "none"],
  ["a message of a server", item({ command: utf8("OK"), entityId }), "CMD UNKNOWN", "corr", "entity"],
  ["a command in small letters", item({ command: utf8("ping") }), "CMD UNKNOWN", "corr", "none"],
  ["PING with a space", item({ command: utf8("PING ") }), "CMD SYNTAX", "corr", "none"],
  ["SUB with parameters", signed("SUB x", entityId), "CMD SYNTAX", "corr", "entity"],
  [
    "KEY with a key of zeros",
    item({ authorization: signature, entityId, command: concatBytes(utf8("KEY "), key) }),
    "CMD SYNTAX",
    "corr",
    "entity",
  ],
  [
    "SEND without the second space",
    item({ command: utf8("SEND T"), entityId }),
    "CMD SYNTAX",
    "corr",
    "entity",
  ],
  ["NEW without authorization and syntax", item({ command: utf8("NEW ") }), "CMD SYNTAX", "corr", "none"],
  ["PING with an entity", item({ entityId }), "CMD HAS_AUTH", "corr", "entity"],
  ["PING with an authorization", signed("PING"), "CMD HAS_AUTH", "corr", "none"],
  ["SUB without authorization", item({ command: utf8("SUB"), entityId }), "CMD NO_AUTH", "corr", "entity"],
  ["SUB without entity", signed("SUB"), "CMD NO_AUTH", "corr", "none"],
  ["SEND without entity", item({ command: utf8("SEND F hi") }), "CMD NO_ENTITY", "corr", "none"],
  ["LGET with an authorization", signed("LGET", entityId), "CMD HAS_AUTH", "corr", "entity"],
  ["NSUB", signed("NSUB", entityId), "CMD PROHIBITED", "corr", "entity"],
  ["NSUBS", signed("NSUBS", entityId), "CMD PROHIBITED", "corr", "entity"],
  ["SUBS", signed("SUBS", entityId), "CMD PROHIBITED", "corr", "entity"],
  ["NDEL", signed("NDEL", entityId), "CMD PROHIBITED", "corr", "entity"],
  ["RFWD", item({ command: utf8("RFWD x") }), "CMD PROHIBITED", "corr", "none"],
  [
    "a second signature outside a service",
    item({ authorization: signature, serviceSignature: signature, entityId, command: utf8("SUB") }),
    "SERVICE",
    "corr",
    "entity",
  ],
  ["an entity of 255 bytes", signed("SUB", new Uint8Array(255).fill(1)), "AUTH", "corr", "none"],
  ["a queue that is not there", signed("SUB", entityId), "AUTH", "corr", "entity"],
  [
    "a message for a queue that is not there",
    item({ command: utf8("SEND F hi"), entityId }),
    "AUTH",
    "corr",
    "entity",
  ],
]

describe("an item that is wrong is answered, and costs nothing else", () => {
  test.each(items)("%s", async (_what, bytes, error, corr, entity) => {
    const { script, session } = await world()
    session.putItems(bytes, item({}))
    await settle(8)
    const answers = told(18, session)
    const wrong = answers.find(({ what }) => what !== "PONG")
    expect(wrong?.what).toBe(error)
    expect(wrong?.corrId).toBe(corr === "corr" ? toHex(corrId) : "")
    if (entity === "entity") expect(wrong?.entityId).toBe(toHex(entityId))
    else if (error !== "AUTH") expect(wrong?.entityId).toBe("")
    // The other item of the block was carried out.
    expect(answers.map(({ what }) => what)).toContain("PONG")
    await unharmed(script)
  })
})

describe("a block that is wrong is one ERR BLOCK, and the session goes on", () => {
  const one = item({})
  const framed = (count: number, ...parts: readonly Bytes[]): Bytes =>
    concatBytes(
      Uint8Array.of(count),
      ...parts.flatMap((p) => [Uint8Array.of(p.length >> 8, p.length & 0xff), p]),
    )
  test.each([
    ["without content", empty],
    ["with a count of 0", Uint8Array.of(0)],
    ["with fewer items than its count", framed(2, one)],
    ["with bytes after the last item", concatBytes(framed(1, one), Uint8Array.of(0))],
    ["of noise", new Uint8Array(16_000).fill(0xa5)],
  ])("%s", async (_what, content) => {
    const { script, session } = await world()
    session.put({ type: "content", content })
    await settle(8)
    expect(told(18, session)).toEqual([{ corrId: "", entityId: "", what: "BLOCK" }])
    session.putItems(one)
    await settle(8)
    expect(told(18, session)).toMatchObject([{ what: "PONG" }])
    await unharmed(script)
  })

  test("that does not open", async () => {
    const { script, session } = await world()
    session.put({ type: "bad" })
    await settle(8)
    expect(told(18, session)).toEqual([{ corrId: "", entityId: "", what: "BLOCK" }])
    await unharmed(script)
  })
})

describe("another's authorization", () => {
  test("version 6: the id of another session is SESSION", async () => {
    const { script, session } = await world(6)
    const client = script.client("E").client
    session.putItems(client.transmission({ type: "PING" }, { corrId, sessionId: new Uint8Array(32) }))
    await settle(8)
    expect(told(6, session)).toEqual([{ corrId: toHex(corrId), entityId: "", what: "SESSION" }])
  })

  test.each([7, 18])("version %i: a transmission signed for another session is AUTH", async (version) => {
    const { script, session } = await world(version)
    await script.run("A KEY k1")
    const elsewhere = script.client("A").session.sessionId
    const queue = (await script.core.store.recipientIds(undefined, 1))[0] ?? empty
    const sub = script
      .client("E")
      .client.transmission({ type: "SUB" }, { entityId: queue, key: script.key("r"), sessionId: elsewhere })
    session.putItems(sub)
    await settle(8)
    expect(told(version, session)).toMatchObject([{ what: "AUTH" }])
    // The same on its own session is carried out, and again when it is repeated there.
    const { client, session: own } = script.client("A")
    const mine = client.transmission({ type: "SUB" }, { entityId: queue, key: script.key("r") })
    own.putItems(mine, mine)
    await settle(8)
    expect(told(version, own).map(({ what }) => what)).toEqual(version < 16 ? ["OK", "OK"] : ["SOK", "SOK"])
  })

  test("a recipient id is no sender id, nor the other way round", async () => {
    const { script, session } = await world()
    const recipientId = (await script.core.store.recipientIds(undefined, 1))[0] ?? empty
    const [record] = await script.core.store.find([{ party: "recipient", id: recipientId }])
    const client = script.client("E").client
    session.putItems(
      client.transmission({ type: "SEND", notification: false, body: empty }, { entityId: recipientId }),
      client.transmission({ type: "SUB" }, { entityId: record?.senderId ?? empty, key: script.key("r") }),
    )
    await settle(8)
    expect(told(18, session)).toMatchObject([{ what: "AUTH" }, { what: "AUTH" }])
  })

  test.each(["ed25519", "ed448", "x25519"] as const)(
    "an %s authorization by a foreign key is AUTH",
    async (alg) => {
      const { script, session } = await world()
      const foreign: KeyPair<AuthAlg> = generateKeyPair(alg, script.random)
      const recipientId = (await script.core.store.recipientIds(undefined, 1))[0] ?? empty
      session.putItems(
        script.client("E").client.transmission({ type: "DEL" }, { entityId: recipientId, key: foreign }),
      )
      await settle(8)
      expect(told(18, session)).toMatchObject([{ what: "AUTH" }])
      await unharmed(script)
    },
  )
})

test("an answer that its corrId makes too long for a block costs that connection", async () => {
  const { script } = await world()
  await script.run("B SEND m1")
  const recipientId = (await script.core.store.recipientIds(undefined, 1))[0] ?? empty
  const { client, session } = script.client("C")
  const long = { entityId: recipientId, key: script.key("r"), corrId: new Uint8Array(255) }
  session.putItems(client.transmission({ type: "GET" }, long))
  await settle(8)
  expect(session.isClosed).toBe(true)
  expect(await script.run("A ACK last")).toBe("A OK")
  await unharmed(script)
})
