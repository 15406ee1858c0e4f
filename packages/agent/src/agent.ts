import { type Bytes, formatVersionRange, toBase64Url, utf8 } from "@smpkit/codec"
import { type Connector, ServerPool } from "@smpkit/client"
import type { Random } from "@smpkit/crypto"
import { e2eVersions } from "@smpkit/ratchet"
import { formatServerAddress, type ServerAddressWithAuth, smpVersions } from "@smpkit/smp"
import type { Clock } from "@smpkit/transport"
import { beginningWith } from "./begin-join.ts"
import { makeAddress } from "./contact/address.ts"
import { acceptRequest, rejectRequest } from "./contact/answer-request.ts"
import { describe, type ConnectionDescription } from "./connection-state.ts"
import { type AgentOptions, Context } from "./context.ts"
import { type StoredMessage, storeMessage, type WriteAlongside } from "./send-message.ts"
import { AgentError } from "./errors.ts"
import type { AgentEvent } from "./events.ts"
import { allow, type CreatedLinks, invite } from "./invite.ts"
import { serverOf, storeServers, useServers } from "./known-servers.ts"
import { linksOf } from "./links-of.ts"
import type { PostQuantumSetting } from "./post-quantum/setting.ts"
import { deleteConnection, resumeRemovals } from "./removal.ts"
import { Registry } from "./registry.ts"
import { synchronizeRatchet } from "./resynchronize/synchronize.ts"
import { eraseRemains } from "./remains.ts"
import { resumeConnections, startHousekeeping } from "./resume.ts"
import { orAborted } from "./abort.ts"
import { deleteShortLink, setLinkData } from "./short-links/change-link.ts"
import type { ExportOptions, SealedStore } from "./store/index.ts"
import { codeOf, storeVerified } from "./verification.ts"
import { agentVersions } from "./version.ts"

/** Every method takes this last. Aborting ends the waiting with `AgentError ABORTED`, not what was stored; what was aborted before is not begun. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/** What an agent is made of. */
export interface AgentParts {
  /** Taken over: closed with the agent. */
  readonly store: SealedStore
  readonly connector: Connector
  readonly clock: Clock
  readonly random: Random
  /** Where queues are made; an empty list means those that the store knows. */
  readonly servers: readonly ServerAddressWithAuth[]
  readonly options?: AgentOptions
}

/** Versions of this release and of what it speaks. */
export interface AgentVersions {
  readonly smp: string
  readonly agent: string
  readonly e2e: string
}

const idLength = 12

/** Connections between people, programs and devices over servers that need not be trusted (rpc.md). */
export class Agent implements AsyncDisposable {
  readonly #context: Context
  readonly #registry: Registry
  readonly #store: SealedStore
  readonly #housekeeping: Disposable
  #closing: Promise<void> | undefined

  private constructor(context: Context, registry: Registry, store: SealedStore) {
    this.#context = context
    this.#registry = registry
    this.#store = store
    this.#housekeeping = startHousekeeping(context, registry)
  }

  /** Opens an agent on its store, goes on with everything that an earlier run left unfinished, and subscribes to all connections. Throws `AgentError STORE`. */
  static async open({ store, connector, clock, random, servers, options = {} }: AgentParts): Promise<Agent> {
    const pool = new ServerPool({ connector, clock, random })
    const context = new Context({ store, pool, clock, random, options })
    await useServers(context, servers)
    const registry = new Registry(context)
    const agent = new Agent(context, registry, store)
    await eraseRemains(store)
    await resumeConnections(context, registry)
    resumeRemovals(context)
    return agent
  }

  /**
   * Makes a connection and its link: an invitation is for one other agent, an address (`contact`) for all who have its link. `short` asks for a short link
   * as well, which leads to `userData`, at most about 13,700 bytes that everybody with the link can read.
   * Throws `AgentError`: BAD_PARAMETER, LARGE, NOT_SUPPORTED, POST_QUANTUM, NO_SERVER, NETWORK, TIMEOUT, AUTH, SMP, STORE.
   */
  async createConnection(
    params: {
      readonly mode: "invitation" | "contact"
      readonly postQuantum?: PostQuantumSetting
      readonly short?: boolean
      readonly userData?: Bytes
    },
    { signal }: CallOptions = {},
  ): Promise<CreatedLinks & { readonly connectionId: string }> {
    const { mode, short = false } = params
    if (params.userData !== undefined && !short)
      throw new AgentError("BAD_PARAMETER", "User data belongs to a short link: set `short`, too.")
    const userData = short ? (params.userData ?? new Uint8Array(0)) : undefined
    const options = { postQuantum: params.postQuantum ?? "on", userData, signal }
    const connectionId = this.#newId()
    const make = mode === "contact" ? makeAddress : invite
    const links = await this.#run(signal, () => make(this.#context, this.#registry, connectionId, options))
    return { connectionId, ...links }
  }

