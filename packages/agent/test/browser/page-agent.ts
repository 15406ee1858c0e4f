import type { AgentEvent } from "@smpkit/agent"
import type { RunningServer } from "@smpkit/server"
import { formatServerAddress } from "@smpkit/smp"
import type { BrowserContext, Page } from "playwright"
import type { Answer, PlainEvent } from "./page/host.ts"
import type { AgentInTest } from "./page/window.ts"

export interface Made {
  readonly connectionId: string
  readonly link: string
}

/** An agent in a page of a browser. */
export class PageAgent {
  readonly page: Page
  constructor(page: Page) {
    this.page = page
  }

  static async start(context: BrowserContext, url: string): Promise<PageAgent> {
    const page = await context.newPage()
    await page.goto(url)
    return new PageAgent(page)
  }

  call(method: string, params: unknown = {}): Promise<Answer> {
    return this.page.evaluate(
      ([m, p]) => (globalThis as unknown as { agentInTest: AgentInTest }).agentInTest.call(m, p),
      [method, params] as const,
    )
  }

  async get<T>(method: string, params: unknown = {}): Promise<T> {
    const answer = await this.call(method, params)
    if ("code" in answer) throw new Error(`${method}: ${answer.code}: ${answer.message}`)
    return answer.result as T
  }

  next(type: AgentEvent["type"], from = 0): Promise<PlainEvent & Record<string, unknown>> {
    return this.page.evaluate(
      ([t, n]) => (globalThis as unknown as { agentInTest: AgentInTest }).agentInTest.next(t, n),
      [type, from] as const,
    )
  }

  /** Connects with `bob` by an invitation of this one. */
  async connect(bob: PageAgent): Promise<{ alice: string; bob: string; link: string }> {
    const { connectionId, link } = await this.get<Made>("createConnection", { mode: "invitation" })
    const joined = await bob.get<Made>("joinConnection", { link })
    const { confirmationId } = await this.next("confirmation")
    await this.get("allowConnection", { connectionId, confirmationId })
    await this.next("connected")
    await bob.next("connected")
    return { alice: connectionId, bob: joined.connectionId, link }
  }

  async open(server: RunningServer, passphrase = "correct horse", name = "main"): Promise<Answer> {
    return await this.call("open", {
      name,
      passphrase,
      endpoint: `${server.web?.url.replace(/^http/, "ws") ?? ""}smp`,
      servers: [formatServerAddress(server.address)],
    })
  }
}
