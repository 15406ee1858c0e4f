import type { Socket } from "node:net"
import { addressPrefix, type Clock, PrefixLimit } from "@smpkit/transport"

export interface WaitingOptions {
  readonly clock: Clock
  /** How many connections may be without an open WebSocket: at the limit the oldest of them is closed for a new one. */
  readonly maxWaiting: number
  /** How many connections may come from one prefix, open WebSockets included. No limit unless given. */
  readonly maxPerPrefix?: number | undefined
  /** The prefix of an address; `undefined` exempts it. */
  readonly prefixOf?: ((address: string) => string | undefined) | undefined
}

// Enough for the page over a slow line, and an end for whoever reads a byte a minute.
const lifeMs = 300_000

interface Waiter {
  readonly socket: Socket
  readonly timer: Disposable
}

/** The connections of a web port that did not become an open WebSocket: counted from accepting on, bounded in number and in time (security.md Q21). */
export class Waiting {
  readonly #clock: Clock
  readonly #limit: number
  readonly #places: PrefixLimit
  /** By what a TCP socket has in common with the TLS socket around it. */
  readonly #waiters = new Map<string, Waiter>()

  constructor({ clock, maxWaiting, maxPerPrefix = Infinity, prefixOf = addressPrefix }: WaitingOptions) {
    this.#clock = clock
    this.#limit = maxWaiting
    this.#places = new PrefixLimit(maxPerPrefix, prefixOf)
  }

  get size(): number {
    return this.#waiters.size
  }

  /** Counts a connection that was just accepted; `false` when its prefix has as many as it may. */
  admit(socket: Socket): boolean {
    const name = nameOf(socket)
    // First, so that one prefix cannot push out the connections of others.
    const place = socket.remoteAddress === undefined ? undefined : this.#places.take(socket.remoteAddress)
    if (name === undefined || place === undefined) return false
    const [oldest] = this.#waiters
    if (oldest !== undefined && this.#waiters.size >= this.#limit) {
      this.#drop(oldest[0], oldest[1])
      oldest[1].socket.destroy()
    }
    const timer = this.#clock.setTimer(lifeMs, () => socket.destroy())
    const waiter = { socket, timer }
    this.#waiters.set(name, waiter)
    socket.once("close", () => {
      place[Symbol.dispose]()
      this.#drop(name, waiter)
    })
    return true
  }

  /** A connection became an open WebSocket. It keeps its place among those of its prefix. */
  release(socket: Socket): void {
    const name = nameOf(socket)
    const waiter = name === undefined ? undefined : this.#waiters.get(name)
    if (name !== undefined && waiter !== undefined) this.#drop(name, waiter)
  }

  close(): void {
    for (const { socket, timer } of this.#waiters.values()) {
      timer[Symbol.dispose]()
      socket.destroy()
    }
  }

  #drop(name: string, waiter: Waiter): void {
    waiter.timer[Symbol.dispose]()
    // The peer may have come back from the same port already.
    if (this.#waiters.get(name) === waiter) this.#waiters.delete(name)
  }
}

function nameOf({ remoteAddress, remotePort, localAddress }: Socket): string | undefined {
  return remoteAddress === undefined || remotePort === undefined
    ? undefined
    : `${remoteAddress} ${remotePort} ${localAddress ?? ""}`
}
