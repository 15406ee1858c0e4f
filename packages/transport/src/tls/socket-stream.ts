import type { TLSSocket } from "node:tls"
import type { Bytes } from "@smpkit/codec"
import { blockSize } from "@smpkit/smp"
import { BlockFramer } from "../blocks.ts"
import type { Clock } from "../clock.ts"
import { TransportError } from "../errors.ts"
import type { BlockStream, CloseReason } from "../transport.ts"
import { asTransportError } from "./sentences.ts"

// Blocks that wait for a reader before the socket is paused, and bytes that wait for the network before a writer is.
const waitingBlocks = 4
const waitingBytes = 4 * blockSize
// How long a closing connection waits for its last blocks to leave and for the peer's end.
const lingerMs = 2_000

export interface SocketFacts {
  readonly sessionId: Bytes
  readonly alpn: string | undefined
  readonly peerChain: readonly Bytes[]
  readonly clock: Clock
  readonly prefix?: string | undefined
  /** Called once, when the first whole block has come. */
  readonly onFirstBlock?: () => void
}

/** A stream of blocks over a TLS socket whose handshake is done. */
export class SocketStream implements BlockStream {
  readonly sessionId: Bytes
  readonly alpn: string | undefined
  readonly peerChain: readonly Bytes[]
  readonly prefix: string | undefined
  readonly closed: Promise<CloseReason>
  readonly #socket: TLSSocket
  readonly #clock: Clock
  readonly #framer = new BlockFramer()
  #onFirstBlock: (() => void) | undefined
  #reader: ((block: Bytes | undefined) => void) | undefined
  #writers: (() => void)[] = []
  #state: "open" | "readEnded" | "closing" | "closed" = "open"
  #error: Error | undefined

  constructor(socket: TLSSocket, { sessionId, alpn, peerChain, clock, prefix, onFirstBlock }: SocketFacts) {
    this.sessionId = sessionId
    this.alpn = alpn
    this.peerChain = peerChain
    this.prefix = prefix
    this.#socket = socket
    this.#clock = clock
    this.#onFirstBlock = onFirstBlock
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        const reason = this.#reason()
        this.#state = "closed"
        this.#settle()
        resolve(reason)
      })
    })
    socket.on("error", (error) => {
      this.#error ??= error
    })
    socket.on("data", (chunk: Buffer<ArrayBuffer>) => {
      this.#receive(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length))
    })
    socket.once("end", () => {
      if (this.#state === "open") this.#state = "readEnded"
      this.#reader?.(undefined)
    })
    socket.on("drain", () => {
      this.#wakeWriters()
    })
  }

  async write(block: Bytes): Promise<void> {
    if (block.length !== blockSize) throw new RangeError(`a block of ${block.length} bytes`)
    if (this.#state === "closing" || this.#state === "closed" || !this.#socket.writable)
      throw new TransportError("CLOSED", "the connection is closed")
    if (this.#socket.write(block) || this.#socket.writableLength < waitingBytes) return
    await new Promise<void>((resolve) => this.#writers.push(resolve))
  }

  read(): Promise<Bytes | undefined> {
    if (this.#reader !== undefined) throw new RangeError("a second read while one waits")
    const block = this.#framer.shift()
    if (block !== undefined) {
      if (this.#framer.waiting === 0 && this.#socket.isPaused()) this.#socket.resume()
      return Promise.resolve(block)
    }
    if (this.#state !== "open") return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#reader = (next) => {
        this.#reader = undefined
        resolve(next)
      }
    })
  }

  async close(): Promise<void> {
    if (this.#state === "open" || this.#state === "readEnded") {
      this.#state = "closing"
      this.#framer.clear()
      this.#settle()
      // What still comes is thrown away: unread bytes would make the system reset the connection, and the peer lose our last blocks.
      this.#socket.resume()
      this.#socket.end()
      const timer = this.#clock.setTimer(lingerMs, () => {
        this.#socket.destroy()
      })
      await this.closed
      timer[Symbol.dispose]()
    }
    await this.closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #receive(chunk: Bytes): void {
    if (this.#state !== "open") return
    this.#framer.push(chunk)
    if (this.#onFirstBlock !== undefined && this.#framer.waiting > 0) {
      this.#onFirstBlock()
      this.#onFirstBlock = undefined
    }
    if (this.#reader !== undefined) {
      const block = this.#framer.shift()
      if (block !== undefined) this.#reader(block)
    }
    if (this.#framer.waiting >= waitingBlocks) this.#socket.pause()
  }

  #wakeWriters(): void {
    const writers = this.#writers
    this.#writers = []
    for (const wake of writers) wake()
  }

  #settle(): void {
    this.#reader?.(undefined)
    this.#wakeWriters()
  }

  #reason(): CloseReason {
    if (this.#state === "closing") return { type: "local" }
    if (this.#error !== undefined) {
      const { code, message } = asTransportError(this.#error, "the connection broke")
      return { type: "error", code, message }
    }
    if (this.#framer.unfinished > 0)
      return { type: "error", code: "BLOCK", message: "the connection ended inside a block" }
    return this.#state === "readEnded"
      ? { type: "ended" }
      : { type: "error", code: "NETWORK", message: "the connection broke" }
  }
}
