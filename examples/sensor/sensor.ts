// A device that reports a measurement now and then: node dist/sensor.js DIR LINK-FILE [SECONDS]
// It starts unattended from a link in a file. Exit code 0: told to stop; 1: try again later; 2: somebody has to look.
import { readFile } from "node:fs/promises"
import { loadavg } from "node:os"
import { setTimeout } from "node:timers/promises"
import { AgentError, serve } from "@smpkit/agent"
import { openAgent } from "@smpkit/agent/node"

/** So many readings wait on the disk while there is no network. The agent gives up what no server takes for two days. */
const mostWaiting = 10_000

const [dir = "sensor-data", linkFile = "receiver.link", seconds = "60"] = process.argv.slice(2)
const passphrase = process.env["SMPKIT_PASSPHRASE"] ?? ""
const servers = (process.env["SMPKIT_SERVERS"] ?? "").split(/\s+/).filter((server) => server !== "")
const agent = await openAgent({ dir, passphrase, servers })
const stop = new AbortController()
let reporting = false
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void end(0))

const listening = serve(agent, {
  onMessage: () => undefined, // it takes no orders
  onError: (error) => {
    console.error(error.message)
  },
  onEvent: (event) => {
    if (event.type === "connected") void report(event.connectionId)
    if (event.type === "failed") console.error(`a reading was lost: ${event.message}`)
    if (event.type !== "closed") return
    console.error(`the connection is over: ${event.message}`)
    void end(2)
  },
})
await join()
await listening

/** The first time by the link; from then on the connection is in the folder, and the link is used up. */
async function join(): Promise<void> {
  const [known] = (await agent.listConnections()).connections
  if (known?.status === "connected") void report(known.connectionId)
  if (known !== undefined) return
  try {
    const link = await readFile(linkFile, "utf8")
    await agent.joinConnection({ link: link.trim() })
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    // After these the agent goes on by itself.
    const goesOn = (["NETWORK", "TIMEOUT", "SERVER_VERSION"] as const).some((c) => AgentError.is(error, c))
    if (!goesOn && !stop.signal.aborted) await end(2)
  }
}

/** A reading is on the disk when `sendMessage` resolves; the agent sends it when it can, in order. */
async function report(connectionId: string): Promise<void> {
  if (reporting) return
  reporting = true
  try {
    while (!stop.signal.aborted) {
      const { unsent } = await agent.connectionState({ connectionId })
      if (unsent < mostWaiting) await agent.sendMessage({ connectionId, text: measure() })
      await setTimeout(Number(seconds) * 1000, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  } catch (error) {
    if (stop.signal.aborted) return
    console.error(error)
    await end(1)
  }
}

function measure(): string {
  return JSON.stringify({ time: new Date().toISOString(), load: loadavg()[0] })
}

async function end(exitCode: number): Promise<void> {
  process.exitCode = exitCode
  stop.abort()
  await agent.close()
}
