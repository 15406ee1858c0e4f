/**
 * - `MESSAGE`: not a ratchet message, or a header that opens but is none.
 * - `HEADER`: no header key opens the header.
 * - `DUPLICATE`: the last message of the receiving chain again.
 * - `EARLIER`: a message of the receiving chain whose key was used or erased; `count` tells how far back.
 * - `SKIPPED`: more messages are missing than may be bridged; `count` tells how many.
 * - `DECRYPT`: the header opens, the body does not.
 * - `NO_SENDING_CHAIN`: the side whose parameters came first sends before it has received.
 * - `KEM_STATE`: the peer accepted a KEM key that nobody proposed.
 * - `LARGE`: a plaintext longer than its padded length holds.
 * - `COUNTER`: a chain has given its last message number.
 * - `VERSION`: an end-to-end version outside the supported range.
 */
export type RatchetErrorCode =
  | "MESSAGE"
  | "HEADER"
  | "DUPLICATE"
  | "EARLIER"
  | "SKIPPED"
  | "DECRYPT"
  | "NO_SENDING_CHAIN"
  | "KEM_STATE"
  | "LARGE"
  | "COUNTER"
  | "VERSION"

type DetailOf<C extends RatchetErrorCode> = C extends "EARLIER" | "SKIPPED" ? number : undefined

/**
 * What this package throws for what a peer sent and for what cannot be sent. Every function that throws it leaves the
 * state that it was given byte for byte as it was.
 */
export class RatchetError<C extends RatchetErrorCode = RatchetErrorCode> extends Error {
  override readonly name = "RatchetError"
  readonly code: C
  /** Messages back (`EARLIER`) or missing (`SKIPPED`); `undefined` for the other codes. */
  readonly count: DetailOf<C>
  constructor(code: C, message: string, count?: DetailOf<C>, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.count = count as DetailOf<C>
  }
  static is<C extends RatchetErrorCode>(error: unknown, code: C): error is RatchetError<C> {
    return error instanceof RatchetError && error.code === code
  }
}
