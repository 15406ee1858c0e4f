import type { AgentOptions } from "./agent-options.ts"
import { askOnTerminal, readPassphrase } from "./passphrase.ts"

/** What lies beside an agent's store and belongs to it. */
const besideStore = ["pipes.sealed"]

/** `smpkit agent export FILE`: the folder of an agent that does not run, as one sealed file. */
export async function runExport(file: string, options: AgentOptions): Promise<void> {
  const { exportAgent } = await import("@smpkit/agent/node")
  const { dir } = options
  const passphrase = await readPassphrase(options, { environment: process.env, ask: askOnTerminal })
  const sealed = { passphrase, allowEmptyPassphrase: passphrase === "" }
  await exportAgent({ dir, file, files: besideStore, ...sealed })
}

/** `smpkit agent import FILE`: a new folder of what was exported. The file brings its passphrase along, so it is asked once. */
export async function runImport(file: string, options: AgentOptions): Promise<void> {
  const { importAgent } = await import("@smpkit/agent/node")
  const { dir } = options
  const passphrase = await readPassphrase(options, {
    environment: process.env,
    ask: () => askOnTerminal({ isNew: false }),
  })
  await importAgent({ dir, file, passphrase, allowEmptyPassphrase: passphrase === "" })
  process.stderr.write(
    "Imported. Do not use the agent that it was exported from any more: servers deliver each message to one of the two.\n" +
      "New keys are agreed on with each contact before anything is sent; where you had compared a security code, compare it again.\n",
  )
}
