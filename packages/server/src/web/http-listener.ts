import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http"
import { createServer as createSecureServer } from "node:https"
import type { AddressInfo, Socket } from "node:net"
import type { Duplex } from "node:stream"
import { type Clock, systemClock } from "@smpkit/transport"
import { type Answer, answer, closingBytes, problem, type Site, upgradeRefusal } from "./answers.ts"
import { ServerError } from "../errors.ts"
import { Waiting, type WaitingOptions } from "./waiting.ts"

/** PEM of a certificate chain that browsers trust, and its key. */
export interface WebCertificate {
  readonly certificate: string
  readonly key: string
}

/** A request to `./smp` that may become a WebSocket. Its owner accepts it, or destroys the socket. */
export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  /** Says that the peer has done its part: until then the connection counts as half-open, and makes room for others. */
  readonly opened: () => void
}

export interface HttpListenOptions extends Omit<WaitingOptions, "clock"> {
  /** Is asked when the port is known, which an exact origin contains. */
  readonly site: (port: number) => Site
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  readonly certificate?: WebCertificate | undefined
  readonly onUpgrade: (upgrade: Upgrade) => void
  readonly clock?: Clock
  /** For a request's head, TLS included. */
  readonly headTimeoutMs?: number
}

/** A port that serves a page and hands out WebSockets. */
export interface HttpListener extends AsyncDisposable {
  readonly port: number
  /** How many connections are no open WebSocket. */
  readonly waiting: number
  /** Accepts nothing more and ends what is no open WebSocket; those have owners. Idempotent. */
  close(): Promise<void>
}

// A browser sends its request at once; whoever does not holds a place that others could have.
const limits = {
  maxHeaderSize: 16 * 1024,
  requestTimeout: 15_000,
  keepAliveTimeout: 10_000,
  requireHostHeader: false,
} as const
const defaultHeadTimeoutMs = 10_000
const checkMs = 2_000
const silenceMs = 30_000
const lingerMs = 2_000
const headerCount = 100
const requestsOfConnection = 1_000
const backlog = 1_024

/** Listens for HTTP, or for HTTPS with a certificate. Throws `ServerError` `PORT`, and `CONFIGURATION` for a certificate that cannot be used. */
export async function listenHttp(options: HttpListenOptions): Promise<HttpListener> {
  const { host, port, certificate, onUpgrade, clock = systemClock } = options
  const { headTimeoutMs = defaultHeadTimeoutMs } = options
  const timed = {
    ...limits,
    headersTimeout: headTimeoutMs,
    connectionsCheckingInterval: Math.min(checkMs, headTimeoutMs),
  }
  const server = certificate === undefined ? createServer(timed) : secureServer(timed, certificate)
  server.timeout = silenceMs
  server.maxHeadersCount = headerCount
  server.maxRequestsPerSocket = requestsOfConnection
  const waiting = new Waiting({ ...options, clock })
  await listening(server, host, port)
  const bound = (server.address() as AddressInfo).port
  const site = options.site(bound)

  server.on("connection", (socket: Socket) => {
    if (!waiting.admit(socket)) socket.destroy()
  })
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    answer(site, request).then(
      (what) => {
        respond(request, response, what)
      },
      () => {
        response.destroy()
      },
    )
  }
  server.on("request", onRequest)
  server.on("checkContinue", onRequest)
  server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
    respond(request, response, problem(site, request, 417, { Connection: "close" }))
  })
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const refused = upgradeRefusal(site, request)
    if (refused !== undefined) endWith(socket, refused)
    else
      onUpgrade({
        request,
        socket,
        head,
        opened: () => {
          waiting.release(socket)
        },
      })
  })
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    const status = clientErrorStatus(error.code ?? "")
    if (status === undefined || !socket.writable) socket.destroy()
    else endWith(socket, problem(site, undefined, status))
  })
  server.on("error", () => undefined)

  const close = (): Promise<void> => {
    server.close()
    waiting.close()
    return Promise.resolve()
  }
  return {
    port: bound,
    get waiting() {
      return waiting.size
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The status for what the HTTP parser found; `undefined` for what is no HTTP. */
function clientErrorStatus(code: string): number | undefined {
  if (code === "HPE_HEADER_OVERFLOW") return 431
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return 408
  return code.startsWith("HPE_") ? 400 : undefined
}

/** Sends an answer on a connection that nobody parses any more, and lets the peer read it before the end. */
function endWith(socket: Duplex, what: Answer): void {
  socket.on("error", () => {
    socket.destroy()
  })
  // What still comes is thrown away: unread bytes would make the system reset the connection.
  socket.resume()
  socket.end(closingBytes(what))
  if ("setTimeout" in socket) (socket as Socket).setTimeout(lingerMs, () => socket.destroy())
}

function secureServer(
  timed: ServerOptions & { readonly headersTimeout: number },
  { certificate, key }: WebCertificate,
): Server {
  try {
    return createSecureServer({
      ...timed,
      cert: certificate,
      key,
      minVersion: "TLSv1.3",
      ALPNProtocols: ["http/1.1"],
      handshakeTimeout: timed.headersTimeout,
    })
  } catch (error) {
    throw new ServerError(
      "CONFIGURATION",
      "the web certificate and its key cannot be used: both are PEM files, and the key belongs to the first certificate",
      { cause: error },
    )
  }
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new ServerError("PORT", `cannot listen on ${host} port ${port}: ${reasonOf(error)}`, {
          cause: error,
        }),
      )
    })
    server.listen({ host, port, backlog }, () => {
      resolve()
    })
  })
}

function reasonOf({ code = "" }: NodeJS.ErrnoException): string {
  switch (code) {
    case "EADDRINUSE":
      return "the port is in use"
    case "EADDRNOTAVAIL":
      return "this machine does not have that address"
    case "EACCES":
      return "the system does not allow it"
    default:
      return `the system refuses it ${code}`.trim()
  }
}

function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Answer,
): void {
  response.writeHead(status, status === 304 ? headers : { ...headers, "Content-Length": String(body.length) })
  response.end(request.method === "HEAD" || status === 304 ? undefined : body)
}
