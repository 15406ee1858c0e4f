import { type Agent, AgentError, type AgentEvent, StoreError } from "@smpkit/agent"
import { openAgent, type OpenAgentOptions } from "@smpkit/agent/browser"

/** How a test uses an agent from outside the browser: what crosses is plain data. */
export interface Remote {
  call(method: string, params: unknown): Promise<Answer>
}
export type Answer = { readonly result: unknown } | { readonly code: string; readonly message: string }
/** An event with its body as a text. */
export type PlainEvent = Omit<AgentEvent, "body"> & { readonly text: string | undefined }

/** An agent that lives here. */
export class Host implements Remote {
  #agent: Agent | undefined
  readonly #onEvent: (event: PlainEvent) => void

  constructor(onEvent: (event: PlainEvent) => void) {
    this.#onEvent = onEvent
  }

  async call(method: string, params: unknown): Promise<Answer> {
    try {
      return { result: await this.#call(method, params) }
    } catch (error) {
      if (error instanceof AgentError || error instanceof StoreError)
        return { code: String(error.code), message: error.message }
      throw error
    }
  }

  async #call(method: string, params: unknown): Promise<unknown> {
    if (method === "open") {
      this.#agent = await openAgent(params as OpenAgentOptions)
      void this.#read(this.#agent)
      return {}
    }
    const agent = this.#agent
    if (agent === undefined) throw new Error("no agent is open")
    const f = agent[method as "connectionState"] as (params: unknown) => Promise<unknown>
    return await f.call(agent, params)
  }

  async #read(agent: Agent): Promise<void> {
    for await (const event of agent.events()) {
      const text = "body" in event ? new TextDecoder().decode(event.body) : undefined
      this.#onEvent({ ...event, text })
    }
  }
}
