import type { ChildProcessWithoutNullStreams } from "node:child_process"
import { createInterface } from "node:readline"

export interface RpcEvent {
  readonly type: string
  readonly connectionId?: string
  readonly [field: string]: unknown
}

interface Waiting {
  readonly fits: (event: RpcEvent) => boolean
  readonly resolve: (event: RpcEvent) => void
}

/** An agent process, driven through JSON-RPC only. */
export class RpcAgent {
  readonly child: ChildProcessWithoutNullStreams
  /** Lines of stdout that are no JSON-RPC: there must be none. */
  readonly strange: string[] = []
  readonly seen: RpcEvent[] = []
  readonly #answers = new Map<
    number,
    (answer: { readonly result?: unknown; readonly error?: unknown }) => void
  >()
  #waiting: Waiting[] = []
  #events: RpcEvent[] = []
  #nextId = 1

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child
    createInterface({ input: child.stdout }).on("line", (line) => {
      this.#take(line)
    })
  }

  /** Calls a method; rejects with the error object of the answer. */
  async call<T = Record<string, never>>(method: string, params?: object): Promise<T> {
    const id = this.#nextId++
    const answer = new Promise<{ readonly result?: unknown; readonly error?: unknown }>((resolve) => {
      this.#answers.set(id, resolve)
    })
    this.child.stdin.write(
      `${JSON.stringify({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) })}\n`,
    )
    const { result, error } = await answer
    if (error !== undefined) throw Object.assign(new Error(JSON.stringify(error)), { rpc: error })
    return result as T
  }

  /** The next event that fits; those before it stay for others. */
  event(type: string, more: (event: RpcEvent) => boolean = () => true): Promise<RpcEvent> {
    const fits = (event: RpcEvent): boolean => event.type === type && more(event)
    const at = this.#events.findIndex(fits)
    const [early] = at < 0 ? [] : this.#events.splice(at, 1)
    if (early !== undefined) return Promise.resolve(early)
    return new Promise((resolve) => this.#waiting.push({ fits, resolve }))
  }

  #take(line: string): void {
    let value: { readonly id?: number; readonly method?: string; readonly params?: RpcEvent }
    try {
      value = JSON.parse(line) as typeof value
    } catch {
      this.strange.push(line)
      return
    }
    if (value.id !== undefined) {
      this.#answers.get(value.id)?.(value as { readonly result?: unknown })
      this.#answers.delete(value.id)
      return
    }
    const event = value.params
    if (event === undefined) return
    this.seen.push(event)
    const waiting = this.#waiting.find(({ fits }) => fits(event))
    if (waiting === undefined) {
      this.#events.push(event)
      return
    }
    this.#waiting = this.#waiting.filter((each) => each !== waiting)
    waiting.resolve(event)
  }
}

/** Connects two agents by an invitation. */
export async function connect(
  alice: RpcAgent,
  bob: RpcAgent,
): Promise<{ readonly alice: string; readonly bob: string }> {
  const { connectionId, link } = await alice.call<{ connectionId: string; link: string }>(
    "createConnection",
    {
      mode: "invitation",
    },
  )
  const joined = await bob.call<{ connectionId: string }>("joinConnection", { link, infoBase64: "Qm9i" })
  const confirmation = await alice.event("confirmation")
  await alice.call("allowConnection", {
    connectionId,
    confirmationId: confirmation["confirmationId"],
    infoBase64: "QWxpY2U",
  })
  await Promise.all([alice.event("connected"), bob.event("connected")])
  return { alice: connectionId, bob: joined.connectionId }
}
