import { fastRetry, type SmpClient } from "@smpkit/client"
import { Backoff } from "./backoff.ts"
import type { Context } from "./context.ts"
import { FairQueue } from "./fair-queue.ts"

/** Three blocks of SUBs, and their answers, may be on the way, so that other commands find few before them. */
const limits = { together: 100, most: 400 }
/** After a server has taken no more subscriptions from one session: it may where other queues have gone. */
const refusedMs = 300_000

/** What an attempt to subscribe to a queue came to. */
export type Attempt = "done" | "later" | "refused"

/** What a session needs of those who know the queues. */
export interface SessionHooks {
  /** One SUB; `name` is the recipient id. Never rejects for what a server does. */
  readonly attempt: (name: string) => Promise<Attempt>
  /** The server has refused queues because this session has too many; called once. */
  readonly onRefused: () => void
  /** Whether more than what is urgent may be subscribed to at the moment. */
  readonly mayBegin: () => boolean
}

/** A queue that is to be subscribed to again. */
interface Again {
  readonly name: string
  readonly why: Exclude<Attempt, "done">
}

/** Subscribes the queues of one server in one session with it, in full blocks where there are many; each that fails is tried again by itself. */
export class SubscribedSession {
  readonly client: SmpClient
  readonly #context: Context
  readonly #hooks: SessionHooks
  readonly #work: FairQueue
  #ended = false
  #refused = false

  constructor(context: Context, client: SmpClient, hooks: SessionHooks) {
    this.client = client
    this.#context = context
    this.#hooks = hooks
    this.#work = new FairQueue(limits, hooks.mayBegin)
  }

  /** Resolves after one attempt for each queue. Those that failed for the moment are tried again as long as the session lasts: after that, the next one does it. */
  async subscribe(names: readonly string[], order: { readonly urgent: boolean }): Promise<void> {
    const again = await this.#attempts(names, order)
    if (again.length > 0) this.#context.background(this.#retry(again))
  }

  /** `mayBegin` says so again. */
  changed(): void {
    this.#work.changed()
  }

  /** The session is over: nothing more is tried in it. */
  end(): void {
    this.#ended = true
    this.#work.end()
  }

  async #retry(first: readonly Again[]): Promise<void> {
    const backoff = new Backoff(fastRetry)
    let again = first
    while (again.length > 0) {
      const refused = again.every(({ why }) => why === "refused")
      await this.#context.pause(refused ? refusedMs : backoff.nextMs())
      const names = again.map(({ name }) => name)
      again = await this.#attempts(names, { urgent: false })
    }
  }

  async #attempts(names: readonly string[], order: { readonly urgent: boolean }): Promise<readonly Again[]> {
    const again: Again[] = []
    const attempt = async (name: string): Promise<void> => {
      const why = await this.#hooks.attempt(name)
      if (why === "refused" && !this.#refused) {
        this.#refused = true
        this.#hooks.onRefused()
      }
      if (why !== "done") again.push({ name, why })
    }
    await Promise.all(names.map((name) => this.#work.push(() => attempt(name), order)))
    return this.#ended ? [] : again
  }
}
