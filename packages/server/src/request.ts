import type { Bytes } from "@smpkit/codec"
import { equalBytes, sha3_384 } from "@smpkit/crypto"
import {
  type Command,
  CommandError,
  credentialError,
  type LinkRequest,
  parseCommand,
  parseTransmission,
  type ProtocolError,
  type SmpVersion,
  type Transmission,
  TransmissionError,
} from "@smpkit/smp"
import type { Party } from "./store/store.ts"

/** Commands on a queue that this server serves. */
export type QueueCommand =
  | { readonly type: "SUB" | "GET" | "OFF" | "DEL" | "QUE" | "LDEL" | "LGET" }
  | Extract<Command, { readonly type: "KEY" | "SKEY" | "SEND" | "ACK" | "LSET" | "LKEY" }>
type NewCommand = Extract<Command, { readonly type: "NEW" }>

/** One item of a block after the checks that need no store (smp-commands.md, "Order of checks in the server", 1 to 6). */
export type Request =
  | {
      readonly type: "refused"
      readonly corrId: Bytes
      readonly entityId: Bytes
      readonly error: ProtocolError
    }
  | { readonly type: "ping"; readonly corrId: Bytes }
  | NewRequest
  | QueueRequest

export interface NewRequest {
  readonly type: "new"
  readonly transmission: Transmission
  readonly command: NewCommand
}

export interface QueueRequest {
  readonly type: "queue"
  readonly transmission: Transmission
  readonly party: Party
  readonly command: QueueCommand
}

const empty: Bytes = new Uint8Array(0)

/** Reads one item of a block. */
export function parseRequest(version: SmpVersion, sessionId: Bytes, item: Bytes): Request {
  let transmission: Transmission
  try {
    transmission = parseTransmission(version, sessionId, item)
  } catch (error) {
    if (!(error instanceof TransmissionError)) throw error
    return { type: "refused", corrId: error.corrId ?? empty, entityId: empty, error: error.error }
  }
  const { corrId, entityId } = transmission
  const refuse = (error: ProtocolError): Request => ({ type: "refused", corrId, entityId, error })
  let command: Command
  try {
    command = parseCommand(version, transmission.command)
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return refuse(error.error)
  }
  const violation = credentialError(command.type, {
    authorized: transmission.authorization.length > 0,
    entity: entityId.length > 0,
  })
  if (violation !== undefined) return refuse(violation)
  // No session here is one of a service, so that a second signature is never right; told before any lookup.
  if (transmission.serviceSignature !== undefined) return refuse({ type: "SERVICE" })
  return served(command, transmission) ?? refuse({ type: "CMD", reason: "PROHIBITED" })
}

/** The sender id of a link is signed before NEW is sent, so it follows from the correlation id (smp-commands.md, "NEW / IDS"). */
function mayName(link: LinkRequest | undefined, corrId: Bytes): boolean {
  return link === undefined || equalBytes(link.senderId, sha3_384(corrId).subarray(0, 24))
}

function served(command: Command, transmission: Transmission): Request | undefined {
  switch (command.type) {
    case "PING":
      return { type: "ping", corrId: transmission.corrId }
    case "NEW":
      return command.notifier === undefined && mayName(command.linkData, transmission.corrId)
        ? { type: "new", transmission, command }
        : undefined
    case "SKEY":
    case "SEND":
      return { type: "queue", transmission, party: "sender", command }
    case "KEY":
    case "ACK":
    case "LSET":
      return { type: "queue", transmission, party: "recipient", command }
    case "SUB":
    case "GET":
    case "OFF":
    case "DEL":
    case "QUE":
    case "LDEL":
      return { type: "queue", transmission, party: "recipient", command: { type: command.type } }
    case "LKEY":
      return { type: "queue", transmission, party: "link", command }
    case "LGET":
      return { type: "queue", transmission, party: "link", command: { type: command.type } }
    case "RKEY":
    case "NKEY":
    case "NDEL":
    case "NSUB":
    case "NSUBS":
    case "SUBS":
    case "PRXY":
    case "PFWD":
    case "RFWD":
      return undefined
    default:
      return command satisfies never
  }
}
