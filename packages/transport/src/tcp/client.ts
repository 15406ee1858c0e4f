import { connect, isIP, type Socket } from "node:net"
import type { Random } from "@smpkit/crypto"
import { systemRandom, type XWing } from "@smpkit/crypto"
import { portNumber, type ServerAddress } from "@smpkit/smp"
import type { ByteStream } from "../byte-stream.ts"
import { channelClient } from "../channel/index.ts"
import { type Clock, systemClock } from "../clock.ts"
import { withDeadline } from "../deadline.ts"
import { TransportError } from "../errors.ts"
import { reachableHost } from "../tls/client.ts"
import { keepAliveMs } from "../tls/profile.ts"
import { asTransportError } from "../tls/sentences.ts"
import type { BlockStream } from "../transport.ts"
import { SocketByteStream } from "./socket-byte-stream.ts"

export interface ConnectTcpOptions {
  readonly signal?: AbortSignal | undefined
}

/** Where to connect to: a host name or an address without brackets. */
export interface TcpPlace {
  readonly host: string
  readonly port: number
}

export interface ConnectTcpChannelOptions extends ConnectTcpOptions {
  readonly clock?: Clock
  readonly random?: Random
  readonly xWing?: XWing
  /** For the connection and the channel's handshake together. */
  readonly timeoutMs?: number
}

// channel.md, "Limits": an interactive client's time.
const connectTimeoutMs = 15_000

/** A TCP connection as a stream of bytes. Throws `TransportError NETWORK`, or the signal's reason. */
export async function connectTcp(
  { host, port }: TcpPlace,
  { signal }: ConnectTcpOptions = {},
): Promise<ByteStream> {
  signal?.throwIfAborted()
  const socket = connect({ host, port, noDelay: true, allowHalfOpen: true })
  socket.setKeepAlive(true, keepAliveMs)
  const onAbort = (): void => {
    socket.destroy()
  }
  signal?.addEventListener("abort", onAbort, { once: true })
  try {
    await connected(socket, `cannot connect to ${isIP(host) === 6 ? `[${host}]` : host}:${port}`)
    return new SocketByteStream(socket)
  } catch (error) {
    socket.destroy()
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener("abort", onAbort)
  }
}

/**
 * A channel over TCP to exactly the server of the address: its port is the server's port for channels. Throws what `channelClient` throws, and
 * `TransportError NETWORK`.
 */
export async function connectTcpChannel(
  address: Pick<ServerAddress, "hosts" | "port" | "keyHash">,
  {
    signal,
    clock = systemClock,
    random = systemRandom,
    xWing,
    timeoutMs = connectTimeoutMs,
  }: ConnectTcpChannelOptions = {},
): Promise<BlockStream> {
  const host = reachableHost(address)
  const port = portNumber(address)
  const given = new AbortController()
  return await withDeadline(
    { clock, timeoutMs, signal, what: `connecting to ${host}:${port}` },
    () => {
      given.abort(new TransportError("CLOSED", "the connection was given up"))
    },
    async () => {
      const stream = await connectTcp({ host, port }, { signal: given.signal })
      return await channelClient(stream, {
        keyHash: address.keyHash,
        clock,
        random,
        signal: given.signal,
        timeoutMs,
        ...(xWing === undefined ? {} : { xWing }),
      })
    },
  )
}

function connected(socket: Socket, subject: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("connect", resolve)
    socket.once("error", (error) => {
      reject(asTransportError(error, subject))
    })
    socket.once("close", () => {
      reject(new TransportError("NETWORK", `${subject}: the connection was closed`))
    })
  })
}
