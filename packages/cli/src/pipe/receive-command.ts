import { setTimeout } from "node:timers/promises"
import { type AgentOptions, openAgentFrom } from "../agent-options.ts"
import type { AgentApi } from "../agent-port.ts"
import { CommandError } from "../failure.ts"
import { type QrOptions, showInvitation } from "../invitation.ts"
import { Output } from "../output.ts"
import { untilSignalled } from "../shutdown.ts"
import { isTerminal } from "../terminal.ts"
import { terminalLines } from "../terminal-text.ts"
import { checkPipeName, PipeBook, type PipeEntry } from "./book.ts"
import { notice } from "./notice.ts"
import { progressBar, silent } from "./progress.ts"
import { receiveStream } from "./receive.ts"

/** How long the end waits for a server to take our confirmation; the data is complete by then. */
const patienceMs = 20_000

/** `smpkit receive NAME`: one stream to stdout. */
export async function runReceive(name: string, options: AgentOptions & QrOptions): Promise<void> {
  checkPipeName(name)
  await untilSignalled(async (signal) => {
    const { agent, passphrase } = await openAgentFrom(options)
    const close = (): void => void agent.close()
    signal.addEventListener("abort", close, { once: true })
    try {
      const book = await PipeBook.open(options.dir, passphrase)
      await receive({ agent, book, name, options, signal })
    } finally {
      await agent.close()
    }
  })
}

interface Receiving {
  readonly agent: AgentApi
  readonly book: PipeBook
  readonly name: string
  readonly options: AgentOptions & QrOptions
  readonly signal: AbortSignal
}

async function receive({ agent, book, name, options, signal }: Receiving): Promise<void> {
  const entry = book.get(name) ?? (await invite(agent, book, name))
  if (entry.direction !== "receive")
    throw new CommandError("USAGE", `${name} is a pipe that sends: receive under another name`)
  if (entry.link !== undefined) {
    notice("give this to the sender, in a way that others cannot read; it works once:")
    await showInvitation(entry.link, process.stderr, options)
    notice(`the sender runs: smpkit send LINK --dir THEIR-DIR --as NAME < FILE`)
  } else notice(`waiting for ${name}`)
  const output = new Output(process.stdout, signal)
  // Data on the terminal and a bar would be in each other's way.
  const progress = isTerminal(process.stdout) ? silent : await progressBar("received", undefined)
  const write = writer(output)
  try {
    await receiveStream({
      agent,
      connectionId: entry.connectionId,
      write,
      unfinished: entry.unfinished,
      lastEnd: entry.lastEnd,
      onConnected: async () => {
        await book.forgetLink(name)
        progress.notice("connected")
      },
      onBegin: () => book.change(name, { unfinished: true }),
      onComplete: (lastEnd) => book.change(name, { unfinished: false, lastEnd }),
      onBroken: () => book.change(name, { unfinished: false }),
      onProgress: (bytes) => {
        progress.update(Number(bytes))
      },
      onNotice: progress.notice,
      patience: () => setTimeout(patienceMs, undefined, { ref: false, signal }).catch(() => undefined),
    })
  } finally {
    progress.stop()
  }
}

async function invite(agent: AgentApi, book: PipeBook, name: string): Promise<PipeEntry> {
  const { servers } = await agent.getServers()
  if (servers.length === 0)
    throw new CommandError("USAGE", `${name} is new: give a server with --server smp://…`)
  const { connectionId, link } = await agent.createConnection({ mode: "invitation" })
  const entry: PipeEntry = { connectionId, direction: "receive", unfinished: false, link }
  await book.put(name, entry)
  return entry
}

/** Raw into a pipe or file; on a terminal control characters show as escapes (security.md Q25). */
function writer(output: Output): (data: Uint8Array) => Promise<void> {
  if (!isTerminal(process.stdout)) return (data) => output.write(data)
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  return (data) => output.write(terminalLines(decoder.decode(data, { stream: true })))
}
