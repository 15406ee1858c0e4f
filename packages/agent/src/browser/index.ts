import { webSocketConnector } from "@smpkit/client/websocket"
import { systemRandom } from "@smpkit/crypto"
import { parseServerAddress, type ServerAddressWithAuth } from "@smpkit/smp"
import { systemClock } from "@smpkit/transport"
import { Agent } from "../agent.ts"
import type { AgentOptions } from "../context.ts"
import { AgentError } from "../errors.ts"
import { importStore, SealedStore } from "../store/index.ts"
import { indexedDbRawStore } from "../store/indexed-db.ts"
import { deleteProfile, listProfiles } from "../store/indexed-db-profile.ts"

export { indexedDbRawStore, type IndexedDbOptions } from "../store/indexed-db.ts"
export { deleteProfile, listProfiles }

/** Where and how an agent lives in this browser. */
export interface OpenAgentOptions {
  /** Name of its profile, made where it is new; anybody who can read the browser's files can read this name. One page or worker at a time uses it. */
  readonly name: string
  /** Seals the store. Losing it is losing the connections. */
  readonly passphrase: string
  /** An empty passphrase has to be meant (security.md Q12). */
  readonly allowEmptyPassphrase?: boolean
  /** The WebSocket through which every server is reached, as `wss://HOST/PATH`. */
  readonly endpoint: string
  /** Where queues are made, as `smp://FINGERPRINT@HOST:PORT` or parsed; without any, those of an earlier run. */
  readonly servers?: readonly (string | ServerAddressWithAuth)[]
  readonly options?: AgentOptions
  /** Gives opening up; what runs already is closed again. */
  readonly signal?: AbortSignal
}

/** An open profile. */
export interface Profile {
  readonly agent: Agent
  /** The agent's own, closed with it. An application may keep tables of its own in it, by names that are not the agent's: history, names, settings, under the same passphrase. */
  readonly store: SealedStore
}

/**
 * Opens an agent with a store in IndexedDB and connections by channel. Meant for a worker: deriving the key from the passphrase takes a second and more without a pause, and a page would not answer meanwhile.
 * Chromium ends a worker that is busy with it, as on a reload, up to two seconds later, and until then the profile is in use.
 * The browser may delete the store when the disk is full; a page can ask it not to, with `navigator.storage.persist()`.
 * Throws `AgentError BAD_PARAMETER`, `SmpError ADDRESS`, `StoreError` (STORE_IN_USE, WRONG_PASSPHRASE, …), or the signal's reason.
 */
export async function openAgent(options: OpenAgentOptions): Promise<Agent> {
  const { agent } = await openProfile(options)
  return agent
}

/** An exported agent and the profile that it becomes. */
export interface ImportProfileOptions {
  /** Of a profile that does not exist. */
  readonly name: string
  /** What `Agent.exportStore` gave, in pieces of any length; of a `File`, what a reader of its `stream()` reads. */
  readonly source: AsyncIterable<Uint8Array>
  readonly passphrase: string
  readonly allowEmptyPassphrase?: boolean
}

/**
 * Makes a profile of an exported agent: whole, or not at all. It starts send-locked: each connection re-synchronises before it sends. Meant for a worker, as `openAgent`.
 * Throws `StoreError` `NOT_EMPTY`, `EXPORT_DAMAGED`, `STORE_FORMAT`, `WRONG_PASSPHRASE`, `EMPTY_PASSPHRASE`, `STORE_IN_USE`, `STORE_FAILED`.
 */
export async function importProfile({ name, source, ...options }: ImportProfileOptions): Promise<void> {
  const raw = await indexedDbRawStore(name)
  const [first] = raw.scan(new Uint8Array())
  try {
    await importStore(raw, source, { ...options, random: systemRandom })
  } catch (error) {
    // An empty database would be a profile to `listProfiles`. Why the import failed is told, whatever becomes of that.
    if (first === undefined) await deleteProfile(name).catch(() => undefined)
    throw error
  }
}

/** `openAgent` for an application that keeps records beside the agent's. Throws what `openAgent` throws. */
export async function openProfile({
  name,
  passphrase,
  allowEmptyPassphrase = false,
  endpoint,
  servers = [],
  options = {},
  signal,
}: OpenAgentOptions): Promise<Profile> {
  signal?.throwIfAborted()
  const connector = webSocketConnector({
    url: webSocketUrl(endpoint),
    clock: systemClock,
    random: systemRandom,
  })
  const addresses = servers.map((server) =>
    typeof server === "string" ? parseServerAddress(server) : server,
  )
  const store = await SealedStore.open(await indexedDbRawStore(name), {
    passphrase,
    allowEmptyPassphrase,
    random: systemRandom,
  })
  try {
    signal?.throwIfAborted()
    const parts = { store, connector, clock: systemClock, random: systemRandom, servers: addresses, options }
    const agent = await Agent.open(parts)
    if (signal?.aborted === true) await agent.close()
    signal?.throwIfAborted()
    return { agent, store }
  } catch (error) {
    await store.close()
    throw error
  }
}

function webSocketUrl(endpoint: string): string {
  const { protocol } = URL.canParse(endpoint) ? new URL(endpoint) : { protocol: "" }
  if (protocol === "wss:" || protocol === "ws:") return endpoint
  throw new AgentError("BAD_PARAMETER", "An endpoint looks like wss://HOST/PATH.")
}
