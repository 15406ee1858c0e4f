import type { Bytes } from "@smpkit/codec"
import type { PrivateKey, PublicKey } from "@smpkit/crypto"
import type { SmpVersion } from "@smpkit/smp"

/** Why a stream or session is over: the peer ended it, we did, or it broke (`code` is one of `TransportErrorCode`). */
export type CloseReason =
  | { readonly type: "ended" }
  | { readonly type: "local" }
  | { readonly type: "error"; readonly code: string; readonly message: string }

/** A stream of blocks of exactly 16,384 bytes, after TLS or the channel, with the facts that the SMP handshake needs. */
export interface BlockStream extends AsyncDisposable {
  /** The client's TLS Finished, or what the channel derives. */
  readonly sessionId: Bytes
  /** The application protocol that was agreed on; `undefined` makes a server offer version 6 alone. A channel says `smp/1`. */
  readonly alpn: string | undefined
  /** The peer's certificates in DER, leaf first; a client's stream has a verified chain here, a server's has none. */
  readonly peerChain: readonly Bytes[]
  /** What stands for the peer's address in limits, as long as the stream lasts: a server's stream has it where the address is known and says something. */
  readonly prefix?: string | undefined
  /** Resolves when the stream wants more. Blocks leave in the order of the calls. Throws `TransportError CLOSED`. */
  write(block: Bytes): Promise<void>
  /** The next block, which then belongs to the caller; `undefined` at the end. One call at a time. Blocks that nobody reads pause the peer. */
  read(): Promise<Bytes | undefined>
  /** Settles once, and never rejects. */
  readonly closed: Promise<CloseReason>
  /** Sends what was written, then closes. Pending reads answer `undefined`. Never rejects; repeating it is harmless. */
  close(): Promise<void>
}

/** What a session received: a block's content (a batch), or a block that does not open, which a server answers with `ERR BLOCK`. */
export type Received = { readonly type: "content"; readonly content: Bytes } | { readonly type: "bad" }

/** A stream after the SMP handshake: contents of blocks, padded and encrypted underneath. */
export interface SmpSession extends AsyncDisposable {
  readonly version: SmpVersion
  readonly sessionId: Bytes
  /** A client's: the server's key, to make authenticators with; absent below version 7. */
  readonly serverSessionKey: PublicKey<"x25519"> | undefined
  /** A server's: the other half, to verify authenticators with; absent below version 7. */
  readonly serverSessionPrivate: PrivateKey<"x25519"> | undefined
  /** The most bytes that `send` takes. */
  readonly maxContentSize: number
  /** Resolves when the stream wants more; contents leave in the order of the calls. Throws `TransportError CLOSED`, and `RangeError` for too long a content. */
  send(content: Bytes): Promise<void>
  /** The next content; `undefined` at the end. One call at a time. */
  receive(): Promise<Received | undefined>
  readonly closed: Promise<CloseReason>
  close(): Promise<void>
}
