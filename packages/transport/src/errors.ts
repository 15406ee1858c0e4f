/**
 * `FINGERPRINT`: the server is not the one of the address. `CERTIFICATE`: a chain that does not hold. `SESSION`: the session ids differ.
 * `VERSION`: no common version, or one that is refused. `ALPN`: no application protocol was agreed on. `HANDSHAKE`: a peer that does not speak as it must.
 * `TIMEOUT`: too slow. `NETWORK`: no connection, or one that broke. `CLOSED`: closed by us or ended by the peer. `BLOCK`: not a whole block.
 *
 * Of the channel alone, in a client: `REFUSED`: the server said why it refuses, without proof that it was the server. `TRUNCATED`: the connection ended before the
 * channel did. `RECORD`: a record that does not open. `PEER`: the peer could not go on. In a server: `PREAMBLE`: not a channel's client. `BUSY`: a limit is reached.
 * `KEY`: a session key that does not decrypt.
 */
export type TransportErrorCode =
  | "FINGERPRINT"
  | "CERTIFICATE"
  | "SESSION"
  | "VERSION"
  | "ALPN"
  | "HANDSHAKE"
  | "TIMEOUT"
  | "NETWORK"
  | "CLOSED"
  | "BLOCK"
  | "REFUSED"
  | "TRUNCATED"
  | "RECORD"
  | "PEER"
  | "PREAMBLE"
  | "BUSY"
  | "KEY"

/** What this package throws. Messages may name a server's host and fingerprint, never a client's address. */
export class TransportError<C extends TransportErrorCode = TransportErrorCode> extends Error {
  override readonly name = "TransportError"
  readonly code: C
  constructor(code: C, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
  static is<C extends TransportErrorCode>(error: unknown, code: C): error is TransportError<C> {
    return error instanceof TransportError && error.code === code
  }
}
