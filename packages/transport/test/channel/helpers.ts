import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { loadXWing, systemRandom } from "@smpkit/crypto"
import { type BlockStream, type ServerIdentity, type TransportError } from "@smpkit/transport"
import {
  channelClient,
  type ChannelClientOptions,
  channelServer,
  type ChannelServerOptions,
  type ServerChannel,
} from "@smpkit/transport/channel"
import {
  connectTcpChannel,
  listenTcpChannel,
  type ListenTcpChannelOptions,
  nodeChannelLimits,
} from "@smpkit/transport/tcp"
import { connectWebSocket } from "@smpkit/transport/websocket"
import { acceptWebSocket } from "@smpkit/transport/websocket-server"
import { chainClock } from "../tls-helpers.ts"

export const xWing = await loadXWing()

/** What arrives, one after the other. */
class Arrivals<T> {
  readonly #arrived: T[] = []
  #wake: (() => void) | undefined

  readonly put = (item: T): void => {
    this.#arrived.push(item)
    this.#wake?.()
  }

  readonly next = async (): Promise<T> => {
    for (;;) {
      const item = this.#arrived.shift()
      if (item !== undefined) return item
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}

/** A server of channels that keeps what it accepts, and why it refused, for the test. */
export interface Listening extends AsyncDisposable {
  readonly port: number
  readonly next: () => Promise<ServerChannel>
  readonly refused: () => Promise<TransportError>
}

export async function listeningTcp(
  identities: readonly ServerIdentity[],
  options: Partial<ListenTcpChannelOptions> = {},
): Promise<Listening> {
  const arrivals = new Arrivals<ServerChannel>()
  const refusals = new Arrivals<TransportError>()
  const listener = await listenTcpChannel({
    identities,
    host: "127.0.0.1",
    port: 0,
    clock: chainClock,
    xWing,
    onConnection: arrivals.put,
    onRefused: refusals.put,
    ...options,
  })
  return {
    port: listener.port,
    next: arrivals.next,
    refused: refusals.next,
    [Symbol.asyncDispose]: () => listener.close(),
  }
}

/** Connects to a port of this machine, expecting this identity. */
export function dialTcp(
  port: number,
  { keyHash }: Pick<ServerIdentity, "keyHash">,
  options: Parameters<typeof connectTcpChannel>[1] = {},
): Promise<BlockStream> {
  return connectTcpChannel(
    { hosts: ["127.0.0.1"], port: String(port), keyHash },
    { clock: chainClock, xWing, ...options },
  )
}

/** An HTTP server that hands every upgrade over. */
export async function httpServer(
  onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
): Promise<AsyncDisposable & { readonly port: number; readonly server: Server }> {
  const server = createServer((_request, response) => response.writeHead(404).end())
  const sockets = new Set<Duplex>()
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  server.on("upgrade", onUpgrade)
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve))
  return {
    server,
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        for (const socket of sockets) socket.destroy()
      }),
  }
}

export async function listeningWebSocket(
  identities: readonly ServerIdentity[],
  options: Partial<ChannelServerOptions> = {},
): Promise<Listening> {
  const arrivals = new Arrivals<ServerChannel>()
  const refusals = new Arrivals<TransportError>()
  const limits = nodeChannelLimits({ clock: chainClock })
  const accept = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const stream = await acceptWebSocket(request, socket, head)
    arrivals.put(
      await channelServer(stream, {
        identities,
        clock: chainClock,
        random: systemRandom,
        limits,
        xWing,
        ...options,
      }),
    )
  }
  const http = await httpServer((request, socket, head) => {
    accept(request, socket, head).catch((error: unknown) => {
      refusals.put(error as TransportError)
    })
  })
  return {
    port: http.port,
    next: arrivals.next,
    refused: refusals.next,
    [Symbol.asyncDispose]: async () => http[Symbol.asyncDispose](),
  }
}

export async function dialWebSocket(
  port: number,
  { keyHash }: Pick<ServerIdentity, "keyHash">,
  options: Partial<ChannelClientOptions> = {},
): Promise<BlockStream> {
  const stream = await connectWebSocket(`ws://127.0.0.1:${port}/smp`)
  return await channelClient(stream, { keyHash, clock: chainClock, random: systemRandom, xWing, ...options })
}
