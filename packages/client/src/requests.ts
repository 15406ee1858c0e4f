import { type Bytes, toHex } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import type { BrokerMessage, Command, ServerAddress } from "@smpkit/smp"
import type { Clock } from "@smpkit/transport"
import { isAnswer } from "./answers.ts"
import { ClientError, refusal } from "./errors.ts"

interface Outstanding {
  readonly type: Command["type"]
  readonly entityId: Bytes
  readonly settle: (outcome: Outcome) => void
}

type Outcome =
  | { readonly type: "answer"; readonly message: BrokerMessage }
  | { readonly type: "error"; readonly error: unknown }

/** What became of a message that carries a correlation id. Answers repeat the entity of their command (smp-commands.md, "Transmission"). */
export type Match = "answered" | "unexpected" | "unknown"

export interface AwaitOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** Requests that wait for their answers. Each settles once: by its answer, its deadline, its signal, or the end of the connection. */
export class Requests {
  readonly #server: ServerAddress
  readonly #clock: Clock
  readonly #onTimeout: () => void
  readonly #outstanding = new Map<string, Outstanding>()
  readonly #idle: (() => void)[] = []
  #closed = false

  constructor(server: ServerAddress, clock: Clock, onTimeout: () => void) {
    this.#server = server
    this.#clock = clock
    this.#onTimeout = onTimeout
  }

  get size(): number {
    return this.#outstanding.size
  }

  /** Resolves when no request waits. */
  async whenIdle(): Promise<void> {
    while (this.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** Whether the command that was sent, or is to be sent, with `corrId` still waits. */
  has(corrId: Bytes): boolean {
    return this.#outstanding.has(toHex(corrId))
  }

  /** Waits for the answer to the command that was sent with `corrId`. */
  answerTo(
    corrId: Bytes,
    type: Command["type"],
    entityId: Bytes,
    { timeoutMs, signal }: AwaitOptions,
  ): Promise<BrokerMessage> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(this.#error("CLOSED", "the connection is closed"))
        return
      }
      if (signal?.aborted === true) {
        reject(reasonOf(signal))
        return
      }
      const id = toHex(corrId)
      const onAbort = (): void => {
        if (signal !== undefined) settle({ type: "error", error: reasonOf(signal) })
      }
      const timer = this.#clock.setTimer(timeoutMs, () => {
        settle({ type: "error", error: this.#error("TIMEOUT", `no answer in ${timeoutMs / 1000} seconds`) })
        this.#onTimeout()
      })
      const settle = (outcome: Outcome): void => {
        if (!this.#outstanding.delete(id)) return
        timer[Symbol.dispose]()
        signal?.removeEventListener("abort", onAbort)
        if (outcome.type === "answer") resolve(outcome.message)
        else reject(outcome.error instanceof Error ? outcome.error : new Error(String(outcome.error)))
        if (this.size === 0) for (const wake of this.#idle.splice(0)) wake()
      }
      signal?.addEventListener("abort", onAbort, { once: true })
      this.#outstanding.set(id, { type, entityId, settle })
    })
  }

  /** Hands a message to the request that it answers. `unexpected` fails that request; `unknown` is for none that waits. */
  answer(corrId: Bytes, entityId: Bytes, message: BrokerMessage): Match {
    const request = this.#outstanding.get(toHex(corrId))
    if (request === undefined) return "unknown"
    if (message.type === "ERR") {
      request.settle({ type: "error", error: refusal(message.error, this.#server) })
      return "answered"
    }
    if (!isAnswer(request.type, message) || !equalBytes(entityId, request.entityId)) {
      const error = this.#error(
        "UNEXPECTED",
        `an unexpected ${message.type} as the answer to ${request.type}`,
      )
      request.settle({ type: "error", error })
      return "unexpected"
    }
    request.settle({ type: "answer", message })
    return "answered"
  }

  /** Fails one request whose answer cannot be read. */
  unreadable(corrId: Bytes): void {
    const request = this.#outstanding.get(toHex(corrId))
    const error = this.#error("UNEXPECTED", `an unreadable answer to ${request?.type ?? "nothing"}`)
    request?.settle({ type: "error", error })
  }

  /** Fails all that wait and all that come. */
  close(message: string): void {
    this.#closed = true
    for (const { settle } of [...this.#outstanding.values()]) {
      settle({ type: "error", error: this.#error("CLOSED", message) })
    }
  }

  #error(code: "TIMEOUT" | "CLOSED" | "UNEXPECTED", message: string): ClientError {
    return new ClientError(code, message, this.#server, undefined)
  }
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason
  return reason instanceof Error ? reason : new Error("aborted", { cause: reason })
}