  /**
   * The link of an address, or of an invitation that nobody has answered, as `createConnection` gave it: for whoever has lost it, or is started again.
   * Throws `AgentError`: NOT_FOUND, PROHIBITED.
   */
  async getLink(
    params: { readonly connectionId: string },
    _options: CallOptions = {},
  ): Promise<CreatedLinks> {
    await Promise.resolve()
    return linksOf(this.#context, this.#registry.get(params.connectionId))
  }

  /**
   * Replaces what the short link of an address, or of an invitation that nobody has answered, leads to; an address without one gets one.
   * Throws `AgentError`: NOT_FOUND, PROHIBITED, LARGE, NOT_SUPPORTED, LINK_ALREADY_USED, NETWORK, TIMEOUT, AUTH, STORE.
   */
  async setLinkData(
    params: { readonly connectionId: string; readonly userData: Bytes },
    { signal }: CallOptions = {},
  ): Promise<{ readonly shortLink: string }> {
    const { connectionId, userData } = params
    const shortLink = await this.#run(signal, () =>
      setLinkData(this.#context, this.#registry.get(connectionId), userData, signal),
    )
    return { shortLink }
  }

  /** Takes a short link back; the long link stays good. It may be repeated. Throws as `setLinkData`. */
  async deleteShortLink(
    params: { readonly connectionId: string },
    { signal }: CallOptions = {},
  ): Promise<object> {
    await this.#run(signal, () =>
      deleteShortLink(this.#context, this.#registry.get(params.connectionId), signal),
    )
    return {}
  }

  /**
   * Joins with a link, long or short. Resolves when the confirmation, or the request to an address, is stored for sending. While such a request is
   * unanswered, another call for the same address returns the same connection; delete that to ask anew. After NETWORK, SERVER_VERSION or TIMEOUT it goes on by itself, with the same keys, for 48 hours; calling it again with the same link tries at once.
   * Throws `AgentError`: LINK, LINK_ALREADY_USED, A_LINK, A_MESSAGE, A_VERSION, PROHIBITED, LARGE, NOT_SUPPORTED, POST_QUANTUM, NO_SERVER, NETWORK, TIMEOUT, AUTH, STORE.
   */
  async joinConnection(
    params: { readonly link: string; readonly info?: Bytes; readonly postQuantum?: PostQuantumSetting },
    { signal }: CallOptions = {},
  ): Promise<{ readonly connectionId: string }> {
    const postQuantum = params.postQuantum ?? "on"
    const options = { info: params.info ?? new Uint8Array(0), postQuantum }
    const start = beginningWith(this.#context, this.#registry, this.#newId(), params.link)
    return await this.#run(signal, async () => {
      const conversation = await start(options)
      await this.#registry.joins.join(conversation, signal)
      return { connectionId: conversation.id }
    })
  }

  /**
   * Accepts a request at an address: makes a connection with whoever asked, which is stored when this resolves and goes on by itself. It may be repeated after
   * a crash. Throws `AgentError`: NOT_FOUND, PROHIBITED, LINK_ALREADY_USED, NO_SERVER, STORE.
   */
  async acceptContact(
    params: { readonly connectionId: string; readonly requestId: string; readonly info?: Bytes },
    { signal }: CallOptions = {},
  ): Promise<{ readonly connectionId: string }> {
    const { connectionId: addressId, requestId, info = new Uint8Array(0) } = params
    const options = { requestId, info }
    const connectionId = await this.#run(signal, () =>
      acceptRequest(this.#context, this.#registry, addressId, options),
    )
    return { connectionId }
  }

  /** Forgets a request at an address: whoever asked hears nothing. Throws `AgentError`: NOT_FOUND, PROHIBITED, STORE. */
  async rejectContact(
    params: { readonly connectionId: string; readonly requestId: string },
    { signal }: CallOptions = {},
  ): Promise<object> {
    const { connectionId, requestId } = params
    await this.#run(signal, () => rejectRequest(this.#context, this.#registry, connectionId, requestId))
    return {}
  }

