import type { Upgrade } from "@smpkit/server/web"
import { type ByteStream, systemClock, TransportError } from "@smpkit/transport"
import { connectWebSocket } from "@smpkit/transport/websocket"
import { acceptWebSocket } from "@smpkit/transport/websocket-server"

// A page has a few: receiving and sending share none (security.md Q23). This is many tabs.
const maxPairs = 64
const closeGraceMs = 1_000

/** Carries bytes between WebSockets of the local page and the server's. The channel is from the page to the server: what passes here is ciphertext. */
export class Relay {
  readonly #url: string
  readonly #signal: AbortSignal
  readonly #streams = new Set<ByteStream>()
  #pairs = 0

  /** `signal` ends connections that are being made. */
  constructor(url: string, signal: AbortSignal) {
    this.#url = url
    this.#signal = signal
  }

  /** Connects what asks for it to the server. When the server is not there, the page's connection is closed, and it comes again. */
  async accept({ request, socket, head, opened }: Upgrade): Promise<void> {
    if (this.#pairs >= maxPairs) {
      socket.destroy()
      return
    }
    this.#pairs += 1
    try {
      const near = await acceptWebSocket(request, socket, head)
      await this.#held(near, async () => {
        const far = await connectWebSocket(this.#url, { signal: this.#signal })
        opened()
        await this.#held(far, () => carry(near, far))
      })
    } catch (error) {
      // The page sees that its connection ends, and says so in its own words.
      if (!(error instanceof TransportError) && !this.#signal.aborted) throw error
    } finally {
      this.#pairs -= 1
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    const all = [...this.#streams]
    using _timer = systemClock.setTimer(closeGraceMs, () => {
      for (const stream of all) stream.destroy()
    })
    await Promise.all(
      all.map(async (stream) => {
        await stream.end()
        await stream.closed
      }),
    )
  }

  async #held(stream: ByteStream, task: () => Promise<void>): Promise<void> {
    this.#streams.add(stream)
    try {
      await task()
    } finally {
      await stream.end()
      const timer = systemClock.setTimer(closeGraceMs, () => {
        stream.destroy()
      })
      void stream.closed.then(() => {
        timer[Symbol.dispose]()
        this.#streams.delete(stream)
      })
    }
  }
}

/** Until one side ends. What it sent before has arrived by then at the other side. */
async function carry(near: ByteStream, far: ByteStream): Promise<void> {
  await Promise.race([pump(near, far), pump(far, near)])
}

async function pump(from: ByteStream, to: ByteStream): Promise<void> {
  for (let bytes = await from.read(); bytes !== undefined; bytes = await from.read()) {
    try {
      await to.write(bytes)
    } catch (error) {
      if (TransportError.is(error, "CLOSED")) return
      throw error
    }
  }
}
