import { tlsConnector } from "@smpkit/client/tls"
import { systemRandom } from "@smpkit/crypto"
import { parseServerAddress, type ServerAddressWithAuth } from "@smpkit/smp"
import { systemClock } from "@smpkit/transport"
import { Agent } from "../agent.ts"
import type { AgentOptions } from "../context.ts"
import { SealedStore } from "../store/index.ts"
import { lmdbRawStore } from "../store/lmdb.ts"

export { type BackupOptions, exportAgent, importAgent, writeExport } from "./backup.ts"

/** Where and how an agent lives on this machine. */
export interface OpenAgentOptions {
  /** Its folder, made private to its owner where it is new. One process at a time uses it. */
  readonly dir: string
  /** Seals the store. Losing it is losing the connections. */
  readonly passphrase: string
  /** An empty passphrase has to be meant (security.md Q12). */
  readonly allowEmptyPassphrase?: boolean
  /** Where queues are made, as `smp://FINGERPRINT@HOST:PORT` or parsed; without any, those of an earlier run. */
  readonly servers?: readonly (string | ServerAddressWithAuth)[]
  readonly options?: AgentOptions
}

/** Opens an agent with a store on disk and TLS connections. Throws `SmpError ADDRESS` and `StoreError` (STORE_IN_USE, WRONG_PASSPHRASE, …). */
export async function openAgent({
  dir,
  passphrase,
  allowEmptyPassphrase = false,
  servers = [],
  options = {},
}: OpenAgentOptions): Promise<Agent> {
  const addresses = servers.map((server) =>
    typeof server === "string" ? parseServerAddress(server) : server,
  )
  const store = await SealedStore.open(await lmdbRawStore(dir), {
    passphrase,
    allowEmptyPassphrase,
    random: systemRandom,
  })
  try {
    return await Agent.open({
      store,
      connector: tlsConnector(),
      clock: systemClock,
      random: systemRandom,
      servers: addresses,
      options,
    })
  } catch (error) {
    await store.close()
    throw error
  }
}
