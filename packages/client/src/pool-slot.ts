import type { ServerAddress, ServerAddressWithAuth } from "@smpkit/smp"
import type { CloseReason } from "@smpkit/transport"
import { ClientError } from "./errors.ts"
import { nextRetry, reconnectRetry, type RetryState, withJitter } from "./retry.ts"
import type { ServerEvent } from "./server-event.ts"
import type { ClientDependencies, ClientOptions } from "./client-options.ts"
import { SmpClient } from "./smp-client.ts"

/** Receiving and sending never share a session (security.md, Q23). */
export type ServerRole = "receive" | "send"

/** What happens to the connections of a pool. `down` comes only after an `up`. */
export type PoolEvent =
  | {
      readonly type: "up"
      readonly server: ServerAddress
      readonly role: ServerRole
      readonly client: SmpClient
    }
  | {
      readonly type: "down"
      readonly server: ServerAddress
      readonly role: ServerRole
      readonly client: SmpClient
      readonly reason: CloseReason
    }
  | {
      readonly type: "event"
      readonly server: ServerAddress
      readonly role: ServerRole
      readonly client: SmpClient
      readonly event: ServerEvent
    }

type State =
  | { readonly type: "idle" }
  | {
      readonly type: "connecting"
      readonly attempt: Promise<SmpClient>
      readonly controller: AbortController
    }
  | { readonly type: "up"; readonly client: SmpClient; readonly since: number }
  | { readonly type: "waiting"; readonly timer: Disposable }
  | { readonly type: "closed" }

/** A connection that ended sooner than this after it began counts as a failed attempt. */
const provenAfterMs = 10_000
/** Who asks again so soon after a failed attempt gets its error instead of another attempt. */
const failureHoldsMs = 1_000
/** Where a kept connection is lost, the first attempt comes within this time. */
const firstAttemptMs = 200

/** The connection to one server in one role: made when it is needed, made again by itself while it is kept. */
export class PoolSlot {
  readonly server: ServerAddressWithAuth
  readonly role: ServerRole
  readonly #deps: ClientDependencies
  readonly #options: ClientOptions
  readonly #emit: (event: PoolEvent) => Promise<void>
  #state: State = { type: "idle" }
  #kept = false
  /** How often somebody has asked for it. */
  #asked = 0
  #retry: RetryState | undefined
  #failure: { readonly at: number; readonly error: unknown } | undefined

  constructor(
    server: ServerAddressWithAuth,
    role: ServerRole,
    deps: ClientDependencies,
    options: ClientOptions,
    emit: (event: PoolEvent) => Promise<void>,
  ) {
    this.server = server
    this.role = role
    this.#deps = deps
    this.#options = options
    this.#emit = emit
  }

  /** The open connection, if there is one. */
  get current(): SmpClient | undefined {
    return this.#state.type === "up" ? this.#state.client : undefined
  }

  /** Whether the connection is made again by itself. */
  keep(kept: boolean): void {
    this.#kept = kept
    if (kept) this.#asked++
    if (kept && this.#state.type === "idle") this.#attempt().catch(() => undefined)
    if (!kept && this.#state.type === "waiting") {
      this.#state.timer[Symbol.dispose]()
      this.#state = { type: "idle" }
    }
  }

  /** The open connection, or a new one, also where one would be tried later by itself. */
  async client(): Promise<SmpClient> {
    this.#asked++
    const state = this.#state
    switch (state.type) {
      case "up":
        return state.client
      case "connecting":
        return await state.attempt
      case "idle":
      case "waiting":
        if (this.#failure !== undefined && this.#deps.clock.now() - this.#failure.at < failureHoldsMs) {
          throw this.#failure.error
        }
        if (state.type === "waiting") state.timer[Symbol.dispose]()
        return await this.#attempt()
      case "closed":
        throw this.#closedError()
      default:
        return state satisfies never
    }
  }

  /** Closes when its requests are answered, unless somebody asks for it before; `onClose` is called first. */
  async retire(onClose: () => void): Promise<void> {
    this.keep(false)
    const asked = this.#asked
    if (this.#state.type === "connecting") await this.#state.attempt.catch(() => undefined)
    await this.current?.whenIdle()
    if (this.#asked !== asked) return
    onClose()
    await this.close()
  }

  async close(): Promise<void> {
    const state = this.#state
    this.#state = { type: "closed" }
    switch (state.type) {
      case "up":
        await state.client.close()
        return
      case "connecting":
        state.controller.abort(this.#closedError())
        await state.attempt.catch(() => undefined)
        return
      case "waiting":
        state.timer[Symbol.dispose]()
        return
      case "idle":
      case "closed":
        return
      default:
        state satisfies never
    }
  }

  #closedError(): ClientError<"CLOSED"> {
    return new ClientError("CLOSED", "the client was closed", this.server, undefined)
  }

  #attempt(): Promise<SmpClient> {
    const controller = new AbortController()
    const attempt = this.#connect(controller.signal)
    this.#state = { type: "connecting", attempt, controller }
    return attempt
  }

  async #connect(signal: AbortSignal): Promise<SmpClient> {
    let client: SmpClient
    try {
      client = await SmpClient.connect(this.server, this.#deps, { ...this.#options, signal })
    } catch (error) {
      this.#failure = { at: this.#deps.clock.now(), error }
      this.#later()
      throw error
    }
    if (signal.aborted) {
      await client.close()
      throw this.#closedError()
    }
    this.#failure = undefined
    this.#state = { type: "up", client, since: this.#deps.clock.now() }
    void this.#pump(client)
    return client
  }

  /** Passes on what the client says, then that it is gone. While the consumer is slow this waits, and so in the end does the socket. */
  async #pump(client: SmpClient): Promise<void> {
    const { server, role } = this
    const up = this.#emit({ type: "up", server, role, client })
    void client.closed.then(() => {
      this.#lost(client)
    })
    await up
    for await (const event of client.events())
      await this.#emit({ type: "event", server, role, client, event })
    await this.#emit({ type: "down", server, role, client, reason: await client.closed })
  }

  #lost(client: SmpClient): void {
    if (this.#state.type !== "up" || this.#state.client !== client) return
    const proven = this.#deps.clock.now() - this.#state.since >= provenAfterMs
    if (proven) this.#retry = undefined
    this.#later(proven ? firstAttemptMs : undefined)
  }

  /** A kept connection is tried again after a while, another when it is asked for. */
  #later(delayMs?: number): void {
    if (this.#state.type === "closed") return
    if (!this.#kept) {
      this.#state = { type: "idle" }
      return
    }
    if (delayMs === undefined) {
      this.#retry = nextRetry(reconnectRetry, this.#retry)
      delayMs = this.#retry.delayMs
    }
    const timer = this.#deps.clock.setTimer(withJitter(delayMs, this.#deps.random), () => {
      this.#attempt().catch(() => undefined)
    })
    this.#state = { type: "waiting", timer }
  }
}
