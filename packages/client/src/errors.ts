import { formatProtocolError, formatServerAddress, type ProtocolError, type ServerAddress } from "@smpkit/smp"
import { TransportError, type TransportErrorCode } from "@smpkit/transport"

/**
 * `SMP`: the server answered with an error, which `error` holds. `TIMEOUT`: no answer in time. `CLOSED`: the connection ended before the answer.
 * `UNEXPECTED`: an answer of another kind, or about another queue. `VERSION`: the session's version has no authenticators, so nothing was sent. After `TIMEOUT` and `CLOSED` the command may have been carried out.
 */
export type ClientErrorCode = "SMP" | "TIMEOUT" | "CLOSED" | "UNEXPECTED" | "VERSION"

/** What each code comes with. */
export type ClientErrorDetail<C extends ClientErrorCode> = C extends "SMP" ? ProtocolError : undefined

/** What this package throws, besides `TransportError` from connecting. The message names the server. */
export class ClientError<C extends ClientErrorCode = ClientErrorCode> extends Error {
  override readonly name = "ClientError"
  readonly code: C
  readonly server: ServerAddress
  readonly error: ClientErrorDetail<C>
  constructor(
    code: C,
    message: string,
    server: ServerAddress,
    error: ClientErrorDetail<C>,
    options?: ErrorOptions,
  ) {
    super(`${message} (${nameOf(server)})`, options)
    this.code = code
    this.server = server
    this.error = error
  }
  static is<C extends ClientErrorCode>(error: unknown, code: C): error is ClientError<C> {
    return error instanceof ClientError && error.code === code
  }
}

/** The server's error as an exception. */
export function refusal(error: ProtocolError, server: ServerAddress): ClientError<"SMP"> {
  return new ClientError("SMP", `the server answered ${formatProtocolError(error)}`, server, error)
}

/** Host and fingerprint, never the password that an address may carry. */
function nameOf({ hosts, port, keyHash }: ServerAddress): string {
  return formatServerAddress({ hosts, port, keyHash })
}

/** Whether trying the same again later may help, without anything being changed: the network, not the server or the command. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof ClientError) return error.code === "TIMEOUT" || error.code === "CLOSED"
  return error instanceof TransportError && temporary.has((error as TransportError).code)
}

// A channel that is cut, changed or at its limit is a bad network or a busy server; what was seen of it proves nothing about the server.
const temporary: ReadonlySet<string> = new Set<TransportErrorCode>([
  "NETWORK",
  "TIMEOUT",
  "CLOSED",
  "BLOCK",
  "REFUSED",
  "TRUNCATED",
  "RECORD",
  "PEER",
])
