import { type Bytes, decode, encode } from "@smpkit/codec"
import { generateKeyPair, systemRandom } from "@smpkit/crypto"
import {
  encodeBatches,
  encodeBrokerMessage,
  encodeTransmission,
  parseBatch,
  parseCommand,
  parseTransmission,
  serverAddress,
  signedBytes,
  type ServerAddress,
  verifyAuthorization,
} from "@smpkit/smp"
import { serverHandshake, serverIdentity, type SmpSession, systemClock } from "@smpkit/transport"
import { createIdentity, listenTls, type TlsListener } from "@smpkit/transport/tls"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type ClientDependencies, type PoolEvent, ServerPool, SmpClient } from "../src/index.ts"
import { tlsConnector } from "../src/tls/index.ts"
import { id, msg } from "./fake-server.ts"

const senderKey = generateKeyPair("x25519", systemRandom)
const deps: ClientDependencies = { connector: tlsConnector(), clock: systemClock, random: systemRandom }
const empty: Bytes = new Uint8Array()

let listener: TlsListener
let address: ServerAddress
const sessions: SmpSession[] = []

/** A server that answers PONG to PING, and OK or ERR AUTH to everything else by its authorization; SUB brings a message as well. */
async function serve(session: SmpSession): Promise<void> {
  sessions.push(session)
  for (;;) {
    const received = await session.receive()
    if (received?.type !== "content") return
    const answers = parseBatch(received.content).flatMap((item) => {
      const t = parseTransmission(session.version, session.sessionId, item)
      const { type } = parseCommand(session.version, t.command)
      const signed = signedBytes(session.sessionId, t)
      const key = session.serverSessionPrivate
      const good = verifyAuthorization(senderKey.publicKey, t.authorization, key, t.corrId, signed)
      const message = encodeBrokerMessage(
        session.version,
        type === "PING" ? { type: "PONG" } : good ? { type: "OK" } : { type: "ERR", error: { type: "AUTH" } },
      )
      const { corrId, entityId } = t
      const answer = { authorization: empty, corrId, entityId, command: message }
      const event = { ...answer, corrId: empty, command: encodeBrokerMessage(session.version, msg(1)) }
      const all = type === "SUB" ? [answer, event] : [answer]
      return all.map((one) => encodeTransmission(session.version, session.sessionId, one))
    })
    for (const content of encodeBatches(answers)) await session.send(content)
  }
}

beforeEach(async () => {
  const made = createIdentity({ host: "localhost", now: systemClock.now(), random: systemRandom })
  const identity = serverIdentity([made.leafCertificate, made.caCertificate], made.leafKey)
  listener = await listenTls({
    identity,
    host: "127.0.0.1",
    port: 0,
    onConnection: (stream) => {
      serverHandshake(stream, { identity, random: systemRandom })
        .then(serve)
        .catch(() => stream.close())
    },
  })
  address = { hosts: ["127.0.0.1"], port: String(listener.port), keyHash: identity.keyHash }
})

afterEach(async () => {
  await listener.close()
  await Promise.all(sessions.splice(0).map((session) => session.close()))
})

describe("over TLS", () => {
  test("requests, batches, authenticators and messages", async () => {
    await using client = await SmpClient.connect(address, deps)
    expect(client.version).toBe(18)
    expect(await client.request({ type: "PING" }, { entityId: empty })).toEqual({ type: "PONG" })
    const sends = Array.from({ length: 20 }, (_, i) =>
      client.request(
        { type: "SEND", notification: false, body: new Uint8Array(16_000) },
        { entityId: id(i % 3), key: senderKey },
      ),
    )
    expect(new Set((await Promise.all(sends)).map(({ type }) => type))).toEqual(new Set(["OK"]))
    const other = client.request(
      { type: "OFF" },
      { entityId: id(1), key: generateKeyPair("x25519", systemRandom) },
    )
    await expect(other).rejects.toMatchObject({ code: "SMP", error: { type: "AUTH" } })
    await client.request({ type: "SUB" }, { entityId: id(5), key: senderKey })
    for await (const event of client.events()) {
      expect(event).toEqual({ entityId: id(5), message: msg(1) })
      break
    }
  })

  test("another server's fingerprint ends it before anything is sent", async () => {
    const wrong = { ...decode(serverAddress, encode(serverAddress, address)), keyHash: new Uint8Array(32) }
    await expect(SmpClient.connect(wrong, deps)).rejects.toMatchObject({
      name: "TransportError",
      code: "FINGERPRINT",
    })
    expect(sessions).toEqual([])
  })

  test("a signal ends the attempt", async () => {
    const connecting = SmpClient.connect(address, deps, { signal: AbortSignal.abort(new Error("stop")) })
    await expect(connecting).rejects.toThrow("stop")
  })

  test("a pool comes back after the server dropped it, and requests in flight are told", async () => {
    await using pool = new ServerPool(deps)
    pool.keep(address, "receive")
    const events = pool.events()[Symbol.asyncIterator]()
    const next = async (): Promise<PoolEvent["type"] | undefined> => {
      const result: IteratorResult<PoolEvent, unknown> = await events.next()
      return result.done === true ? undefined : result.value.type
    }
    expect(await next()).toBe("up")
    const client = await pool.client(address, "receive")
    await client.request({ type: "PING" }, { entityId: empty })
    const [session] = sessions
    if (session === undefined) throw new Error("no session")
    await session.close()
    await client.closed
    await expect(client.request({ type: "PING" }, { entityId: empty })).rejects.toMatchObject({
      code: "CLOSED",
    })
    expect(await next()).toBe("down")
    expect(await next()).toBe("up")
    expect(await pool.request(address, "receive", { type: "PING" }, { entityId: empty })).toEqual({
      type: "PONG",
    })
  })
})
