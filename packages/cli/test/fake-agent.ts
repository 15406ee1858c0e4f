import { decodeUtf8 } from "@smpkit/codec"
import type { AgentVersions } from "@smpkit/agent"
import type { AgentApi, AgentEvent, ConnectionDescription } from "../src/agent-port.ts"

/** An agent of one connection that records its calls; events are pushed by the test. */
export class FakeAgent implements AgentApi {
  readonly calls: { readonly method: string; readonly params: unknown }[] = []
  /** How many events were taken by the reader. */
  taken = 0
  closed = false
  answers: Record<string, unknown> = {}
  #queue: AgentEvent[] = []
  #wake: (() => void) | undefined
  #nextMessageId = 1

  push(...events: readonly AgentEvent[]): void {
    this.#queue.push(...events)
    this.#wake?.()
  }

  async *events(): AsyncGenerator<AgentEvent, void, undefined> {
    for (;;) {
      const event = this.#queue.shift()
      if (event !== undefined) {
        this.taken++
        yield event
        continue
      }
      if (this.closed) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  close(): Promise<void> {
    this.closed = true
    this.#wake?.()
    return Promise.resolve()
  }

  #called<T>(method: string, params: unknown, usual: T): Promise<T> {
    this.calls.push({ method, params })
    const answer = this.answers[method]
    if (answer instanceof Error) return Promise.reject(answer)
    return Promise.resolve(answer === undefined ? usual : (answer as T))
  }

  createConnection(params: object): Promise<{ connectionId: string; link: string }> {
    return this.#called("createConnection", params, {
      connectionId: "c1",
      link: "simplex:/invitation#/?v=2-7",
    })
  }
  joinConnection(params: object): Promise<{ connectionId: string }> {
    return this.#called("joinConnection", params, { connectionId: "c1" })
  }
  allowConnection(params: object): Promise<object> {
    return this.#called("allowConnection", params, {})
  }
  acceptContact(params: object): Promise<{ connectionId: string }> {
    return this.#called("acceptContact", params, { connectionId: "c2" })
  }
  rejectContact(params: object): Promise<object> {
    return this.#called("rejectContact", params, {})
  }
  sendMessage(params: object): Promise<{ messageId: number; postQuantum: boolean }> {
    return this.#called("sendMessage", params, { messageId: this.#nextMessageId++, postQuantum: false })
  }
  acknowledgeMessage(params: object): Promise<object> {
    return this.#called("acknowledgeMessage", params, {})
  }
  getLink(params: object): Promise<{ link: string; shortLink?: string }> {
    return this.#called("getLink", params, { link: "simplex:/contact#/?v=2-7", shortLink: "simplex:/a#AAAA" })
  }
  setLinkData(params: object): Promise<{ shortLink: string }> {
    return this.#called("setLinkData", params, { shortLink: "simplex:/a#AAAA" })
  }
  deleteShortLink(params: object): Promise<object> {
    return this.#called("deleteShortLink", params, {})
  }
  switchQueue(params: object): Promise<object> {
    return this.#called("switchQueue", params, {})
  }
  synchronizeRatchet(params: object): Promise<object> {
    return this.#called("synchronizeRatchet", params, {})
  }
  securityCode(params: object): Promise<{ code: string; postQuantum: boolean }> {
    return this.#called("securityCode", params, {
      code: "12345 67890",
      postQuantum: false,
    })
  }
  setVerified(params: object): Promise<object> {
    return this.#called("setVerified", params, {})
  }
  connectionState(params: { readonly connectionId: string }): Promise<ConnectionDescription> {
    return this.#called("connectionState", params, stateOf(params.connectionId))
  }
  listConnections(): Promise<{ connections: readonly ConnectionDescription[] }> {
    return this.#called("listConnections", undefined, { connections: [] })
  }
  deleteConnection(params: object): Promise<object> {
    return this.#called("deleteConnection", params, {})
  }
  getServers(): Promise<{ servers: readonly string[] }> {
    return this.#called("getServers", undefined, { servers: ["smp://AAAA@localhost"] })
  }
  setServers(params: { readonly servers: readonly string[] }): Promise<{ servers: readonly string[] }> {
    return this.#called("setServers", params, params)
  }
  version(): Promise<AgentVersions> {
    return this.#called("version", undefined, { smp: "6-18", agent: "2-7", e2e: "2-3" })
  }
  subscribe(params: object): Promise<object> {
    return this.#called("subscribe", params, {})
  }
  unsubscribe(params: object): Promise<object> {
    return this.#called("unsubscribe", params, {})
  }
}

export function stateOf(connectionId: string, status = "connected"): ConnectionDescription {
  return {
    connectionId,
    mode: "invitation",
    status,
    verified: false,
    postQuantum: { setting: "on", sending: false, receiving: false },
    receiveQueues: [],
    sendQueues: [],
    ratchet: "ok",
    unsent: 0,
  }
}

/** A message event of connection c1. */
export function messageOf(
  body: Uint8Array,
  messageId: number,
  more: { readonly redelivered?: boolean } = {},
): AgentEvent {
  return {
    type: "message",
    connectionId: "c1",
    messageId,
    body: new Uint8Array(body),
    text: decodeUtf8(body),
    brokerTime: new Date("2026-11-24T12:00:00Z"),
    integrity: { type: "ok" },
    postQuantum: false,
    redelivered: more.redelivered ?? false,
  }
}
