import type { Agent } from "@smpkit/agent"
import {
  AgentError,
  type AgentEvent,
  type ConnectionDescription,
  memoryRawStore,
  SealedStore,
  type WriteAlongside,
} from "@smpkit/agent"
import { seededRandom } from "@smpkit/testkit"
import type { PageEvent } from "../src/protocol.ts"
import type { AgentApi, Records } from "../src/worker/agent-port.ts"
import { Book } from "../src/worker/book.ts"
import { Chats } from "../src/worker/chats.ts"
import type { ChatsParts } from "../src/worker/chats-parts.ts"
import { Incoming } from "../src/worker/incoming.ts"
import { reconcile } from "../src/worker/reconcile.ts"

/** A sealed store in memory. */
export async function openRecords(raw = memoryRawStore()): Promise<SealedStore> {
  return await SealedStore.open(raw, { passphrase: "test", random: seededRandom("page") })
}

/** The connections and calls of an agent, and events that a test makes. */
export class FakeAgent implements AgentApi {
  readonly connections = new Map<string, string>()
  readonly acknowledged: { readonly messageId: number; readonly receipt?: boolean }[] = []
  readonly allowed: string[] = []
  readonly deleted: string[] = []
  servers: readonly string[] = ["smp://AAAA@own.example:5223"]
  joinError: AgentError | undefined
  allowError: AgentError | undefined
  sendError: AgentError | undefined
  /** The store that it shares with the page. */
  records: Records | undefined
  readonly moved: string[] = []
  readonly renewed: string[] = []
  receiveQueues: ConnectionDescription["receiveQueues"] = []
  #nextMessage = 1
  #nextConnection = 1
  #events: AgentEvent[] = []
  #wake: () => void = () => undefined
  #closed = false

  push(...events: readonly AgentEvent[]): void {
    this.#events.push(...events)
    this.#wake()
  }

  async *events(): ReturnType<Agent["events"]> {
    while (!this.#closed) {
      const event = this.#events.shift()
      if (event !== undefined) yield event
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #add(state: string): string {
    const id = `c${this.#nextConnection++}`
    this.connections.set(id, state)
    return id
  }

  async createConnection() {
    await Promise.resolve()
    return { connectionId: this.#add("invited"), link: "simplex:/invitation#/?v=2-7" }
  }

  async getLink({ connectionId }: { readonly connectionId: string }) {
    await Promise.resolve()
    if (this.connections.get(connectionId) !== "invited") throw new AgentError("PROHIBITED", "none")
    return { link: "simplex:/invitation#/?v=2-7" }
  }

  async joinConnection() {
    await Promise.resolve()
    if (this.joinError !== undefined) {
      if (this.joinError.code === "NETWORK" && ![...this.connections.values()].includes("joining"))
        this.#add("joining")
      throw this.joinError
    }
    const [waiting] = [...this.connections].filter(([, state]) => state === "joining").map(([id]) => id)
    if (waiting !== undefined) this.connections.set(waiting, "joined")
    return { connectionId: waiting ?? this.#add("joined") }
  }

  async allowConnection({ confirmationId }: { readonly confirmationId: string }) {
    await Promise.resolve()
    if (this.allowError !== undefined) throw this.allowError
    this.allowed.push(confirmationId)
    return {}
  }

  /** Stores what comes alongside as the agent does, in one transaction; none without a store. */
  async sendMessage(_params: unknown, { alongside }: { readonly alongside?: WriteAlongside } = {}) {
    if (this.sendError !== undefined) throw this.sendError
    const message = { messageId: this.#nextMessage++, postQuantum: false }
    await this.records?.update((tx) => alongside?.(tx, message))
    return message
  }

  async switchQueue({ connectionId }: { readonly connectionId: string }) {
    await Promise.resolve()
    this.moved.push(connectionId)
    return {}
  }

  async synchronizeRatchet({ connectionId }: { readonly connectionId: string }) {
    await Promise.resolve()
    this.renewed.push(connectionId)
    return {}
  }

  async acknowledgeMessage(params: { readonly messageId: number; readonly receipt?: boolean }) {
    await Promise.resolve()
    this.acknowledged.push(params)
    return {}
  }

  async securityCode() {
    await Promise.resolve()
    return { code: "12345 67890", postQuantum: false }
  }

  async setVerified() {
    await Promise.resolve()
    return {}
  }

  async connectionState({ connectionId }: { readonly connectionId: string }) {
    const { connections } = await this.listConnections()
    const found = connections.find((one) => one.connectionId === connectionId)
    if (found === undefined) throw new AgentError("NOT_FOUND", "none")
    return found
  }

  async listConnections() {
    await Promise.resolve()
    return {
      connections: [...this.connections].map(([connectionId, status]) => ({
        connectionId,
        mode: "invitation" as const,
        status,
        verified: false,
        postQuantum: { setting: "on" as const, sending: false, receiving: false },
        receiveQueues: this.receiveQueues,
        sendQueues: [],
        ratchet: "ok" as const,
        unsent: 0,
      })),
    }
  }

  async deleteConnection({ connectionId }: { readonly connectionId: string }) {
    await Promise.resolve()
    this.connections.delete(connectionId)
    this.deleted.push(connectionId)
    return {}
  }

  async *exportStore(): ReturnType<Agent["exportStore"]> {
    await Promise.resolve()
    yield new TextEncoder().encode("smpkit agent store\n")
  }

  async getServers() {
    await Promise.resolve()
    return { servers: this.servers }
  }

  async setServers({ servers }: { readonly servers: readonly string[] }) {
    this.servers = servers
    return await this.getServers()
  }

  async close() {
    await Promise.resolve()
    this.#closed = true
    this.#wake()
  }
}

/** Conversations over a fake agent, with what the page would hear. */
export async function openChats(agent: FakeAgent, records: Records) {
  const told: PageEvent[] = []
  agent.records = records
  const book = new Book(records)
  const parts: ChatsParts = {
    agent,
    book,
    emit: (event) => told.push(event),
    now: () => 1_000_000,
    fetchServers: () => Promise.resolve(["smp://AAAA@own.example:5223"]),
  }
  await reconcile(parts)
  void new Incoming(parts).listen()
  return { agent, records, book, chats: new Chats(parts), told }
}
