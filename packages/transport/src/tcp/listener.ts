import { createServer, type Socket } from "node:net"
import { loadXWing, type Random, systemRandom, type XWing } from "@smpkit/crypto"
import {
  type ChannelLimits,
  channelServer,
  checkServerIdentities,
  type ServerChannel,
} from "../channel/index.ts"
import { type Clock, systemClock } from "../clock.ts"
import { TransportError } from "../errors.ts"
import type { ServerIdentity } from "../identity.ts"
import { addressPrefix, PrefixLimit } from "../prefix-limit.ts"
import { listenOn } from "../tls/listen.ts"
import { keepAliveMs } from "../tls/profile.ts"
import { asTransportError } from "../tls/sentences.ts"
import { nodeChannelLimits } from "./node-limits.ts"
import { SocketByteStream } from "./socket-byte-stream.ts"

export interface ListenTcpChannelOptions {
  /** All that answer on this port. */
  readonly identities: readonly ServerIdentity[]
  /** The address to bind to. */
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** Gets every channel that is open, and closes it. */
  readonly onConnection: (stream: ServerChannel) => void
  /** Gets why a handshake failed: a peer's fault, to be counted and at most logged as a code. */
  readonly onRefused?: (error: TransportError) => void
  /** Gets what goes wrong with accepting: the system's limit of open files, for example. The port goes on listening. */
  readonly onError?: (error: TransportError) => void
  /** Shared with other listeners of the process; `nodeChannelLimits` unless given. */
  readonly limits?: ChannelLimits
  readonly clock?: Clock
  readonly random?: Random
  readonly xWing?: XWing
  readonly preambleTimeoutMs?: number
  readonly keyTimeoutMs?: number
  /** How many connections may come from one prefix, from accepting to closing: more are closed before a byte of a handshake. No limit unless given. */
  readonly maxPerPrefix?: number | undefined
  /** The prefix of an address; `undefined` exempts it. `addressPrefix` unless given, which exempts loopback. */
  readonly prefixOf?: ((address: string) => string | undefined) | undefined
}

/** A port that accepts channels. */
export interface TcpChannelListener extends AsyncDisposable {
  readonly port: number
  /** Accepts no more connections and ends unfinished handshakes; channels that were handed out stay. Repeating it is harmless. */
  close(): Promise<void>
}

/**
 * Listens for channels over TCP. Throws `TransportError NETWORK` when the port cannot be had, and `CERTIFICATE` for an identity that does not fit in a hello.
 */
export async function listenTcpChannel({
  identities,
  host,
  port,
  onConnection,
  onRefused = () => undefined,
  onError = () => undefined,
  clock = systemClock,
  limits = nodeChannelLimits({ clock }),
  random = systemRandom,
  xWing,
  preambleTimeoutMs,
  keyTimeoutMs,
  maxPerPrefix,
  prefixOf = addressPrefix,
}: ListenTcpChannelOptions): Promise<TcpChannelListener> {
  checkServerIdentities(identities)
  const kem = xWing ?? (await loadXWing())
  const places = new PrefixLimit(maxPerPrefix ?? Infinity, prefixOf)
  const handshakes = new Set<Socket>()
  const accept = async (socket: Socket, address: string): Promise<void> => {
    handshakes.add(socket)
    try {
      const channel = await channelServer(new SocketByteStream(socket), {
        identities,
        clock,
        random,
        limits,
        address,
        xWing: kem,
        ...(preambleTimeoutMs === undefined ? {} : { preambleTimeoutMs }),
        ...(keyTimeoutMs === undefined ? {} : { keyTimeoutMs }),
      })
      onConnection(channel)
    } catch (error) {
      if (error instanceof TransportError) {
        onRefused(error as TransportError)
      } else {
        // A bug of ours: it costs this connection, not the process with all the others.
        socket.destroy()
        onError(asTransportError(error, "a handshake failed by a fault of ours"))
      }
    } finally {
      handshakes.delete(socket)
    }
  }
  const server = createServer({
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
  })
  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress
    // First, so that one prefix cannot push out the handshakes of others.
    const place = address === undefined ? undefined : places.take(address)
    if (address === undefined || place === undefined) {
      socket.destroy()
      return
    }
    socket.once("close", () => {
      place[Symbol.dispose]()
    })
    void accept(socket, address)
  })
  const openPort = await listenOn(server, { host, port, onError })
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    // The server's own `close` waits for every connection; those that were handed out have owners.
    closing ??= new Promise((resolve) => {
      server.close()
      for (const socket of handshakes) socket.destroy()
      resolve()
    })
    return closing
  }
  return { port: openPort, close, [Symbol.asyncDispose]: close }
}
