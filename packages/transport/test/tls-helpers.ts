import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net"
import { createServer, type TlsOptions, type TLSSocket } from "node:tls"
import { encodePrivateKey } from "@smpkit/crypto"
import { type BlockStream, type Clock, type ServerIdentity, systemClock } from "@smpkit/transport"
import {
  connectTls,
  type ConnectOptions,
  encodePem,
  listenTls,
  type ListenOptions,
  type TlsListener,
} from "@smpkit/transport/tls"
import { chainTime } from "./chains.ts"

/** Real timers, in the year of the recorded certificates. */
export const chainClock: Clock = {
  now: () => chainTime,
  setTimer: (ms, f) => systemClock.setTimer(ms, f),
}

/** A listener that keeps what it accepts for the test. */
export interface Accepting extends AsyncDisposable {
  readonly listener: TlsListener
  readonly next: () => Promise<BlockStream>
}

export async function accepting(
  identity: ServerIdentity,
  options: Partial<ListenOptions> = {},
): Promise<Accepting> {
  const arrived: BlockStream[] = []
  let wake: (() => void) | undefined
  const listener = await listenTls({
    identity,
    host: "127.0.0.1",
    port: 0,
    clock: chainClock,
    onConnection: (stream) => {
      arrived.push(stream)
      wake?.()
    },
    ...options,
  })
  return {
    listener,
    next: async () => {
      for (;;) {
        const stream = arrived.shift()
        if (stream !== undefined) return stream
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
    [Symbol.asyncDispose]: () => listener.close(),
  }
}

/** Connects to a port of this machine, expecting this identity. */
export function dial(
  port: number,
  { keyHash }: Pick<ServerIdentity, "keyHash">,
  options: ConnectOptions = {},
): Promise<BlockStream> {
  return connectTls({ hosts: ["127.0.0.1"], port: String(port), keyHash }, { clock: chainClock, ...options })
}

/** A TLS server that is not ours, and all that a client says to it after the handshake. */
export interface Foreign extends AsyncDisposable {
  readonly port: number
  readonly heard: Buffer[]
  /** The server names that clients sent; false for none. */
  readonly names: (string | false)[]
  /** How many connections came. */
  readonly accepted: () => number
}

export async function foreignTls(
  { chain, leafKey }: Pick<ServerIdentity, "chain" | "leafKey">,
  options: TlsOptions = {},
  onSecure: (socket: TLSSocket) => void = () => undefined,
): Promise<Foreign> {
  const heard: Buffer[] = []
  const names: (string | false)[] = []
  const server = createServer({
    key: encodePem("PRIVATE KEY", encodePrivateKey(leafKey.privateKey)),
    cert: chain.map((der) => encodePem("CERTIFICATE", der)).join(""),
    minVersion: "TLSv1.3",
    ciphers: "TLS_CHACHA20_POLY1305_SHA256",
    ALPNProtocols: ["smp/1"],
    ...options,
  })
  server.on("secureConnection", (socket) => {
    names.push((socket as TLSSocket & { readonly servername: string | false }).servername)
    socket.on("data", (data: Buffer) => heard.push(data))
    socket.on("error", () => undefined)
    onSecure(socket)
  })
  server.on("tlsClientError", () => undefined)
  const { port, accepted, close } = await listening(server)
  return { port, heard, names, accepted, [Symbol.asyncDispose]: close }
}

/** A TCP server that does with a connection what it is told. */
export async function foreignTcp(onConnection: (socket: Socket) => void): Promise<Foreign> {
  const heard: Buffer[] = []
  const names: (string | false)[] = []
  const server = createTcpServer((socket) => {
    socket.on("error", () => undefined)
    onConnection(socket)
  })
  const { port, accepted, close } = await listening(server)
  return { port, heard, names, accepted, [Symbol.asyncDispose]: close }
}

async function listening(
  server: Server,
): Promise<{ readonly port: number; readonly accepted: () => number; readonly close: () => Promise<void> }> {
  const sockets = new Set<Socket>()
  let count = 0
  server.on("connection", (socket: Socket) => {
    count++
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve))
  return {
    port: (server.address() as AddressInfo).port,
    accepted: () => count,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        for (const socket of sockets) socket.destroy()
      }),
  }
}
