import { type Bytes, concatBytes } from "@smpkit/codec"
import { type ByteStream, type CloseReason, TransportError } from "@smpkit/transport"

/** What somebody on the way does with the bytes of one call of `write`: the pieces that go on, in their order. */
export type OnTheWay = (bytes: Bytes) => readonly Bytes[]

export interface BytePipeOptions {
  readonly fromClient?: OnTheWay
  readonly fromServer?: OnTheWay
  /** How many unread bytes one direction holds before `write` waits. */
  readonly capacity?: number
}

/** Both ends of a connection in memory, and what was sent over it. */
export interface BytePipe {
  readonly client: ByteStream
  readonly server: ByteStream
  /** Every call of `write`, as the sender made it. */
  readonly sent: { readonly client: readonly Bytes[]; readonly server: readonly Bytes[] }
  /** Ends both directions as a broken wire does; bytes that were not read are lost. */
  readonly cut: () => void
}

const unchanged: OnTheWay = (bytes) => [bytes]

/** Two streams of bytes, each of which reads what the other writes. */
export function bytePipe({
  fromClient = unchanged,
  fromServer = unchanged,
  capacity = 65_536,
}: BytePipeOptions = {}): BytePipe {
  const up = new Lane(capacity, fromClient)
  const down = new Lane(capacity, fromServer)
  const client = new PipeEnd(up, down)
  const server = new PipeEnd(down, up)
  const cut = (): void => {
    client.cut()
    server.cut()
  }
  return { client, server, sent: { client: up.sent, server: down.sent }, cut }
}

/** One direction. */
class Lane {
  readonly sent: Bytes[] = []
  readonly #capacity: number
  readonly #onTheWay: OnTheWay
  readonly #pieces: Bytes[] = []
  #size = 0
  #state: "open" | "ended" | "dropped" = "open"
  #wakeReader: (() => void) | undefined
  readonly #wakeWriters: (() => void)[] = []

  constructor(capacity: number, onTheWay: OnTheWay) {
    this.#capacity = capacity
    this.#onTheWay = onTheWay
  }

  async put(bytes: Bytes): Promise<void> {
    if (this.#state !== "open") throw new TransportError("CLOSED", "the connection is closed")
    this.sent.push(bytes.slice())
    for (const piece of this.#onTheWay(bytes.slice())) {
      this.#pieces.push(piece)
      this.#size += piece.length
    }
    this.#wakeReader?.()
    while (this.#isFull()) await new Promise<void>((resolve) => this.#wakeWriters.push(resolve))
  }

  async take(): Promise<Bytes | undefined> {
    while (this.#pieces.length === 0 && this.#state === "open")
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve
      })
    const piece = this.#pieces.shift()
    this.#size -= piece?.length ?? 0
    for (const wake of this.#wakeWriters.splice(0)) wake()
    return piece
  }

  end(): void {
    if (this.#state === "open") this.#state = "ended"
    this.#wakeReader?.()
    for (const wake of this.#wakeWriters.splice(0)) wake()
  }

  drop(): void {
    this.#state = "dropped"
    this.#pieces.length = 0
    this.#size = 0
    this.#wakeReader?.()
    for (const wake of this.#wakeWriters.splice(0)) wake()
  }

  #isFull(): boolean {
    return this.#size > this.#capacity && this.#state === "open"
  }
}

class PipeEnd implements ByteStream {
  readonly closed: Promise<CloseReason>
  readonly #out: Lane
  readonly #in: Lane
  readonly #over = { in: false, out: false }
  #settle: (reason: CloseReason) => void = () => undefined

  constructor(out: Lane, input: Lane) {
    this.#out = out
    this.#in = input
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  write(...pieces: readonly Bytes[]): Promise<void> {
    return this.#out.put(concatBytes(...pieces))
  }

  async read(): Promise<Bytes | undefined> {
    const bytes = await this.#in.take()
    if (bytes === undefined) this.#done("in")
    return bytes
  }

  end(): Promise<void> {
    this.#out.end()
    this.#done("out")
    return Promise.resolve()
  }

  /** What was sent still arrives, as it may over a network. */
  destroy(): void {
    this.#out.end()
    this.#in.drop()
    this.#settle({ type: "local" })
  }

  /** The wire broke. */
  cut(): void {
    this.#out.drop()
    this.#in.drop()
    this.#settle({ type: "error", code: "NETWORK", message: "the connection was cut" })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy()
    await this.closed
  }

  #done(direction: "in" | "out"): void {
    this.#over[direction] = true
    if (this.#over.in && this.#over.out) this.#settle({ type: "ended" })
  }
}
