import { connect, createServer, type Socket } from "node:net"
import { Agent, type AgentEvent, memoryRawStore, SealedStore } from "@smpkit/agent"
import { webSocketConnector } from "@smpkit/client/websocket"
import { systemRandom } from "@smpkit/crypto"
import { parseServerAddress } from "@smpkit/smp"
import { systemClock } from "@smpkit/transport"

/** An agent as a page has it: everything through the `./smp` beside its own `./server.json`. */
export class PageAgent implements AsyncDisposable {
  readonly agent: Agent
  readonly events: AgentEvent[] = []
  readonly #reading: Promise<void>
  #wake: () => void = () => undefined

  private constructor(agent: Agent) {
    this.agent = agent
    this.#reading = this.#read()
  }

  /** `page` is where the page is, with a slash at its end. */
  static async open(page: string): Promise<PageAgent> {
    const { servers } = (await (await fetch(new URL("server.json", page))).json()) as { servers: string[] }
    const store = await SealedStore.open(memoryRawStore(), { passphrase: "test", random: systemRandom })
    return new PageAgent(
      await Agent.open({
        store,
        connector: webSocketConnector({ url: new URL("smp", page.replace(/^http/, "ws")).href }),
        clock: systemClock,
        random: systemRandom,
        servers: servers.map(parseServerAddress),
      }),
    )
  }

  /** Takes the next event of a type; those before it stay. */
  async event<T extends AgentEvent["type"]>(type: T): Promise<Extract<AgentEvent, { readonly type: T }>> {
    for (;;) {
      const at = this.events.findIndex((event) => event.type === type)
      const [event] = at < 0 ? [] : this.events.splice(at, 1)
      if (event !== undefined) return event as Extract<AgentEvent, { readonly type: T }>
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent.close()
    await this.#reading
  }

  async #read(): Promise<void> {
    for await (const event of this.agent.events()) {
      this.events.push(event)
      this.#wake()
    }
  }
}

/** Stands where a browser does: what passes gets the page's `Host` and `Origin`, as no program but a browser adds by itself. Keeps all bytes. */
export async function asBrowser(
  port: number,
): Promise<{ readonly page: string; readonly seen: Buffer[]; close(): void }> {
  const host = `127.0.0.1:${port}`
  const seen: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1")
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on("error", () => undefined)
      one.once("close", () => other.destroy())
      one.on("data", (chunk: Buffer) => seen.push(chunk))
    }
    near.once("data", (head: Buffer) => {
      const text = head
        .toString("latin1")
        .replace(/\r\nHost: [^\r]*/i, `\r\nHost: ${host}\r\nOrigin: http://${host}`)
      far.write(text, "latin1")
      near.pipe(far)
    })
    far.pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    page: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`,
    seen,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
