import type { Bytes } from "@smpkit/codec"
import type { PrivateKey, PublicKey } from "@smpkit/crypto"
import {
  type BrokerMessage,
  type Command,
  CommandError,
  encodeBatches,
  encodeBrokerMessage,
  encodeTransmission,
  parseBatch,
  parseCommand,
  parseTransmission,
  type SmpVersion,
  TransmissionError,
} from "@smpkit/smp"
import type { BlockStream, CloseReason, Received, SmpSession } from "@smpkit/transport"

const empty: Bytes = new Uint8Array(0)

/** A stream whose blocks somebody copies. */
export class TappedStream implements BlockStream {
  readonly sessionId: Bytes
  readonly alpn: string | undefined
  readonly peerChain: readonly Bytes[]
  readonly closed: Promise<CloseReason>
  readonly #inner: BlockStream
  readonly #onBlock: (block: Bytes) => void

  constructor(inner: BlockStream, onBlock: (block: Bytes) => void) {
    this.#inner = inner
    this.#onBlock = onBlock
    this.sessionId = inner.sessionId
    this.alpn = inner.alpn
    this.peerChain = inner.peerChain
    this.closed = inner.closed
  }

  async write(block: Bytes): Promise<void> {
    this.#onBlock(block.slice())
    await this.#inner.write(block)
  }

  async read(): Promise<Bytes | undefined> {
    const block = await this.#inner.read()
    if (block !== undefined) this.#onBlock(block.slice())
    return block
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

export interface Tap {
  readonly onContent: (content: Bytes) => void
  /** An answer in place of the server's, `silence` for none, or `undefined` to let the server see the command. */
  readonly onCommand: (
    command: Command,
    entityId: Bytes,
    transmission: Bytes,
  ) => BrokerMessage | "silence" | undefined
}

/** A server's session whose contents somebody reads, and may answer. */
export class TappedSession implements SmpSession {
  readonly version: SmpVersion
  readonly sessionId: Bytes
  readonly serverSessionKey: PublicKey<"x25519"> | undefined
  readonly serverSessionPrivate: PrivateKey<"x25519"> | undefined
  readonly maxContentSize: number
  readonly closed: Promise<CloseReason>
  readonly #inner: SmpSession
  readonly #tap: Tap

  constructor(inner: SmpSession, tap: Tap) {
    this.#inner = inner
    this.#tap = tap
    this.version = inner.version
    this.sessionId = inner.sessionId
    this.serverSessionKey = inner.serverSessionKey
    this.serverSessionPrivate = inner.serverSessionPrivate
    this.maxContentSize = inner.maxContentSize
    this.closed = inner.closed
  }

  async send(content: Bytes): Promise<void> {
    this.#tap.onContent(content.slice())
    await this.#inner.send(content)
  }

  async receive(): Promise<Received | undefined> {
    for (;;) {
      const received = await this.#inner.receive()
      if (received?.type !== "content") return received
      this.#tap.onContent(received.content.slice())
      const items = parseBatch(received.content)
      const kept: Bytes[] = []
      for (const item of items) if (!(await this.#answered(item))) kept.push(item)
      if (kept.length === items.length) return received
      const [content] = encodeBatches(kept)
      if (content !== undefined) return { type: "content", content }
    }
  }

  /** Whether the server is to see nothing of a transmission. */
  async #answered(item: Bytes): Promise<boolean> {
    const { version, sessionId } = this
    try {
      const { corrId, entityId, command } = parseTransmission(version, sessionId, item)
      const answer = this.#tap.onCommand(parseCommand(version, command), entityId, item)
      if (answer === undefined) return false
      if (answer === "silence") return true
      const bytes = encodeBrokerMessage(version, answer)
      const transmission = { authorization: empty, corrId, entityId, command: bytes }
      for (const content of encodeBatches([encodeTransmission(version, sessionId, transmission)]))
        await this.send(content)
      return true
    } catch (error) {
      // The server's answer to it is part of what a test looks at.
      if (error instanceof TransmissionError || error instanceof CommandError) return false
      throw error
    }
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
