import { fastRetry } from "@smpkit/client"
import { Backoff } from "./backoff.ts"
import type { Context } from "./context.ts"
import type { Conversation } from "./conversation.ts"
import { type AgentError, isAgentError } from "./errors.ts"
import { isTemporary } from "./failures.ts"
import { abandon } from "./invite.ts"
import { proceed } from "./proceed.ts"
import type { Registry } from "./registry.ts"

/** When a join is given up that never reached the servers (agent-protocol.md, "Sending, retries, errors"). */
const expiryMs = 48 * 3600_000

/** Joins that are not through yet. Each goes on with the keys that it began with, as its key may be set on the other side's queue already (security.md Q4). */
export class Joins {
  readonly #context: Context
  readonly #registry: Registry
  readonly #attempts = new Map<string, Promise<void>>()
  readonly #retrying = new Set<string>()
  /** Joins whose caller has not heard that they are through. */
  readonly #unheard = new Set<string>()

  constructor(context: Context, registry: Registry) {
    this.#context = context
    this.#registry = registry
  }

  /** Whether another call with the same link is a repetition: the one before ended with an error, or was given up. */
  mayRepeat(id: string): boolean {
    return this.#unheard.has(id)
  }

  forget(id: string): void {
    this.#unheard.delete(id)
  }

  /** Joins for a caller. Throws `AgentError`; after a failure of the network the join goes on by itself. */
  async join(conversation: Conversation, signal: AbortSignal | undefined): Promise<void> {
    const { id } = conversation
    this.#unheard.add(id)
    try {
      await this.#attempt(conversation)
      if (signal?.aborted !== true) this.#unheard.delete(id)
    } catch (error) {
      if (isTemporary(error)) this.#retry(conversation)
      else if (!conversation.active) this.#unheard.delete(id)
      throw error
    }
  }

  /** Takes up a join of an earlier run. */
  resume(conversation: Conversation): void {
    this.#retry(conversation, 0)
  }

  /** Two callers share one attempt. */
  #attempt(conversation: Conversation): Promise<void> {
    const { id } = conversation
    let attempt = this.#attempts.get(id)
    if (attempt === undefined) {
      attempt = proceed(this.#context, this.#registry, conversation).finally(() => this.#attempts.delete(id))
      this.#attempts.set(id, attempt)
    }
    return attempt
  }

  #retry(conversation: Conversation, firstMs?: number): void {
    const { id } = conversation
    if (this.#retrying.has(id) || this.#context.closing.signal.aborted) return
    this.#retrying.add(id)
    this.#context.background(this.#run(conversation, firstMs).finally(() => this.#retrying.delete(id)))
  }

  async #run(conversation: Conversation, firstMs: number | undefined): Promise<void> {
    const backoff = new Backoff(fastRetry)
    let delayMs = firstMs ?? backoff.nextMs()
    while (isJoining(conversation)) {
      if (delayMs > 0) await this.#context.pause(delayMs)
      if (!isJoining(conversation)) return
      try {
        await this.#attempt(conversation)
        return
      } catch (error) {
        this.#context.assertOpen()
        if (!isAgentError(error)) throw error
        // Deleted meanwhile, as the application has heard.
        if (!conversation.active && (error.code === "NOT_FOUND" || isTemporary(error))) return
        if (!isTemporary(error)) {
          await this.#close(conversation, error.code, error.message)
          return
        }
        if (this.#context.clock.now() - conversation.connection.created >= expiryMs) {
          const message = `The link could not be joined in time: ask for a new one. ${error.message}`
          await this.#close(conversation, "EXPIRED", message)
          return
        }
      }
      delayMs = backoff.nextMs()
    }
  }

  async #close(conversation: Conversation, code: AgentError["code"], message: string): Promise<void> {
    const { id: connectionId } = conversation
    if (conversation.active) await abandon(this.#context, this.#registry, conversation)
    await this.#context.updateAndShow([{ type: "closed", connectionId, code, message }])
  }
}

function isJoining(conversation: Conversation): boolean {
  const { state } = conversation.connection
  return conversation.active && (state === "joining" || state === "resolving" || state === "requesting")
}
