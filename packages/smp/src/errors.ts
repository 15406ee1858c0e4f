import type { Bytes } from "@smpkit/codec"
import { formatProtocolError, type ProtocolError } from "./protocol-error.ts"

/**
 * `ADDRESS`: not a server address. `LINK`: not a queue address or a query string of a link.
 * `LARGE_MSG`: a transmission that no block can carry.
 */
export type SmpErrorCode = "ADDRESS" | "LINK" | "LARGE_MSG"

/** What this package throws for texts and sizes that are not usable; its message repeats nothing of them. */
export class SmpError<C extends SmpErrorCode = SmpErrorCode> extends Error {
  override readonly name = "SmpError"
  readonly code: C
  constructor(code: C, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
  static is<C extends SmpErrorCode>(error: unknown, code: C): error is SmpError<C> {
    return error instanceof SmpError && error.code === code
  }
}

/** A command that does not parse; `error` is the answer that the specification gives it. */
export class CommandError extends Error {
  override readonly name = "CommandError"
  readonly code = "COMMAND"
  readonly error: ProtocolError
  constructor(error: ProtocolError, options?: ErrorOptions) {
    super(formatProtocolError(error), options)
    this.error = error
  }
}

/** A transmission that does not parse; `error` is the answer, `corrId` is known when the fields could be told apart. */
export class TransmissionError extends Error {
  override readonly name = "TransmissionError"
  readonly code = "TRANSMISSION"
  readonly error: ProtocolError
  readonly corrId: Bytes | undefined
  constructor(error: ProtocolError, corrId: Bytes | undefined, options?: ErrorOptions) {
    super(formatProtocolError(error), options)
    this.error = error
    this.corrId = corrId
  }
}
