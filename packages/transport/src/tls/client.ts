import { isIP } from "node:net"
import { connect, type TLSSocket } from "node:tls"
import type { Bytes } from "@smpkit/codec"
import { portNumber, type ServerAddress } from "@smpkit/smp"
import { type Clock, systemClock } from "../clock.ts"
import { withDeadline } from "../deadline.ts"
import { TransportError } from "../errors.ts"
import { verifyChain } from "../identity.ts"
import type { BlockStream } from "../transport.ts"
import { peerCertificates } from "./peer-certificates.ts"
import { cipherSuite, finishedSize, keepAliveMs, smpAlpn, tlsProfile } from "./profile.ts"
import { asTransportError } from "./sentences.ts"
import { SocketStream } from "./socket-stream.ts"

export interface ConnectOptions {
  readonly signal?: AbortSignal | undefined
  /** For the connection and TLS together. */
  readonly timeoutMs?: number
  /** The application protocol to ask for; always one. */
  readonly alpn?: string
  readonly clock?: Clock
}

// smp-transport.md, "Keep-alive and timeouts": an interactive client's time.
const connectTimeoutMs = 15_000

/**
 * Connects to a server and verifies that it is the one of the address, before anything but TLS itself is sent. Host names are not compared with
 * certificates: the fingerprint is what counts. Throws `TransportError` `FINGERPRINT`, `CERTIFICATE`, `ALPN`, `HANDSHAKE`, `NETWORK` or `TIMEOUT`,
 * or the signal's reason. No failure is a reason to try with less (security.md Q15).
 */
export async function connectTls(
  address: ServerAddress,
  { signal, timeoutMs = connectTimeoutMs, alpn = smpAlpn, clock = systemClock }: ConnectOptions = {},
): Promise<BlockStream> {
  signal?.throwIfAborted()
  const host = reachableHost(address)
  const port = portNumber(address)
  const subject = `cannot connect to ${isIP(host) === 6 ? `[${host}]` : host}:${port}`
  const socket = connect({
    ...tlsProfile,
    host,
    port,
    ALPNProtocols: [alpn],
    // The chain ends at a certificate that no authority knows; `verifyChain` examines it.
    rejectUnauthorized: false,
  })
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveMs)
  const stop = (): void => {
    socket.destroy()
  }
  try {
    return await withDeadline(
      { clock, timeoutMs, signal, what: `connecting to ${host}:${port}` },
      stop,
      async () => {
        await secured(socket, subject)
        return streamOf(socket, address.keyHash, alpn, clock)
      },
    )
  } catch (error) {
    stop()
    throw error
  }
}

/** Names under `.onion` never reach the domain name system (security.md Q17). */
export function reachableHost({ hosts }: ServerAddress): string {
  const host = hosts.find((name) => !name.toLowerCase().endsWith(".onion"))
  if (host === undefined)
    throw new TransportError("NETWORK", `cannot connect to ${hosts[0]}: it is reachable through Tor only`)
  return host.replace(/^\[(.*)\]$/, "$1")
}

function secured(socket: TLSSocket, subject: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error?: unknown): void => {
      reject(
        error === undefined
          ? new TransportError("NETWORK", `${subject}: the connection was closed`)
          : asTransportError(error, subject),
      )
    }
    socket.once("secureConnect", resolve)
    socket.once("error", fail)
    socket.once("close", () => {
      fail()
    })
  })
}

function streamOf(socket: TLSSocket, keyHash: Bytes, alpn: string, clock: Clock): BlockStream {
  if (socket.alpnProtocol !== alpn)
    throw new TransportError("ALPN", `the server did not agree on the application protocol ${alpn}`)
  const finished = socket.getFinished()
  if (
    socket.getProtocol() !== "TLSv1.3" ||
    socket.getCipher().standardName !== cipherSuite ||
    finished?.length !== finishedSize
  )
    throw new TransportError("HANDSHAKE", "the server did not agree on the one TLS version and cipher suite")
  const peerChain = peerCertificates(socket)
  verifyChain(peerChain, { keyHash, now: clock.now() })
  return new SocketStream(socket, { sessionId: new Uint8Array(finished), alpn, peerChain, clock })
}
