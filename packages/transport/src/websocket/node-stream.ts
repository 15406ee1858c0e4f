import { WebSocket } from "ws"
import type { Bytes } from "@smpkit/codec"
import type { ByteStream } from "../byte-stream.ts"
import { TransportError } from "../errors.ts"
import { asTransportError } from "../tls/sentences.ts"
import type { CloseReason } from "../transport.ts"
import { closeCodes, joined } from "./message.ts"

// Bytes that wait for the network before a writer waits.
const waitingBytes = 65_536

/** A stream of bytes over an open WebSocket of the library `ws`. */
export class NodeWebSocketStream implements ByteStream {
  readonly closed: Promise<CloseReason>
  readonly #socket: WebSocket
  readonly #chunks: Bytes[] = []
  #reader: ((bytes: Bytes | undefined) => void) | undefined
  #gone = false
  #refused = false
  #destroyed = false
  #error: Error | undefined

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.binaryType = "nodebuffer"
    socket.pause()
    socket.on("message", (data: Buffer<ArrayBuffer>, isBinary) => {
      if (!isBinary || this.#refused) {
        this.#refused = true
        socket.close(closeCodes.unsupported)
        return
      }
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length)
      if (this.#reader !== undefined) this.#reader(bytes)
      else {
        this.#chunks.push(bytes)
        socket.pause()
      }
    })
    socket.on("error", (error) => {
      this.#error ??= error
    })
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#gone = true
        this.#reader?.(undefined)
        resolve(this.#reason())
      })
    })
  }

  async write(...pieces: readonly Bytes[]): Promise<void> {
    if (this.#socket.readyState !== WebSocket.OPEN)
      throw new TransportError("CLOSED", "the connection is closed")
    // The library calls back when the bytes have left, or when they will not.
    const left = new Promise<void>((resolve) => {
      this.#socket.send(joined(pieces), { binary: true }, () => {
        resolve()
      })
    })
    if (this.#socket.bufferedAmount >= waitingBytes) await left
  }

  read(): Promise<Bytes | undefined> {
    if (this.#reader !== undefined) throw new RangeError("a second read while one waits")
    const chunk = this.#chunks.shift()
    if (chunk !== undefined) return Promise.resolve(chunk)
    if (this.#gone) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#reader = (bytes) => {
        this.#reader = undefined
        resolve(bytes)
      }
      this.#socket.resume()
    })
  }

  end(): Promise<void> {
    // A WebSocket has no half that stays open: the peer's bytes up to its own close still come.
    this.#socket.close(closeCodes.normal)
    this.#socket.resume()
    return Promise.resolve()
  }

  destroy(): void {
    this.#destroyed = true
    this.#socket.terminate()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy()
    await this.closed
  }

  #reason(): CloseReason {
    if (this.#error !== undefined) {
      const { code, message } = asTransportError(this.#error, "the connection broke")
      return { type: "error", code, message }
    }
    return { type: this.#destroyed ? "local" : "ended" }
  }
}
