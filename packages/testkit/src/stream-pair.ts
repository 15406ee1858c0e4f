import type { Bytes } from "@smpkit/codec"
import { type BlockStream, type CloseReason, TransportError } from "@smpkit/transport"

const blockSize = 16_384

export interface StreamPairOptions {
  readonly sessionId?: Uint8Array
  /** `smp/1` unless given; `undefined` for a client that agreed on none. */
  readonly alpn?: string | undefined
  /** The server's certificates in DER, leaf first: what the client sees. */
  readonly serverChain?: readonly Bytes[]
  /** How many unread blocks one direction holds before `write` waits. */
  readonly capacity?: number
}

/** Both ends of a connection in memory. */
export interface StreamPair {
  readonly client: BlockStream
  readonly server: BlockStream
  /** Ends the connection for both sides as a broken wire does; blocks that were not read are lost. */
  readonly cut: () => void
}

/** Two block streams, each of which reads what the other writes. */
export function streamPair(options: StreamPairOptions = {}): StreamPair {
  const { sessionId = new Uint8Array(32).fill(7), serverChain = [], capacity = 4 } = options
  const alpn = "alpn" in options ? options.alpn : "smp/1"
  const up = new Wire(capacity)
  const down = new Wire(capacity)
  const client = new End(up, down, new Uint8Array(sessionId), alpn, serverChain)
  const server = new End(down, up, new Uint8Array(sessionId), alpn, [])
  client.peer = server
  server.peer = client
  const cut = (): void => {
    const reason: CloseReason = { type: "error", code: "NETWORK", message: "the connection was cut" }
    up.drop()
    down.drop()
    client.settle(reason)
    server.settle(reason)
  }
  return { client, server, cut }
}

/** One direction: a bounded queue of blocks. */
class Wire {
  readonly #capacity: number
  readonly #blocks: Bytes[] = []
  #ended = false
  #wakeReader: (() => void) | undefined
  readonly #wakeWriters: (() => void)[] = []

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  async put(block: Bytes): Promise<void> {
    if (this.#ended) throw new TransportError("CLOSED", "the connection is closed")
    this.#blocks.push(block)
    this.#wakeReader?.()
    while (this.#full()) {
      await new Promise<void>((resolve) => this.#wakeWriters.push(resolve))
    }
  }

  #full(): boolean {
    return this.#blocks.length > this.#capacity && !this.#ended
  }

  async take(): Promise<Bytes | undefined> {
    while (this.#blocks.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve
      })
    }
    const block = this.#blocks.shift()
    for (const wake of this.#wakeWriters.splice(0)) wake()
    return block
  }

  end(): void {
    this.#ended = true
    this.#wakeReader?.()
    for (const wake of this.#wakeWriters.splice(0)) wake()
  }

  drop(): void {
    this.#blocks.length = 0
    this.end()
  }
}

class End implements BlockStream {
  readonly sessionId: Bytes
  readonly alpn: string | undefined
  readonly peerChain: readonly Bytes[]
  readonly closed: Promise<CloseReason>
  readonly #out: Wire
  readonly #in: Wire
  #settle: (reason: CloseReason) => void = () => undefined
  peer: End | undefined

  constructor(
    out: Wire,
    input: Wire,
    sessionId: Bytes,
    alpn: string | undefined,
    peerChain: readonly Bytes[],
  ) {
    this.#out = out
    this.#in = input
    this.sessionId = sessionId
    this.alpn = alpn
    this.peerChain = peerChain
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  /** The first reason stays. */
  settle(reason: CloseReason): void {
    this.#settle(reason)
  }

  async write(block: Bytes): Promise<void> {
    if (block.length !== blockSize) throw new RangeError(`a block of ${block.length} bytes`)
    await this.#out.put(new Uint8Array(block))
  }

  read(): Promise<Bytes | undefined> {
    return this.#in.take()
  }

  close(): Promise<void> {
    this.#out.end()
    this.#in.drop()
    this.settle({ type: "local" })
    this.peer?.settle({ type: "ended" })
    return Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
