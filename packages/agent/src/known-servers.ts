import { formatServerAddress, parseServerAddress, type ServerAddressWithAuth, SmpError } from "@smpkit/smp"
import type { Context } from "./context.ts"
import { AgentError } from "./errors.ts"
import { getRecord, putRecord, tables } from "./records.ts"

/** Own queues are made on `servers` from now on, or, where that is empty, on those of an earlier run. */
export async function useServers(context: Context, servers: readonly ServerAddressWithAuth[]): Promise<void> {
  if (servers.length > 0) await storeServers(context, servers)
  else
    context.knownServers = getRecord(context.store, tables.servers, "servers")?.map(parseServerAddress) ?? []
}

export async function storeServers(
  context: Context,
  servers: readonly ServerAddressWithAuth[],
): Promise<void> {
  context.knownServers = servers
  await context.update((tx) => {
    putRecord(tx, tables.servers, "servers", servers.map(formatServerAddress))
  })
}

/** An address as an application gives it. Throws `AgentError BAD_PARAMETER`. */
export function serverOf(text: string): ServerAddressWithAuth {
  try {
    return parseServerAddress(text)
  } catch (error) {
    if (!(error instanceof SmpError)) throw error
    throw new AgentError("BAD_PARAMETER", "A server address looks like smp://FINGERPRINT@HOST:PORT.", {
      cause: error,
    })
  }
}
