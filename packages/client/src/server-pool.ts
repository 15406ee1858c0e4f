import {
  formatServerAddress,
  type Command,
  type ServerAddress,
  type ServerAddressWithAuth,
} from "@smpkit/smp"
import type { Success } from "./answers.ts"
import { ClientError } from "./errors.ts"
import { EventQueue } from "./event-queue.ts"
import { type PoolEvent, PoolSlot, type ServerRole } from "./pool-slot.ts"
import type { ClientDependencies, ClientOptions, RequestOptions } from "./client-options.ts"
import type { SmpClient } from "./smp-client.ts"

/**
 * Connections to many servers, one for each server and role. Connections that are kept are made again after they are lost, with growing delays;
 * the others when they are needed.
 */
export class ServerPool implements AsyncDisposable {
  readonly #deps: ClientDependencies
  readonly #options: ClientOptions
  readonly #slots = new Map<string, PoolSlot>()
  readonly #events: EventQueue<PoolEvent>
  readonly #waiting: (() => void)[] = []
  readonly #eventLimit: number
  #closing: Promise<void> | undefined

  constructor(deps: ClientDependencies, options: ClientOptions = {}) {
    this.#deps = deps
    this.#options = options
    this.#eventLimit = options.eventLimit ?? 32
    this.#events = new EventQueue(() => {
      this.#waiting.shift()?.()
    })
  }

  /** Ups, downs and what servers say, for one consumer. A consumer that does not take them makes the sockets wait. */
  events(): AsyncIterable<PoolEvent> {
    return this.#events
  }

  /** Keeps a connection, from now on or no longer. What is no longer kept stays open as long as the server likes, or until `release`. */
  keep(server: ServerAddressWithAuth, role: ServerRole, kept = true): void {
    this.#slot(server, role).keep(kept)
  }

  /** Gives a connection up that nothing needs any more: it is closed when its requests are answered, unless somebody asks for it before. */
  async release(server: ServerAddress, role: ServerRole): Promise<void> {
    const name = nameOf(server, role)
    const slot = this.#slots.get(name)
    await slot?.retire(() => this.#slots.delete(name))
  }

  /** How many connections there are, open or wanted. */
  get size(): number {
    return this.#slots.size
  }

  /** The open connection; `undefined` where there is none at the moment. */
  current(server: ServerAddress, role: ServerRole): SmpClient | undefined {
    return this.#slots.get(nameOf(server, role))?.current
  }

  /** A connection, made where there is none. Throws `TransportError`, `ClientError CLOSED`, or the signal's reason. */
  async client(
    server: ServerAddressWithAuth,
    role: ServerRole,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<SmpClient> {
    signal?.throwIfAborted()
    return await orAborted(this.#slot(server, role).client(), signal)
  }

  /** A request on the connection of that role, made where there is none. Throws as `client` and `SmpClient.request` do. */
  async request<C extends Command>(
    server: ServerAddressWithAuth,
    role: ServerRole,
    command: C,
    options: RequestOptions,
  ): Promise<Success<C["type"]>> {
    const client = await this.client(server, role, options)
    return await client.request(command, options)
  }

  /** Closes all connections; what waits fails with `CLOSED`, and the events end. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#slots.values()].map((slot) => slot.close()))
    this.#events.end()
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #slot(server: ServerAddressWithAuth, role: ServerRole): PoolSlot {
    if (this.#closing !== undefined) throw new ClientError("CLOSED", "the pool is closed", server, undefined)
    const name = nameOf(server, role)
    let slot = this.#slots.get(name)
    if (slot === undefined) {
      slot = new PoolSlot(server, role, this.#deps, this.#options, (event) => this.#emit(event))
      this.#slots.set(name, slot)
    }
    return slot
  }

  /** Resolves when there is room for the next one. */
  async #emit(event: PoolEvent): Promise<void> {
    this.#events.push(event)
    if (this.#events.size < this.#eventLimit || this.#closing !== undefined) return
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}

/** The same for an address with and without a password. */
function nameOf({ hosts, port, keyHash }: ServerAddress, role: ServerRole): string {
  return `${role} ${formatServerAddress({ hosts, port, keyHash })}`
}

/** One caller who gives up does not take the connection from the others. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise
  let onAbort = (): void => undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error("aborted", { cause: signal.reason }))
    }
    signal.addEventListener("abort", onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener("abort", onAbort)
  }
}
