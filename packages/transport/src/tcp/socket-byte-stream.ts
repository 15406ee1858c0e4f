import type { Socket } from "node:net"
import type { Bytes } from "@smpkit/codec"
import type { ByteStream } from "../byte-stream.ts"
import { TransportError } from "../errors.ts"
import { asTransportError } from "../tls/sentences.ts"
import type { CloseReason } from "../transport.ts"

// Bytes that wait for the network before a writer waits.
const waitingBytes = 65_536

/** A stream of bytes over a TCP connection, which must have been made with `allowHalfOpen`. */
export class SocketByteStream implements ByteStream {
  readonly closed: Promise<CloseReason>
  readonly #socket: Socket
  readonly #chunks: Bytes[] = []
  #reader: ((bytes: Bytes | undefined) => void) | undefined
  #writers: (() => void)[] = []
  #ended = false
  #gone = false
  #destroyed = false
  #error: Error | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    // Nothing is read before somebody asks for it.
    socket.pause()
    socket.on("data", (chunk: Buffer<ArrayBuffer>) => {
      const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)
      if (this.#reader !== undefined) this.#reader(bytes)
      else {
        this.#chunks.push(bytes)
        socket.pause()
      }
    })
    socket.once("end", () => {
      this.#ended = true
      if (this.#chunks.length === 0) this.#reader?.(undefined)
    })
    socket.on("drain", () => {
      this.#wakeWriters()
    })
    socket.on("error", (error) => {
      this.#error ??= error
    })
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#gone = true
        this.#reader?.(undefined)
        this.#wakeWriters()
        resolve(this.#reason())
      })
    })
  }

  async write(...pieces: readonly Bytes[]): Promise<void> {
    if (this.#gone || !this.#socket.writable) throw new TransportError("CLOSED", "the connection is closed")
    this.#gather()
    for (const piece of pieces) this.#socket.write(piece)
    if (!this.#socket.writableNeedDrain || this.#socket.writableLength < waitingBytes) return
    await new Promise<void>((resolve) => this.#writers.push(resolve))
  }

  read(): Promise<Bytes | undefined> {
    if (this.#reader !== undefined) throw new RangeError("a second read while one waits")
    const chunk = this.#chunks.shift()
    if (chunk !== undefined) return Promise.resolve(chunk)
    if (this.#ended || this.#gone) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#reader = (bytes) => {
        this.#reader = undefined
        resolve(bytes)
      }
      this.#socket.resume()
    })
  }

  async end(): Promise<void> {
    if (this.#gone) return
    await new Promise<void>((resolve) => {
      this.#socket.once("close", resolve)
      this.#socket.end(resolve)
    })
  }

  destroy(): void {
    this.#destroyed = true
    this.#socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy()
    await this.closed
  }

  /** What is written in one tick leaves in one call of the system, which costs several times less for each record. */
  #gather(): void {
    if (this.#socket.writableCorked > 0) return
    this.#socket.cork()
    process.nextTick(() => {
      this.#socket.uncork()
    })
  }

  #wakeWriters(): void {
    const writers = this.#writers
    this.#writers = []
    for (const wake of writers) wake()
  }

  #reason(): CloseReason {
    if (this.#error !== undefined) {
      const { code, message } = asTransportError(this.#error, "the connection broke")
      return { type: "error", code, message }
    }
    return { type: this.#destroyed ? "local" : "ended" }
  }
}
