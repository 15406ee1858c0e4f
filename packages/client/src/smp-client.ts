import { type Bytes, WireError } from "@smpkit/codec"
import type { Random } from "@smpkit/crypto"
import {
  authorize,
  type BrokerMessage,
  type Command,
  encodeCommand,
  encodeTransmission,
  maxBatchLength,
  parseBatch,
  parseBrokerMessage,
  parseTransmission,
  type ServerAddress,
  type ServerAddressWithAuth,
  signedBytes,
  SmpError,
  type SmpVersion,
  TransmissionError,
} from "@smpkit/smp"
import { type CloseReason, type SmpSession, TransportError } from "@smpkit/transport"
import type { Success } from "./answers.ts"
import type { ClientDependencies, ClientOptions, RequestOptions } from "./client-options.ts"
import { ClientError } from "./errors.ts"
import { EventQueue } from "./event-queue.ts"
import { Gate } from "./gate.ts"
import { KeepAlive, keepAliveDefaults } from "./keep-alive.ts"
import { Outbox, type Queued } from "./outbox.ts"
import { Requests } from "./requests.ts"
import { isServerMessage, type ServerEvent } from "./server-event.ts"

const empty: Bytes = new Uint8Array()
const corrIdLength = 24

/** One session with one server: requests and their answers, and what the server says by itself. */
export class SmpClient implements AsyncDisposable {
  readonly server: ServerAddress
  readonly version: SmpVersion
  /** Settles once, when the session is over, for whatever reason. */
  readonly closed: Promise<CloseReason>
  readonly #session: SmpSession
  readonly #random: Random
  readonly #requests: Requests
  readonly #keepAlive: KeepAlive
  readonly #events: EventQueue<ServerEvent>
  readonly #gate = new Gate()
  readonly #outbox: Outbox
  readonly #timeoutMs: number
  readonly #eventLimit: number
  readonly #floodLimit: number
  #ending = false
  #over = false
  #settleClosed: (reason: CloseReason) => void = () => undefined

