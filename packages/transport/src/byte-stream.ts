import type { Bytes } from "@smpkit/codec"
import type { CloseReason } from "./transport.ts"

/**
 * An ordered, reliable stream of bytes in both directions: a TCP connection, a WebSocket, a pipe in memory. Nothing about it is authentic or secret.
 * How the bytes are divided carries no meaning.
 */
export interface ByteStream extends AsyncDisposable {
  /**
   * Takes the pieces at once, as one message where the carrier has messages, in the order of the calls; resolves when the stream wants more. The bytes may not be
   * changed afterwards. Throws `TransportError CLOSED`.
   */
  write(...pieces: readonly Bytes[]): Promise<void>
  /** The next bytes, which then belong to the caller; `undefined` at the end, also of a stream that broke. One call at a time. Bytes that nobody reads pause the peer where the carrier can. */
  read(): Promise<Bytes | undefined>
  /** Nothing more is written: resolves when what was written has left, or the stream is gone. Never rejects; repeating it is harmless. */
  end(): Promise<void>
  /** Drops the connection at once. Repeating it is harmless. */
  destroy(): void
  /** Settles once, when both directions are done, and never rejects. */
  readonly closed: Promise<CloseReason>
}
