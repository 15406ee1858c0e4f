import { type Bytes, concatBytes } from "@smpkit/codec"
import { type ByteStream, type CloseReason, TransportError } from "@smpkit/transport"

/** The server's end of a connection of this page, which `carrier-server.ts` has in Node. */
export class RemoteEnd implements ByteStream {
  readonly closed: Promise<CloseReason>
  readonly #socket: WebSocket
  readonly #answers: Readonly<Record<string, ((bytes: Bytes, what: string) => void)[]>> = {
    read: [],
    write: [],
    end: [],
    closed: [],
    open: [],
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.binaryType = "arraybuffer"
    socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => {
      const what = String.fromCharCode(new Uint8Array(data)[0] ?? 0)
      this.#answers[kinds[what] ?? ""]?.shift()?.(new Uint8Array(data.slice(1)), what)
    })
    this.closed = this.#answer("closed").then(
      ({ bytes }) => JSON.parse(new TextDecoder().decode(bytes)) as CloseReason,
    )
  }

  /** Waits for a client at `ws://127.0.0.1:PORT/smp/NAME`; `accepted` resolves when it is there. */
  static async open(
    port: number,
    name: string,
  ): Promise<{ readonly end: RemoteEnd; readonly accepted: Promise<unknown> }> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/end/${name}`)
    const end = new RemoteEnd(socket)
    await new Promise((resolve) => {
      socket.addEventListener("open", resolve)
    })
    return { end, accepted: end.#answer("open") }
  }

  #answer(kind: string): Promise<{ readonly bytes: Bytes; readonly what: string }> {
    return new Promise((resolve) => {
      this.#answers[kind]?.push((bytes, what) => {
        resolve({ bytes, what })
      })
    })
  }

  #ask(what: string, bytes: Bytes = new Uint8Array()): void {
    this.#socket.send(concatBytes(new TextEncoder().encode(what), bytes))
  }

  async write(...pieces: readonly Bytes[]): Promise<void> {
    this.#ask("w", concatBytes(...pieces))
    const { what } = await this.#answer("write")
    if (what === "x") throw new TransportError("CLOSED", "the connection is closed")
  }

  async read(): Promise<Bytes | undefined> {
    this.#ask("r")
    const { bytes, what } = await this.#answer("read")
    return what === "z" ? undefined : bytes
  }

  async end(): Promise<void> {
    this.#ask("e")
    await this.#answer("end")
  }

  destroy(): void {
    this.#ask("d")
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy()
    await this.closed
    this.#socket.close()
  }
}

/** Which call a message answers. */
const kinds: Readonly<Record<string, string>> = {
  r: "read",
  z: "read",
  w: "write",
  x: "write",
  e: "end",
  c: "closed",
  o: "open",
}
