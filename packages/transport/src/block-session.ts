import type { Bytes } from "@smpkit/codec"
import { CryptoError, dh, type PrivateKey, type PublicKey } from "@smpkit/crypto"
import {
  blockChains,
  BlockOpener,
  BlockSealer,
  padBlock,
  plainContentSize,
  sealedContentSize,
  type SmpVersion,
  unpadBlock,
} from "@smpkit/smp"
import type { BlockStream, CloseReason, Received, SmpSession } from "./transport.ts"

/** How the contents of one session travel in blocks. */
export interface BlockCoding {
  readonly maxContentSize: number
  readonly seal: (content: Bytes) => Bytes
  /** Throws `CryptoError` for a block that does not open. */
  readonly open: (block: Bytes) => Bytes
  /** Erases its keys. */
  readonly dispose: () => void
}

/** Blocks below version 11, or of a client without a session key. */
export const plainBlocks: BlockCoding = {
  maxContentSize: plainContentSize,
  seal: padBlock,
  open: unpadBlock,
  dispose: () => undefined,
}

/** Encrypted blocks. Throws `CryptoError DH` for a peer's key that gives no secret. */
export function sealedBlocks(
  role: "client" | "server",
  sessionId: Bytes,
  ours: PrivateKey<"x25519">,
  theirs: PublicKey<"x25519">,
): BlockCoding {
  const secret = dh(ours, theirs)
  const { serverToClient, clientToServer } = blockChains(sessionId, secret)
  secret.fill(0)
  const [sending, receiving] =
    role === "client" ? [clientToServer, serverToClient] : [serverToClient, clientToServer]
  const sealer = new BlockSealer(sending)
  const opener = new BlockOpener(receiving)
  sending.fill(0)
  receiving.fill(0)
  return {
    maxContentSize: sealedContentSize,
    seal: (content) => sealer.seal(content),
    open: (block) => opener.open(block),
    dispose: () => {
      sealer[Symbol.dispose]()
      opener[Symbol.dispose]()
    },
  }
}

/** What a handshake agreed on. */
export interface SessionFacts {
  readonly version: SmpVersion
  readonly serverSessionKey?: PublicKey<"x25519"> | undefined
  readonly serverSessionPrivate?: PrivateKey<"x25519"> | undefined
  readonly coding: BlockCoding
}

/** A session over a stream of blocks. Its keys are erased when it is closed, or when the peer has closed it and all that came was read. */
export class BlockSession implements SmpSession {
  readonly version: SmpVersion
  readonly sessionId: Bytes
  readonly serverSessionKey: PublicKey<"x25519"> | undefined
  readonly serverSessionPrivate: PrivateKey<"x25519"> | undefined
  readonly maxContentSize: number
  readonly closed: Promise<CloseReason>
  readonly #stream: BlockStream
  readonly #coding: BlockCoding
  #closed = false
  #readEnded = false

  constructor(stream: BlockStream, facts: SessionFacts) {
    this.version = facts.version
    this.sessionId = stream.sessionId
    this.serverSessionKey = facts.serverSessionKey
    this.serverSessionPrivate = facts.serverSessionPrivate
    this.maxContentSize = facts.coding.maxContentSize
    this.closed = stream.closed
    this.#stream = stream
    this.#coding = facts.coding
    void stream.closed.then(() => {
      this.#closed = true
      if (this.#readEnded) this.#erase()
    })
  }

  // Blocks are sealed in the order of the calls, before anything is awaited: the peer opens them in that order.
  async send(content: Bytes): Promise<void> {
    await this.#stream.write(this.#coding.seal(content))
  }

  async receive(): Promise<Received | undefined> {
    const block = await this.#stream.read()
    if (block === undefined) {
      // Blocks that came before the end can be opened until then.
      this.#readEnded = true
      if (this.#closed) this.#erase()
      return undefined
    }
    try {
      return { type: "content", content: this.#coding.open(block) }
    } catch (error) {
      if (error instanceof CryptoError) return { type: "bad" }
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#stream.close()
    this.#erase()
  }

  #erase(): void {
    this.#coding.dispose()
    this.serverSessionPrivate?.[Symbol.dispose]()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
