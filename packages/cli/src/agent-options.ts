import { mkdir } from "node:fs/promises"
import type { ServerAddressWithAuth } from "@smpkit/smp"
import type { AgentApi } from "./agent-port.ts"
import { CommandError } from "./failure.ts"
import { askOnTerminal, type PassphraseOptions, readPassphrase } from "./passphrase.ts"

/** The options that every command with an agent has. */
export interface AgentOptions extends PassphraseOptions {
  readonly server?: readonly string[]
}

export interface OpenedAgent {
  readonly agent: AgentApi
  /** For what is kept beside the agent's store. */
  readonly passphrase: string
}

/**
 * Opens the agent of a folder, making both where they are new. Servers come from --server, then SMPKIT_SERVERS (addresses
 * separated by spaces), then what the agent knows from earlier runs.
 */
export async function openAgentFrom(options: AgentOptions): Promise<OpenedAgent> {
  const servers = await Promise.all((options.server ?? serversOfEnvironment()).map(parseAddress))
  const passphrase = await readPassphrase(options, { environment: process.env, ask: askOnTerminal })
  await mkdir(options.dir, { recursive: true, mode: 0o700 })
  const { openAgent } = await import("@smpkit/agent/node")
  return {
    agent: await openAgent({
      dir: options.dir,
      passphrase,
      allowEmptyPassphrase: passphrase === "",
      servers,
    }),
    passphrase,
  }
}

function serversOfEnvironment(): readonly string[] {
  return (process.env["SMPKIT_SERVERS"] ?? "").split(/\s+/).filter((address) => address !== "")
}

/** Reads a server's address. Throws `CommandError` USAGE. */
export async function parseAddress(address: string): Promise<ServerAddressWithAuth> {
  const { parseServerAddress } = await import("@smpkit/smp")
  try {
    return parseServerAddress(address)
  } catch (error) {
    throw new CommandError(
      "USAGE",
      `${address.slice(0, 100)} is no server address: give smp://FINGERPRINT@HOST:PORT as the server prints it`,
      { cause: error },
    )
  }
}
