import type { Bytes } from "@smpkit/codec"
import type { ByteStream } from "../byte-stream.ts"
import { TransportError } from "../errors.ts"
import type { CloseReason } from "../transport.ts"
import { joined, maxMessageSize } from "./message.ts"

// Bytes that wait for the network before a writer waits, and how often that is looked at: a browser does not tell.
const waitingBytes = 65_536
const pollMs = 10

/**
 * A stream of bytes over an open WebSocket of a browser. A browser cannot pause one: bytes that nobody reads wait in memory, as many as the server sends. Nor may a
 * page close one for the reason 1003 or 1009: it closes without one.
 */
export class BrowserWebSocketStream implements ByteStream {
  readonly closed: Promise<CloseReason>
  readonly #socket: WebSocket
  readonly #chunks: Bytes[] = []
  readonly #settle: (reason: CloseReason) => void
  #reader: ((bytes: Bytes | undefined) => void) | undefined
  #gone = false
  #refused = false

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      if (!(data instanceof ArrayBuffer) || data.byteLength > maxMessageSize || this.#refused) {
        this.#refused = true
        socket.close()
        return
      }
      if (this.#gone) return
      const bytes = new Uint8Array(data)
      if (this.#reader === undefined) this.#chunks.push(bytes)
      else this.#reader(bytes)
    })
    let settle: (reason: CloseReason) => void = () => undefined
    this.closed = new Promise((resolve) => (settle = resolve))
    this.#settle = settle
    socket.addEventListener("close", ({ wasClean }) => {
      this.#over(
        wasClean ? { type: "ended" } : { type: "error", code: "NETWORK", message: "the connection broke" },
      )
    })
  }

  async write(...pieces: readonly Bytes[]): Promise<void> {
    if (this.#socket.readyState !== WebSocket.OPEN)
      throw new TransportError("CLOSED", "the connection is closed")
    this.#socket.send(joined(pieces))
    while (this.#socket.bufferedAmount >= waitingBytes && !this.#isClosed())
      await new Promise((resolve) => setTimeout(resolve, pollMs))
  }

  read(): Promise<Bytes | undefined> {
    if (this.#reader !== undefined) throw new RangeError("a second read while one waits")
    const chunk = this.#chunks.shift()
    if (chunk !== undefined || this.#gone) return Promise.resolve(chunk)
    return new Promise((resolve) => {
      this.#reader = (bytes) => {
        this.#reader = undefined
        resolve(bytes)
      }
    })
  }

  end(): Promise<void> {
    // Also leaves what was written before: the browser closes after it.
    this.#socket.close()
    return Promise.resolve()
  }

  destroy(): void {
    this.#chunks.length = 0
    this.#socket.close()
    // The browser goes on waiting for the peer's answer, up to a minute where the peer does not read; nobody here need.
    this.#over({ type: "local" })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy()
    await this.closed
  }

  #isClosed(): boolean {
    return this.#gone || this.#socket.readyState === WebSocket.CLOSED
  }

  /** The first reason counts. */
  #over(reason: CloseReason): void {
    this.#gone = true
    this.#reader?.(undefined)
    this.#settle(reason)
  }
}
