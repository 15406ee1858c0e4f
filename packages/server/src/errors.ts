/**
 * `CONFIGURATION`: a setting or file of the server's directory that cannot be used. `IN_USE`: another process runs on the directory.
 * `STORE`: the store failed or is damaged. `PORT`: the port cannot be listened on. `IDENTITY`: certificates or keys that do not fit.
 */
export type ServerErrorCode = "CONFIGURATION" | "IN_USE" | "STORE" | "PORT" | "IDENTITY"

/** What this package throws; the message says what to do about it. */
export class ServerError<C extends ServerErrorCode = ServerErrorCode> extends Error {
  override readonly name = "ServerError"
  readonly code: C
  constructor(code: C, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
  static is<C extends ServerErrorCode>(error: unknown, code: C): error is ServerError<C> {
    return error instanceof ServerError && error.code === code
  }
}
