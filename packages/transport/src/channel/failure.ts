import { TransportError, type TransportErrorCode } from "../errors.ts"

// channel.md, "Errors".

/** What went wrong, in the terms of the protocol. */
export type ChannelErrorCode =
  | "PREAMBLE"
  | "IDENTITY"
  | "VERSION"
  | "BUSY"
  | "KEY"
  | "REFUSED"
  | "HELLO"
  | "CHAIN"
  | "EXPIRED"
  | "SIGNATURE"
  | "KEM_KEY"
  | "CONFIRM"
  | "TIMEOUT"
  | "TRUNCATED"
  | "RECORD"
  | "PEER"

/** Why a channel failed: data, so that a state machine can say it and still have bytes to send. `message` is for people and holds no key and no content. */
export interface ChannelFailure {
  readonly code: ChannelErrorCode
  readonly message: string
  /** The refusal's name or number under `REFUSED`, the close's number under `PEER`. */
  readonly detail?: RefusalName | number
  readonly cause?: unknown
}

/** Why a server refuses a handshake. */
export type RefusalName = "BUSY" | "VERSION" | "KEY"

// The same thing has the same code over TLS, so that nobody who handles errors needs to know the carrier.
const transportCodes: Readonly<Record<ChannelErrorCode, TransportErrorCode>> = {
  PREAMBLE: "PREAMBLE",
  IDENTITY: "FINGERPRINT",
  VERSION: "VERSION",
  BUSY: "BUSY",
  KEY: "KEY",
  REFUSED: "REFUSED",
  HELLO: "HANDSHAKE",
  CHAIN: "CERTIFICATE",
  EXPIRED: "CERTIFICATE",
  SIGNATURE: "HANDSHAKE",
  KEM_KEY: "HANDSHAKE",
  CONFIRM: "HANDSHAKE",
  TIMEOUT: "TIMEOUT",
  TRUNCATED: "TRUNCATED",
  RECORD: "RECORD",
  PEER: "PEER",
}

/** A failure as what the package throws; the failure itself is its cause. */
export function channelError(failure: ChannelFailure): TransportError {
  return new TransportError(transportCodes[failure.code], failure.message, { cause: failure })
}
