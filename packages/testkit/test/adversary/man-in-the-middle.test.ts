import { tlsConnector } from "@smpkit/client/tls"
import { type Bytes, concatBytes, toBase64Url, utf8 } from "@smpkit/codec"
import { systemRandom } from "@smpkit/crypto"
import { newIdentity, startServer } from "@smpkit/server"
import {
  encodeBatches,
  encodeTransmission,
  parseBatch,
  parseBrokerMessage,
  parseTransmission,
} from "@smpkit/smp"
import { type ServerIdentity, systemClock } from "@smpkit/transport"
import { listenTls } from "@smpkit/transport/tls"
import { describe, expect, test } from "vitest"
import type { SeenCommand } from "../../src/eve-server.ts"
import { connect, Person, world } from "./person.ts"

const loopback = "127.0.0.1"
const identity = (): ServerIdentity =>
  newIdentity({ host: loopback, clock: systemClock, random: systemRandom }).identity

/** An agent whose way to its server leads through Eve; she shows this chain, and listens. */
async function throughEve(shown: ServerIdentity, real: ServerIdentity) {
  const heard: Bytes[] = []
  let accepted = 0
  const listener = await listenTls({
    identity: shown,
    host: loopback,
    port: 0,
    onConnection: (stream) => {
      accepted++
      void (async () => {
        for (let block = await stream.read(); block !== undefined; block = await stream.read())
          heard.push(block)
      })()
    },
  })
  const alice = await Person.open("alice", {
    connector: tlsConnector(),
    server: { hosts: [loopback], port: String(listener.port), keyHash: real.keyHash },
    clock: systemClock,
    random: systemRandom,
  })
  return {
    alice,
    heard,
    accepted: () => accepted,
    [Symbol.asyncDispose]: async () => {
      await alice.close()
      await listener.close()
    },
  }
}

describe("note N8: a man in the middle between agent and server", () => {
  test("with a chain of her own: FINGERPRINT, and the agent has said nothing", async () => {
    const [real, eve] = [identity(), identity()]
    await using w = await throughEve(eve, real)
    const error: unknown = await w.alice.agent
      .createConnection({ mode: "invitation" })
      .catch((e: unknown) => e)
    expect(error).toMatchObject({ code: "NETWORK", cause: { code: "FINGERPRINT" } })
    const { message } = error as Error
    expect(message).toContain(`expected fingerprint ${toBase64Url(real.keyHash)}`)
    expect(message).toContain(`received ${toBase64Url(eve.keyHash)}`)
    expect(w.heard).toEqual([])
    expect((await w.alice.agent.listConnections()).connections).toEqual([])
  })

  test("with a leaf of her own before the real identity: CERTIFICATE, and the agent has said nothing", async () => {
    const [real, eve] = [identity(), identity()]
    const [leaf] = eve.chain
    const [, ca] = real.chain
    const [, eveCa] = eve.chain
    if (leaf === undefined || ca === undefined || eveCa === undefined) throw new Error("no chains")
    for (const chain of [
      [leaf, ca],
      [leaf, ca, eveCa],
    ]) {
      await using w = await throughEve({ chain, leafKey: eve.leafKey, keyHash: real.keyHash }, real)
      await expect(w.alice.agent.createConnection({ mode: "invitation" })).rejects.toMatchObject({
        code: "NETWORK",
        cause: { code: "CERTIFICATE" },
      })
      expect(w.heard).toEqual([])
    }
  })

  test("without Eve the same agent connects", async () => {
    await using server = await startServer({ store: "memory", host: loopback, bind: loopback, port: 0 })
    await using alice = await Person.open("alice", {
      connector: tlsConnector(),
      server: server.address,
      clock: systemClock,
      random: systemRandom,
    })
    await expect(alice.agent.createConnection({ mode: "invitation" })).resolves.toMatchObject({
      link: expect.stringContaining("simplex:/invitation") as unknown,
    })
  })

  test("commands that she recorded in one session are refused in another: AUTH, and nothing has changed", async () => {
    await using w = await world("relayed")
    const ids = await connect(w.alice, w.bob)
    await w.alice.agent.sendMessage({ connectionId: ids.alice, text: "one" })
    await w.bob.read(1)
    const recorded = w.two.commands.slice()
    const wanted = ["SKEY", "SEND", "ACK"]
    expect(new Set(recorded.map(({ command }) => command.type))).toEqual(new Set(["NEW", ...wanted]))

    const relay = async ({ transmission }: SeenCommand, sessionOf?: Bytes): Promise<unknown> => {
      await using session = await w.two.connect()
      const bytes =
        sessionOf === undefined
          ? transmission
          : encodeTransmission(session.version, session.sessionId, {
              ...parseTransmission(session.version, session.sessionId, transmission),
              corrId: sessionOf,
            })
      for (const content of encodeBatches([bytes])) await session.send(content)
      const received = await session.receive()
      if (received?.type !== "content") throw new Error("no answer")
      const [answer] = parseBatch(received.content)
      if (answer === undefined) throw new Error("an empty answer")
      const { command } = parseTransmission(session.version, session.sessionId, answer)
      return parseBrokerMessage(session.version, command)
    }
    const queues = await w.two.queueCount()
    for (const seen of recorded) {
      const type = seen.command.type
      const auth = { type: "ERR", error: { type: "AUTH" } }
      expect([type, await relay(seen)]).toEqual([type, auth])
      expect([type, await relay(seen, w.random.bytes(24))]).toEqual([type, auth])
    }
    expect(await w.two.queueCount()).toBe(queues)
    // Nobody was cut off or heard anything twice.
    await w.alice.agent.sendMessage({ connectionId: ids.alice, text: "two" })
    expect((await w.bob.read(2)).map(({ text }) => text)).toEqual(["one", "two"])
    expect(w.bob.of("error")).toEqual([])
  })

  test("the transport is not what keeps messages secret: with every key of the server she reads no text", async () => {
    await using w = await world("no transport")
    const ids = await connect(w.alice, w.bob)
    await w.alice.agent.sendMessage({ connectionId: ids.alice, text: "canary-71f0" })
    await w.bob.read(1)
    // What EveServer keeps is what is left when TLS, block encryption and the server's layer are off.
    const all = concatBytes(...w.two.seen, ...w.two.bodies())
    expect(Buffer.from(all).includes(Buffer.from(utf8("canary-71f0")))).toBe(false)
  })
})
