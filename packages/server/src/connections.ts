import type { Clock } from "@smpkit/transport"
import type { Connection } from "./connection.ts"

// How long an unsubscribed connection must have been silent before it makes room for another.
const spareAfterMs = 30_000

/** The connections of a process: how many at most, which go first, and what becomes of idle ones. */
export class Connections {
  readonly #clock: Clock
  readonly #limit: number
  readonly #connections = new Map<Connection, Promise<void>>()
  /** Those that make room for others: they count no longer, but have not ended yet. */
  readonly #leaving = new Map<Connection, Promise<void>>()
  #reserved = 0

  constructor(clock: Clock, limit: number) {
    this.#clock = clock
    this.#limit = limit
  }

  get size(): number {
    return this.#connections.size
  }

  /** Takes a place for a connection whose handshake begins; `undefined` when there is none. It is given back by disposing of it. */
  reserve(): Disposable | undefined {
    if (this.#connections.size + this.#reserved >= this.#limit && !this.#closeSpare()) return undefined
    this.#reserved += 1
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (held) this.#reserved -= 1
        held = false
      },
    }
  }

  /** Runs a connection to its end. */
  async serve(connection: Connection): Promise<void> {
    const running = connection.run()
    this.#connections.set(connection, running)
    await running
    this.#connections.delete(connection)
    this.#leaving.delete(connection)
  }

  /** Closes connections that have no subscription and were silent for so long. */
  closeIdle(idleMs: number): void {
    const before = this.#clock.now() - idleMs
    for (const connection of this.#connections.keys()) {
      const { at, subscribed } = connection.activity
      if (!subscribed && at <= before) void connection.close()
    }
  }

  /** Lets every connection answer what it has received, for so long; then closes it. */
  async finish(graceMs: number): Promise<void> {
    const closeAll = (): void => {
      for (const connection of this.#connections.keys()) void connection.close()
    }
    const timer = this.#clock.setTimer(graceMs, closeAll)
    await Promise.all([...this.#connections.keys()].map((connection) => connection.finish()))
    await Promise.all([...this.#connections.values(), ...this.#leaving.values()])
    timer[Symbol.dispose]()
  }

  /** Closes the one that nothing is expected from and that was silent longest, if there is one. */
  #closeSpare(): boolean {
    let spare: readonly [Connection, Promise<void>] | undefined
    let oldest = this.#clock.now() - spareAfterMs
    for (const entry of this.#connections) {
      const { at, subscribed } = entry[0].activity
      if (subscribed || at > oldest) continue
      spare = entry
      oldest = at
    }
    if (spare === undefined) return false
    const [connection, running] = spare
    this.#connections.delete(connection)
    this.#leaving.set(connection, running)
    void connection.close()
    return true
  }
}
