import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { systemRandom } from "@smpkit/crypto"
import type { ServerAddress } from "@smpkit/smp"
import {
  encodeBatches,
  encodeBrokerMessage,
  encodeTransmission,
  parseBatch,
  parseTransmission,
} from "@smpkit/smp"
import {
  type BlockStream,
  serverHandshake,
  serverIdentity,
  type ServerIdentity,
  type SmpSession,
  systemClock,
} from "@smpkit/transport"
import { channelServer } from "@smpkit/transport/channel"
import { listenTcpChannel, nodeChannelLimits } from "@smpkit/transport/tcp"
import { createIdentity } from "@smpkit/transport/tls"
import { acceptWebSocket } from "@smpkit/transport/websocket-server"
import { type ClientDependencies, type Connector, isTemporary, SmpClient } from "../src/index.ts"
import { channelConnector } from "../src/tcp/index.ts"
import { webSocketConnector } from "../src/websocket/index.ts"

const made = createIdentity({ host: "localhost", now: systemClock.now(), random: systemRandom })
const identity = serverIdentity([made.leafCertificate, made.caCertificate], made.leafKey)
const host = "127.0.0.1"
const empty = new Uint8Array(0)

/** A server that answers PONG to everything. */
async function serve(stream: BlockStream): Promise<void> {
  const session: SmpSession = await serverHandshake(stream, { identity, random: systemRandom })
  for (;;) {
    const received = await session.receive()
    if (received?.type !== "content") return
    const answers = parseBatch(received.content).map((item) => {
      const { corrId, entityId } = parseTransmission(session.version, session.sessionId, item)
      const command = encodeBrokerMessage(session.version, { type: "PONG" })
      return encodeTransmission(session.version, session.sessionId, {
        authorization: empty,
        corrId,
        entityId,
        command,
      })
    })
    for (const content of encodeBatches(answers)) await session.send(content)
  }
}

interface Reachable extends AsyncDisposable {
  readonly port: number
  readonly connector: Connector
}

async function overTcp(): Promise<Reachable> {
  const listener = await listenTcpChannel({
    identities: [identity],
    host,
    port: 0,
    onConnection: (stream) => void serve(stream).catch(() => undefined),
  })
  return {
    port: listener.port,
    connector: channelConnector({ timeoutMs: 5_000 }),
    [Symbol.asyncDispose]: () => listener.close(),
  }
}

async function overWebSocket(): Promise<Reachable> {
  const limits = nodeChannelLimits()
  const accept = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const carrier = await acceptWebSocket(request, socket, head)
    await serve(
      await channelServer(carrier, {
        identities: [identity],
        clock: systemClock,
        random: systemRandom,
        limits,
      }),
    )
  }
  const sockets = new Set<Duplex>()
  const server = createServer()
  server.on("connection", (socket) => sockets.add(socket))
  server.on("upgrade", (request, socket, head) => void accept(request, socket, head).catch(() => undefined))
  await new Promise<void>((resolve) => server.listen({ host, port: 0 }, resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    connector: webSocketConnector({ url: `ws://${host}:${port}/smp`, timeoutMs: 5_000 }),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        for (const socket of sockets) socket.destroy()
      }),
  }
}

describe.each([
  ["TCP", overTcp],
  ["WebSocket", overWebSocket],
])("a client over a channel, by %s", (carrier, start) => {
  let server: Reachable
  let address: ServerAddress
  let deps: ClientDependencies

  beforeEach(async () => {
    server = await start()
    address = { hosts: [host], port: String(server.port), keyHash: identity.keyHash }
    deps = { connector: server.connector, clock: systemClock, random: systemRandom }
  })

  afterEach(async () => {
    await server[Symbol.asyncDispose]()
  })

  test("connects, and commands are answered", async () => {
    const client = await SmpClient.connect(address, deps)
    expect(client.version).toBe(18)
    const answer = await client.request({ type: "PING" }, { entityId: empty })
    expect(answer).toEqual({ type: "PONG" })
    await client.close()
  })

  test("another server than the one of the address: it gives no answer, and the client says what that means", async () => {
    const other: ServerIdentity["keyHash"] = new Uint8Array(32).fill(1)
    const error: unknown = await SmpClient.connect({ ...address, keyHash: other }, deps).catch(
      (failure: unknown) => failure,
    )
    expect(error).toMatchObject({ code: "TRUNCATED" })
    expect(isTemporary(error), "whoever cut it need not be the server").toBe(true)
    expect(String(error)).toContain("it is not the server of this address")
  })

  test("a server that is not there", async () => {
    await server[Symbol.asyncDispose]()
    const error: unknown = await SmpClient.connect(address, deps).catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: "NETWORK" })
    expect(String(error)).toContain(carrier === "TCP" ? "nothing listens there" : `ws://${host}`)
  })

  test("a signal ends connecting with its reason", async () => {
    const abort = AbortSignal.abort(new Error("enough"))
    await expect(SmpClient.connect(address, deps, { signal: abort })).rejects.toThrow("enough")
  })
})