  private constructor(
    server: ServerAddress,
    session: SmpSession,
    { clock, random }: Omit<ClientDependencies, "connector">,
    { timeoutMs = 30_000, eventLimit = 32, floodLimit = 1024, ...keepAlive }: ClientOptions,
  ) {
    this.server = server
    this.version = session.version
    this.#session = session
    this.#random = random
    this.#timeoutMs = timeoutMs
    this.#eventLimit = eventLimit
    this.#floodLimit = floodLimit
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve
    })
    this.#events = new EventQueue(() => {
      this.#gate.changed()
    })
    this.#keepAlive = new KeepAlive(
      clock,
      { ...keepAliveDefaults, ...keepAlive },
      {
        ping: () => this.#ping(),
        drop: () => {
          this.#finish({ type: "error", code: "TIMEOUT", message: "the server stopped answering" })
        },
      },
    )
    // A silence of our own making is no sign that the server is gone.
    this.#requests = new Requests(server, clock, () => {
      if (this.#mayRead()) this.#keepAlive.timedOut()
    })
    this.#outbox = new Outbox(
      (content) => session.send(content),
      (corrId) => this.#requests.has(corrId),
    )
    void this.#receive()
    // Whoever does not take events must not keep requests from learning that the session is over.
    void session.closed.then(() => {
      this.#ending = true
      this.#gate.changed()
    })
  }

  /** Connects. Throws `TransportError`, or the signal's reason. */
  static async connect(
    server: ServerAddressWithAuth,
    { connector, ...deps }: ClientDependencies,
    { signal, ...options }: ClientOptions & { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<SmpClient> {
    const session = await connector.connect(server, { signal })
    return new SmpClient(server, session, deps, options)
  }

  /**
   * Sends a command and waits for its answer. The requests of one tick share blocks; those about one entity are sent, and so carried out, in the order of the calls.
   * Throws `ClientError`: `SMP` with the server's error, `TIMEOUT`, `CLOSED`, `UNEXPECTED`, `VERSION`; `SmpError LARGE_MSG`; or the signal's reason, after which an answer is ignored,
   * but for a message, which then comes as an event.
   */
  async request<C extends Command>(command: C, options: RequestOptions): Promise<Success<C["type"]>> {
    const { entityId, key, signal, timeoutMs = this.#timeoutMs } = options
    const { corrId = this.#random.bytes(corrIdLength) } = options
    signal?.throwIfAborted()
    const body = {
      corrId,
      entityId,
      command: encodeCommand(this.version, command),
    }
    const { sessionId, serverSessionKey } = this.#session
    // What a server chooses must not look like a bug of ours.
    if (key?.publicKey.alg === "x25519" && serverSessionKey === undefined) {
      throw new ClientError(
        "VERSION",
        "the server has fallen back to version 6, which takes no authenticators",
        this.server,
        undefined,
      )
    }
    const authorization =
      key === undefined ? empty : authorize(key, serverSessionKey, body.corrId, signedBytes(sessionId, body))
    const transmission = encodeTransmission(this.version, sessionId, { authorization, ...body })
    if (2 + transmission.length > maxBatchLength) {
      throw new SmpError("LARGE_MSG", `a ${command.type} that no block can carry`)
    }
    const answer = this.#requests.answerTo(body.corrId, command.type, entityId, { timeoutMs, signal })
    void this.#send({ entityId, transmission, corrId: body.corrId })
    this.#gate.changed()
    const message = await answer
    if (subscribes(command)) this.#keepAlive.start()
    return message as Success<C["type"]>
  }

  /** What the server says by itself, for one consumer. It ends, after what came before, when the session is over. */
  events(): AsyncIterable<ServerEvent> {
    return this.#events
  }

  /** Resolves when no request waits for its answer. */
  async whenIdle(): Promise<void> {
    await this.#requests.whenIdle()
  }

  /** Ends the session. Requests that wait fail with `CLOSED`. */
  async close(): Promise<void> {
    this.#finish({ type: "local" })
    await this.#session.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Sends a transmission. A session that is over ends when what it received has been read; until then it may still answer. */
  async #send(queued: Queued): Promise<void> {
    try {
      await this.#outbox.push(queued)
    } catch (error) {
      if (!TransportError.is(error, "CLOSED")) this.#broken(error)
    }
  }

  async #receive(): Promise<void> {
    try {
      for (;;) {
        await this.#gate.until(() => this.#mayRead() || this.#over || this.#ending)
        const received = await this.#session.receive()
        if (received === undefined) break
        if (received.type === "bad") throw new WireError("a block that does not open", 0)
        this.#keepAlive.received()
        for (const item of parseBatch(received.content)) this.#transmission(item)
      }
    } catch (error) {
      this.#broken(error)
      return
    }
    this.#finish(await this.#session.closed)
  }

  /** Events that nobody takes stop the reading, but an answer that is awaited may stand behind others. */
  #mayRead(): boolean {
    const waiting = this.#events.size
    return waiting < this.#eventLimit || (this.#requests.size > 0 && waiting < this.#floodLimit)
  }

  #transmission(bytes: Bytes): void {
    const { corrId, entityId, command } = parseTransmission(this.version, this.#session.sessionId, bytes)
    const message = this.#message(corrId, command)
    if (message === undefined) return
    if (corrId.length > 0 && this.#requests.answer(corrId, entityId, message) === "answered") return
    // A message that answers nothing any more is still one: it is never dropped.
    if (message.type === "MSG" || (corrId.length === 0 && isServerMessage(message))) {
      this.#events.push({ entityId, message })
    }
  }

  /** `undefined` for what cannot be read, which fails the request that it answers. */
  #message(corrId: Bytes, command: Bytes): BrokerMessage | undefined {
    try {
      return parseBrokerMessage(this.version, command)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.#requests.unreadable(corrId)
      return undefined
    }
  }

  async #ping(): Promise<void> {
    try {
      await this.request({ type: "PING" }, { entityId: empty })
    } catch {
      // The keep-alive was told of the time-out already, and a session that is over needs nothing more.
    }
  }

  #broken(error: unknown): void {
    this.#finish({ type: "error", code: codeOf(error), message: error instanceof Error ? error.message : "" })
  }

  /** The first reason counts. */
  #finish(reason: CloseReason): void {
    if (this.#over) return
    this.#over = true
    this.#outbox.end()
    this.#keepAlive[Symbol.dispose]()
    this.#requests.close(reason.type === "error" ? reason.message : "the connection was closed")
    this.#events.end()
    this.#gate.changed()
    this.#settleClosed(reason)
    void this.#session.close()
  }
}

function subscribes(command: Command): boolean {
  return command.type === "SUB" || command.type === "NSUB" || (command.type === "NEW" && command.subscribe)
}

function codeOf(error: unknown): string {
  if (error instanceof WireError || error instanceof TransmissionError) return "BLOCK"
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "NETWORK"
}
