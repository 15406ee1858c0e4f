import { Console } from "node:console"
import { type AgentOptions, openAgentFrom } from "./agent-options.ts"
import { messageOf } from "./failure.ts"
import { serveJsonRpc } from "./json-rpc/serve.ts"
import { Output } from "./output.ts"
import { untilSignalled } from "./shutdown.ts"
import { terminalText } from "./terminal-text.ts"
import { packageVersion } from "./versions.ts"

/** `smpkit agent`: the agent as JSON-RPC on stdin and stdout, until stdin ends or the process is told to stop. */
export async function runAgent(options: AgentOptions): Promise<void> {
  // Nothing but JSON-RPC may reach stdout, whatever a library prints.
  globalThis.console = new Console(process.stderr, process.stderr)
  await untilSignalled(async (signal) => {
    const { agent } = await openAgentFrom(options)
    const stopInput = (): void => {
      process.stdin.destroy()
    }
    signal.addEventListener("abort", stopInput, { once: true })
    // The signal may have come while the store was being opened.
    if (signal.aborted) stopInput()
    const output = new Output(process.stdout, signal)
    try {
      await serveJsonRpc({
        agent,
        release: packageVersion(),
        input: input(signal),
        stopInput,
        writeLine: (line) => output.write(`${line}\n`),
        onInternalError: (error) => process.stderr.write(`smpkit: ${terminalText(messageOf(error))}\n`),
      })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  })
}

/** Stdin; when it was ended from here, that is its end and no failure. */
async function* input(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of process.stdin) yield chunk as Uint8Array
  } catch (error) {
    if (!signal.aborted && !process.stdin.destroyed) throw error
  }
}
