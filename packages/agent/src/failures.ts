import { ClientError } from "@smpkit/client"
import { formatProtocolError, formatServerAddress, type ServerAddress } from "@smpkit/smp"
import { TransportError } from "@smpkit/transport"
import { AgentError, type AgentErrorCode, isAgentError } from "./errors.ts"

/** Why a command did not succeed, and what follows (agent-protocol.md, "Sending, retries, errors"). */
export interface Failure {
  /** `temporary`: try again with the fast schedule. `quota`: wait for room. `permanent`: another attempt ends the same way. */
  readonly type: "temporary" | "quota" | "permanent"
  readonly code: AgentErrorCode
  readonly message: string
}

/** A server without its password, for events and errors. */
export function serverText({ hosts, port, keyHash }: ServerAddress): string {
  return formatServerAddress({ hosts, port, keyHash })
}

/** What an error of client or transport means; `undefined` for anything else, which is a bug. */
export function failureOf(error: unknown): Failure | undefined {
  if (isTransportError(error)) return transportFailure(error)
  if (!(error instanceof ClientError)) return undefined
  if (ClientError.is(error, "SMP")) return protocolFailure(error)
  if (error.code === "VERSION") return versionFailure(error.message)
  if (isTransportError(error.cause)) return transportFailure(error.cause)
  return error.code === "TIMEOUT"
    ? { type: "temporary", code: "TIMEOUT", message: "The server did not answer in time; it is tried again." }
    : { type: "temporary", code: "NETWORK", message: `The connection to the server broke: ${error.message}` }
}

function isTransportError(error: unknown): error is TransportError {
  return error instanceof TransportError
}

function transportFailure(error: TransportError): Failure {
  // Not permanent: whoever runs the server may update it, and nothing was refused for good.
  if (error.code === "VERSION" || error.code === "ALPN") return versionFailure(error.message)
  const code = error.code === "TIMEOUT" ? "TIMEOUT" : "NETWORK"
  return {
    type: "temporary",
    code,
    message: `The server cannot be reached (${error.code}): ${error.message}`,
  }
}

function versionFailure(why: string): Failure {
  return {
    type: "temporary",
    code: "SERVER_VERSION",
    message: `The server speaks other versions of the protocol than this release: use another server, or ask whoever runs it for an update. (${why})`,
  }
}

function protocolFailure(error: ClientError<"SMP">): Failure {
  const protocol = error.error
  switch (protocol.type) {
    case "AUTH":
    case "BLOCKED":
      return {
        type: "permanent",
        code: "AUTH",
        message: "The server refuses (AUTH): the queue was deleted, or its key is another one.",
      }
    case "QUOTA":
      return {
        type: "quota",
        code: "QUOTA",
        message: "The other side's queue is full: it has to read first.",
      }
    case "INTERNAL":
    case "STORE":
    case "EXPIRED":
      return {
        type: "temporary",
        code: "SMP",
        message: `The server has a problem (${protocol.type}); it is tried again.`,
      }
    case "BLOCK":
    case "SESSION":
    case "CMD":
    case "PROXY":
    case "SERVICE":
    case "CRYPTO":
    case "NO_MSG":
    case "LARGE_MSG":
    case "DUPLICATE_":
      return {
        type: "permanent",
        code: "SMP",
        message: `The server answers ${formatProtocolError(protocol)}.`,
      }
    default:
      return protocol satisfies never
  }
}

/** Whether what an `AgentError` tells may be otherwise later. */
export function isTemporary(error: unknown): boolean {
  return isAgentError(error) && failureOf(error.cause)?.type === "temporary"
}

/** The failure as an error for a caller. Anything but a failure of client or transport is thrown on. */
export function asAgentError(error: unknown, server: ServerAddress, connectionId?: string): AgentError {
  if (isAgentError(error)) return error
  const failure = failureOf(error)
  if (failure === undefined) throw error
  return new AgentError(failure.code, failure.message, {
    server: serverText(server),
    connectionId,
    cause: error,
  })
}