  /** Accepts an answer to an invitation; it is stored for sending. Throws `AgentError`: NOT_FOUND, PROHIBITED, SECOND_CONFIRMATION, SEND_LOCKED, LARGE, STORE. */
  async allowConnection(
    params: { readonly connectionId: string; readonly confirmationId: string; readonly info?: Bytes },
    { signal }: CallOptions = {},
  ): Promise<object> {
    await this.#run(signal, () => {
      const conversation = this.#registry.get(params.connectionId)
      return allow(this.#context, conversation, params.confirmationId, params.info ?? new Uint8Array(0))
    })
    return {}
  }

  /**
   * Stores a message for sending; `messageId` names it in the events `sent`, `delivered` and `failed`. The ciphertext and the ratchet that made it are on disk when this resolves.
   * `alongside` is for an application with tables of its own in the agent's store, such as a history: what it writes is on disk exactly when the message is, whatever crashes.
   * Throws `AgentError`: NOT_FOUND, NOT_CONNECTED, SEND_LOCKED, DELETED, LARGE, STORE.
   */
  async sendMessage(
    params: { readonly connectionId: string } & ({ readonly text: string } | { readonly body: Bytes }),
    { signal, alongside }: CallOptions & { readonly alongside?: WriteAlongside } = {},
  ): Promise<StoredMessage> {
    const body = "text" in params ? utf8(params.text) : params.body
    return await this.#run(signal, () =>
      storeMessage(this.#context, this.#registry.get(params.connectionId), body, alongside),
    )
  }

  /**
   * The application is done with a message: the server may forget it, and the next one comes. `receipt` asks for a delivery receipt; without it the other side learns nothing
   * (security.md Q7). Throws `AgentError`: NOT_FOUND, STORE.
   */
  async acknowledgeMessage(
    params: { readonly connectionId: string; readonly messageId: number; readonly receipt?: boolean },
    { signal }: CallOptions = {},
  ): Promise<object> {
    const { connectionId, messageId, receipt = false } = params
    await this.#run(signal, () => this.#registry.acknowledge(connectionId, messageId, receipt))
    return {}
  }

  /**
   * Moves the queue that the connection receives from to `server`, by default to one that the connection does not use, if the agent knows one. It resolves when the new queue exists
   * and is offered to the other side; events `queueSwitched` tell how it goes on, and the old queue stays in use until the other side uses the new one.
   * Throws `AgentError`: NOT_FOUND, NOT_CONNECTED, SEND_LOCKED, DELETED, PROHIBITED, BAD_PARAMETER, NETWORK, SERVER_VERSION, TIMEOUT, AUTH, SMP, STORE.
   */
  async switchQueue(
    params: { readonly connectionId: string; readonly server?: string },
    { signal }: CallOptions = {},
  ): Promise<object> {
    const server = params.server === undefined ? undefined : serverOf(params.server)
    await this.#run(signal, () => this.#registry.switchQueue(params.connectionId, { server, signal }))
    return {}
  }

  /** The code that both users compare by another way, and whether both directions are post-quantum. The code covers the X448 keys that the connection began with, no KEM
   * key: it does not tell whether somebody removed one. Throws `AgentError`: NOT_FOUND, NOT_CONNECTED. */
  async securityCode(
    params: { readonly connectionId: string },
    _options: CallOptions = {},
  ): Promise<{ readonly code: string; readonly postQuantum: boolean }> {
    await Promise.resolve()
    return codeOf(this.#registry.get(params.connectionId))
  }

  /**
   * Makes new keys with the other side when messages do not decrypt (`ratchetSync` `allowed` or `required`), or after the store came back from a copy; answers the
   * other side where it asks for that. With `force` also while all is well, and anew in `started` or `agreed`, where it does not become `ok`. What is sent meanwhile is held. The security code changes, so that it has to
   * be compared again. Throws `AgentError`: NOT_FOUND, NOT_CONNECTED, NOT_SUPPORTED, PROHIBITED, POST_QUANTUM, STORE.
   */
  async synchronizeRatchet(
    params: { readonly connectionId: string; readonly force?: boolean },
    { signal }: CallOptions = {},
  ): Promise<object> {
    const { connectionId, force = false } = params
    await this.#run(signal, () =>
      synchronizeRatchet(this.#context, this.#registry.get(connectionId), { force }),
    )
    return {}
  }

  /** Records that the user has compared the security code. Throws `AgentError`: NOT_FOUND, NOT_CONNECTED, STORE. */
  async setVerified(
    params: { readonly connectionId: string; readonly verified: boolean },
    { signal }: CallOptions = {},
  ): Promise<object> {
    const conversation = this.#registry.get(params.connectionId)
    await this.#run(signal, () => storeVerified(conversation, params.verified))
    return {}
  }

  async connectionState(
    params: { readonly connectionId: string },
    _options: CallOptions = {},
  ): Promise<ConnectionDescription> {
    await Promise.resolve()
    return describe(this.#registry.get(params.connectionId))
  }

  async listConnections(
    _options: CallOptions = {},
  ): Promise<{ readonly connections: readonly ConnectionDescription[] }> {
    await Promise.resolve()
    return { connections: this.#registry.all().map(describe) }
  }

  /** Deletes a connection, now or when all that waits was delivered; the event `closed` tells when. Throws `AgentError`: NOT_FOUND, STORE. */
  async deleteConnection(
    params: { readonly connectionId: string; readonly waitForDelivery?: boolean },
    { signal }: CallOptions = {},
  ): Promise<object> {
    const conversation = this.#registry.get(params.connectionId)
    const { waitForDelivery = false } = params
    await this.#run(signal, () => deleteConnection(this.#context, conversation, { waitForDelivery }))
    return {}
  }

  async getServers(_options: CallOptions = {}): Promise<{ readonly servers: readonly string[] }> {
    await Promise.resolve()
    return { servers: this.#context.knownServers.map(formatServerAddress) }
  }

  /** Sets where new queues are made. Throws `AgentError`: BAD_PARAMETER, STORE. */
  async setServers(
    params: { readonly servers: readonly string[] },
    { signal }: CallOptions = {},
  ): Promise<{ readonly servers: readonly string[] }> {
    const servers = params.servers.map(serverOf)
    await this.#run(signal, () => storeServers(this.#context, servers))
    return await this.getServers()
  }

  /** Receives on connections again, on all without `connectionIds`. */
  async subscribe(
    params: { readonly connectionIds?: readonly string[] } = {},
    { signal }: CallOptions = {},
  ): Promise<object> {
    await this.#run(signal, () =>
      Promise.all(
        this.#chosen(params.connectionIds).map(async (conversation) => {
          if (conversation.wanted) return
          conversation.wanted = true
          await this.#registry.watch(conversation)
        }),
      ),
    )
    return {}
  }

  /** Stops receiving on connections: messages stay on the server. */
  async unsubscribe(
    params: { readonly connectionIds?: readonly string[] } = {},
    _options: CallOptions = {},
  ): Promise<object> {
    await Promise.resolve()
    for (const conversation of this.#chosen(params.connectionIds)) conversation.wanted = false
    return {}
  }

  async version(_options: CallOptions = {}): Promise<AgentVersions> {
    await Promise.resolve()
    return {
      smp: formatVersionRange(smpVersions),
      agent: formatVersionRange(agentVersions),
      e2e: formatVersionRange(e2eVersions),
    }
  }

  /**
   * All that the agent knows, as one file under the passphrase of its store, in pieces: for a backup or for another machine. `importAgent` (Node), `importProfile` (browser) and
   * `importStore` make a store of it again, whose connections re-synchronise before they send. The agent goes on meanwhile. Throws `StoreError STORE_CLOSED`.
   */
  async *exportStore(options: ExportOptions = {}): AsyncGenerator<Bytes, void, undefined> {
    await this.#context.flush()
    yield* this.#store.export(options)
  }

  /** What happens, in order. An application that does not read pauses receiving. It ends when the agent is closed, and throws when the agent had to stop. */
  async *events(): AsyncGenerator<AgentEvent, void, undefined> {
    yield* this.#context.events.iterate()
    if (this.#context.failure !== undefined) throw this.#context.failure
  }

  /** Ends all connections to servers, then closes the store. What was accepted is on disk and goes on at the next start; a change that is asked for afterwards is `AgentError CLOSED`. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#context.events.close()
    // What is lost here is done again at the next start.
    await this.#context.flush().catch(() => undefined)
    this.#context.stop()
    this.#housekeeping[Symbol.dispose]()
    this.#registry.stop()
    await this.#context.pool.close()
    if (this.#context.failure === undefined) await eraseRemains(this.#store)
    await this.#store.close()
  }

  /** Carries out a call, unless the agent is closed: then `AgentError CLOSED`, whatever the call would have met first. */
  async #run<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    this.#context.assertOpen()
    return await orAborted(signal, work)
  }

  #newId(): string {
    return toBase64Url(this.#context.random.bytes(idLength), { padded: false })
  }

  #chosen(ids: readonly string[] | undefined): ReturnType<Registry["all"]> {
    return ids === undefined ? this.#registry.all() : ids.map((id) => this.#registry.get(id))
  }
}
