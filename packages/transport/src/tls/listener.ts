import type { Socket } from "node:net"
import { createServer, type TLSSocket } from "node:tls"
import { encodePrivateKey } from "@smpkit/crypto"
import { type Clock, systemClock } from "../clock.ts"
import type { TransportError } from "../errors.ts"
import type { ServerIdentity } from "../identity.ts"
import { addressPrefix, PrefixLimit } from "../prefix-limit.ts"
import type { BlockStream } from "../transport.ts"
import { listenOn } from "./listen.ts"
import { encodePem } from "./pem.ts"
import { cipherSuite, finishedSize, keepAliveMs, smpAlpn, tlsProfile } from "./profile.ts"
import { SocketStream } from "./socket-stream.ts"

export interface ListenOptions {
  readonly identity: ServerIdentity
  /** The address to bind to. */
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** Gets every connection whose TLS handshake is done, and closes it. */
  readonly onConnection: (stream: BlockStream) => void
  /** Gets what goes wrong with accepting: the system's limit of open files, for example. The port goes on listening. */
  readonly onError?: (error: TransportError) => void
  readonly clock?: Clock
  /** For a connection's TLS handshake. */
  readonly handshakeTimeoutMs?: number
  /** How many connections may be without a first block: at the limit the oldest of them is closed for a new one, so that nobody keeps others out by waiting. */
  readonly maxHandshakes?: number
  /** How many connections may come from one prefix, from accepting to closing: more are closed before a byte of a handshake. No limit unless given. */
  readonly maxPerPrefix?: number | undefined
  /** The prefix of an address; `undefined` exempts it. `addressPrefix` unless given, which exempts loopback. */
  readonly prefixOf?: ((address: string) => string | undefined) | undefined
}

/** A port that accepts connections. */
export interface TlsListener extends AsyncDisposable {
  readonly port: number
  /** How many connections sent no first block yet. */
  readonly handshakes: number
  /** Accepts no more connections and ends unfinished handshakes; streams that were handed out stay. Repeating it is harmless. */
  close(): Promise<void>
}

// smp-transport.md, "Keep-alive and timeouts" and "TCP and TLS".
const tlsTimeoutMs = 60_000
const defaultMaxHandshakes = 1_024
// Node's own limit, which cannot be switched off, and which does not know our clock.
const never = 2 ** 31 - 1

/** Listens for SMP over TLS. Throws `TransportError NETWORK` when the port cannot be had. */
export async function listenTls({
  identity,
  host,
  port,
  onConnection,
  onError = () => undefined,
  clock = systemClock,
  handshakeTimeoutMs = tlsTimeoutMs,
  maxHandshakes = defaultMaxHandshakes,
  maxPerPrefix,
  prefixOf = addressPrefix,
}: ListenOptions): Promise<TlsListener> {
  const server = createServer({
    ...tlsProfile,
    key: privateKeyPem(identity),
    cert: identity.chain.map((der) => encodePem("CERTIFICATE", der)).join(""),
    ALPNProtocols: [smpAlpn],
    handshakeTimeout: never,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
  })
  const places = new PrefixLimit(maxPerPrefix ?? Infinity, prefixOf)
  const halfOpen = new Map<string, HalfOpen>()
  server.on("connection", (socket: Socket) => {
    const name = nameOf(socket)
    // First, so that one prefix cannot push out the handshakes of others.
    const place = socket.remoteAddress === undefined ? undefined : places.take(socket.remoteAddress)
    if (name === undefined || place === undefined) {
      socket.destroy()
      return
    }
    const [oldest] = halfOpen
    if (oldest !== undefined && halfOpen.size >= maxHandshakes) {
      halfOpen.delete(oldest[0])
      oldest[1].socket.destroy()
    }
    const timer = clock.setTimer(handshakeTimeoutMs, () => socket.destroy())
    halfOpen.set(name, { socket, timer })
    socket.once("close", () => {
      place[Symbol.dispose]()
      timer[Symbol.dispose]()
      // The peer may have come back from the same port already.
      if (halfOpen.get(name)?.socket === socket) halfOpen.delete(name)
    })
  })
  server.on("tlsClientError", (_error, socket) => {
    socket.destroy()
  })
  server.on("secureConnection", (socket) => {
    const name = nameOf(socket)
    const finished = socket.getPeerFinished()
    if (name === undefined || finished?.length !== finishedSize || !isProfile(socket)) {
      socket.destroy()
      return
    }
    halfOpen.get(name)?.timer[Symbol.dispose]()
    const alpn =
      socket.alpnProtocol === false || socket.alpnProtocol === null ? undefined : socket.alpnProtocol
    onConnection(
      new SocketStream(socket, {
        sessionId: new Uint8Array(finished),
        alpn,
        peerChain: [],
        clock,
        prefix: socket.remoteAddress === undefined ? undefined : prefixOf(socket.remoteAddress),
        onFirstBlock: () => halfOpen.delete(name),
      }),
    )
  })
  const openPort = await listenOn(server, { host, port, onError })
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    // The server's own `close` waits for every connection; those that were handed out have owners.
    closing ??= new Promise((resolve) => {
      server.close()
      for (const { socket, timer } of halfOpen.values()) {
        timer[Symbol.dispose]()
        socket.destroy()
      }
      resolve()
    })
    return closing
  }
  return {
    port: openPort,
    get handshakes() {
      return halfOpen.size
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface HalfOpen {
  readonly socket: Socket
  readonly timer: Disposable
}

/** What a TCP socket and the TLS socket around it have in common. `undefined` when the connection is gone already. */
function nameOf({ remoteAddress, remotePort, localAddress }: Socket): string | undefined {
  return remoteAddress === undefined || remotePort === undefined
    ? undefined
    : `${remoteAddress} ${remotePort} ${localAddress ?? ""}`
}

function isProfile(socket: TLSSocket): boolean {
  return socket.getProtocol() === "TLSv1.3" && socket.getCipher().standardName === cipherSuite
}

function privateKeyPem({ leafKey }: ServerIdentity): string {
  const der = encodePrivateKey(leafKey.privateKey)
  try {
    return encodePem("PRIVATE KEY", der)
  } finally {
    der.fill(0)
  }
}
