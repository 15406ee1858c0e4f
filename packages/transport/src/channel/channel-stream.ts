import type { Bytes } from "@smpkit/codec"
import { blockSize } from "@smpkit/smp"
import type { ByteStream } from "../byte-stream.ts"
import type { Clock } from "../clock.ts"
import { TransportError } from "../errors.ts"
import type { BlockStream, CloseReason } from "../transport.ts"
import type { ChannelConnection, ChannelEnd } from "./connection.ts"
import { channelError } from "./failure.ts"

// channel.md, "Records": how long a side that has sent its close waits for the other's.
const closeTimeoutMs = 5_000

export interface ChannelFacts {
  readonly sessionId: Bytes
  /** The server's certificates in a client, none in a server. */
  readonly peerChain: readonly Bytes[]
  readonly clock: Clock
  /** That of the client's address, in a server that knows it. */
  readonly prefix?: string | undefined
  /** Bytes of records that came with the handshake. */
  readonly rest: Bytes
  /** Called once, when the first block has come or the stream is over. */
  readonly onFirstBlock?: () => void
}

/** A stream of blocks over a stream of bytes whose channel is open. It reads one record ahead of its reader, so that an end is noticed. */
export class ChannelStream implements BlockStream {
  readonly sessionId: Bytes
  /** As if it had been agreed on: a channel is for SMP alone. */
  readonly alpn = "smp/1"
  readonly peerChain: readonly Bytes[]
  readonly prefix: string | undefined
  readonly closed: Promise<CloseReason>
  readonly #stream: ByteStream
  readonly #connection: ChannelConnection
  readonly #clock: Clock
  #onFirstBlock: (() => void) | undefined
  #block: Bytes | undefined
  #over = false
  #closing: Promise<void> | undefined
  #reader: ((block: Bytes | undefined) => void) | undefined
  #wakePump: (() => void) | undefined

  constructor(
    stream: ByteStream,
    connection: ChannelConnection,
    { sessionId, peerChain, clock, prefix, rest, onFirstBlock }: ChannelFacts,
  ) {
    this.#stream = stream
    this.#connection = connection
    this.sessionId = sessionId
    this.peerChain = peerChain
    this.prefix = prefix
    this.#clock = clock
    this.#onFirstBlock = onFirstBlock
    connection.push(rest)
    this.closed = this.#pump()
  }

  async write(block: Bytes): Promise<void> {
    if (block.length !== blockSize) throw new RangeError(`a block of ${block.length} bytes`)
    if (this.#connection.state !== "open") throw new TransportError("CLOSED", "the connection is closed")
    if (this.#connection.atLimit) {
      void this.close()
      throw new TransportError("CLOSED", "the connection has carried all that it may carry: connect again")
    }
    // Sealed and handed over before anything is awaited: the order of the calls is that of the numbers.
    await this.#stream.write(...this.#connection.seal(block))
  }

  read(): Promise<Bytes | undefined> {
    if (this.#reader !== undefined) throw new RangeError("a second read while one waits")
    const block = this.#block
    if (block !== undefined) {
      this.#block = undefined
      this.#wakePump?.()
      return Promise.resolve(block)
    }
    if (this.#over || this.#closing !== undefined) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#reader = (next) => {
        this.#reader = undefined
        resolve(next)
      }
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const last = this.#connection.close()
    if (last !== undefined) this.#send(last)
    this.#block = undefined
    this.#reader?.(undefined)
    this.#wakePump?.()
    using _timer = this.#clock.setTimer(closeTimeoutMs, () => {
      this.#stream.destroy()
    })
    await this.closed
  }

  /** Reads until the connection is over, and says why. */
  async #pump(): Promise<CloseReason> {
    // The constructor's caller gets to see the stream first.
    await Promise.resolve()
    const { send, end } = await this.#untilClosed()
    this.#over = true
    this.#firstBlockSeen()
    this.#reader?.(undefined)
    if (send !== undefined) this.#send(send)
    using _timer = this.#clock.setTimer(closeTimeoutMs, () => {
      this.#stream.destroy()
    })
    if (end.type === "failed" && end.failure.code === "TRUNCATED") this.#stream.destroy()
    else await this.#farewell()
    await this.#stream.closed
    if (end.type === "end") return { type: this.#closing === undefined ? "ended" : "local" }
    const { code, message } = channelError(end.failure)
    return { type: "error", code, message }
  }

  async #untilClosed(): Promise<{ readonly send: readonly Bytes[] | undefined; readonly end: ChannelEnd }> {
    for (;;) {
      const event = this.#connection.next()
      if (event?.type === "closed") return event
      if (event?.type === "block") {
        // Nothing is awaited for a block that somebody waits for.
        if (!this.#handOver(event.block)) await this.#taken()
        continue
      }
      const bytes = await this.#stream.read()
      if (bytes !== undefined) this.#connection.push(bytes)
      else {
        const cut = this.#connection.truncated()
        if (cut?.type === "closed") return cut
      }
    }
  }

  /** Ends our side, and throws away what still comes: unread bytes would make the system reset the connection, and the peer lose our close. */
  async #farewell(): Promise<void> {
    await this.#stream.end()
    let more = await this.#stream.read()
    while (more !== undefined) more = await this.#stream.read()
  }

  /** Hands a block to whoever waits, or keeps it until somebody reads: then the answer is false. After our close it is thrown away. */
  #handOver(block: Bytes): boolean {
    this.#firstBlockSeen()
    if (this.#closing !== undefined) return true
    if (this.#reader !== undefined) {
      this.#reader(block)
      return true
    }
    this.#block = block
    return false
  }

  /** Resolves when the block that is kept was read, or nobody will read any more. */
  #taken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakePump = () => {
        this.#wakePump = undefined
        resolve()
      }
    })
  }

  #firstBlockSeen(): void {
    this.#onFirstBlock?.()
    this.#onFirstBlock = undefined
  }

  /** The last record of this side. A stream that is gone takes none. */
  #send(record: readonly Bytes[]): void {
    this.#stream.write(...record).catch(() => undefined)
  }
}
