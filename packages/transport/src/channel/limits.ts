import type { Clock } from "../clock.ts"
import { addressPrefix, PrefixLimit } from "../prefix-limit.ts"
import { Turns } from "./turns.ts"

// channel.md, "Limits".

export interface ChannelLimitsOptions {
  readonly clock: Clock
  /** Resolves in the event loop's next turn: `setImmediate` in Node. */
  readonly nextTurn: () => Promise<void>
  /** Connections that have sent no whole preamble. When there are so many, the oldest is closed. */
  readonly maxSilent?: number
  /** Handshakes whose client has the server's hello and has sent no key. When there are so many, the oldest is closed if it is older than `graceMs`, else the new one is refused. */
  readonly maxHalfOpen?: number
  readonly graceMs?: number
  /** The same from one address prefix; more are refused. Only for connections with an address: behind a proxy it says nothing. */
  readonly maxHalfOpenPerPrefix?: number
  /** KEM operations that wait; at so many, new handshakes are refused. */
  readonly maxWaitingWork?: number
  /** Channels that have not carried a block yet. When there are so many, the oldest is closed. */
  readonly maxUnused?: number
  /** The prefix of an address; `undefined` exempts it. `addressPrefix` unless given, which exempts loopback. */
  readonly prefixOf?: ((address: string) => string | undefined) | undefined
}

/** A connection's place in one of the limits, given back by disposing of it. */
export type Place = Disposable

/** What all handshakes of a process share: make one, and give it to every listener. Nothing of it is kept longer than the connections. */
export class ChannelLimits {
  readonly #clock: Clock
  readonly #silent: Crowd
  readonly #halfOpen: Crowd
  readonly #unused: Crowd
  readonly #graceMs: number
  /** The prefix that an address counts for. */
  readonly prefixOf: (address: string) => string | undefined
  readonly #prefixes: PrefixLimit
  readonly #maxWaitingWork: number
  readonly #turns: Turns

  constructor({
    clock,
    nextTurn,
    maxSilent = 4_096,
    maxHalfOpen = 2_048,
    graceMs = 3_000,
    maxHalfOpenPerPrefix = 64,
    maxWaitingWork = 256,
    maxUnused = 1_024,
    prefixOf = addressPrefix,
  }: ChannelLimitsOptions) {
    this.#clock = clock
    this.#silent = new Crowd(maxSilent)
    this.#halfOpen = new Crowd(maxHalfOpen)
    this.#unused = new Crowd(maxUnused)
    this.#graceMs = graceMs
    this.prefixOf = prefixOf
    this.#prefixes = new PrefixLimit(maxHalfOpenPerPrefix, prefixOf)
    this.#maxWaitingWork = maxWaitingWork
    this.#turns = new Turns(nextTurn)
  }

  /** How many connections have sent no preamble, are half-open, and have carried no block yet. */
  get counts(): { readonly silent: number; readonly halfOpen: number; readonly unused: number } {
    return { silent: this.#silent.size, halfOpen: this.#halfOpen.size, unused: this.#unused.size }
  }

  /** A place for a connection that was just accepted; `close` is called when it has to go for a new one. */
  accept(close: () => void): Place {
    return this.#silent.enterAnyway(this.#clock.now(), close)
  }

  /** A place for a handshake whose preamble is good; `undefined` when it is to be refused. */
  admit(address: string | undefined, close: () => void): Place | undefined {
    if (this.#turns.waiting >= this.#maxWaitingWork) return undefined
    const ofPrefix = address === undefined ? undefined : this.#prefixes.take(address)
    if (address !== undefined && ofPrefix === undefined) return undefined
    const place = this.#halfOpen.enter(this.#clock.now(), this.#graceMs, close)
    if (place === undefined) {
      ofPrefix?.[Symbol.dispose]()
      return undefined
    }
    return {
      [Symbol.dispose]: () => {
        place[Symbol.dispose]()
        ofPrefix?.[Symbol.dispose]()
      },
    }
  }

  /** A place for a channel that has carried no block yet. */
  open(close: () => void): Place {
    return this.#unused.enterAnyway(this.#clock.now(), close)
  }

  /** Runs a KEM operation when its turn comes: at most one between two turns of the event loop, and those that finish a handshake first. */
  work<T>(kind: "begin" | "end", operation: () => T): Promise<T> {
    return this.#turns.run(kind, operation)
  }
}

interface Member {
  readonly since: number
  readonly close: () => void
}

/** A bounded number of connections, oldest first. */
class Crowd {
  readonly #limit: number
  readonly #members = new Set<Member>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#members.size
  }

  /** Enters; the oldest goes when there is no room. */
  enterAnyway(now: number, close: () => void): Place {
    return this.enter(now, -Infinity, close) ?? { [Symbol.dispose]: () => undefined }
  }

  /** Enters where there is room, or in place of the oldest when that is older than `graceMs`. */
  enter(now: number, graceMs: number, close: () => void): Place | undefined {
    const [oldest] = this.#members
    if (oldest !== undefined && this.#members.size >= this.#limit) {
      if (now - oldest.since <= graceMs) return undefined
      this.#members.delete(oldest)
      oldest.close()
    }
    const member: Member = { since: now, close }
    this.#members.add(member)
    return {
      [Symbol.dispose]: () => {
        this.#members.delete(member)
      },
    }
  }
}
