import { fstatSync } from "node:fs"
import { type AgentOptions, openAgentFrom } from "../agent-options.ts"
import type { AgentApi } from "../agent-port.ts"
import { CommandError } from "../failure.ts"
import { type LinkOptions, looksLikeLink, readLink } from "../link-option.ts"
import { replyServerNotice } from "../reply-server.ts"
import { untilSignalled } from "../shutdown.ts"
import { checkPipeName, PipeBook, type PipeEntry } from "./book.ts"
import { notice } from "./notice.ts"
import { progressBar } from "./progress.ts"
import { sendStream } from "./send.ts"

export interface SendCommandOptions extends AgentOptions, LinkOptions {
  readonly as?: string
}

/** The name of a pipe that was given none. */
const defaultName = "default"

/** `smpkit send LINK-OR-NAME`: stdin through a connection. */
export async function runSend(target: string | undefined, options: SendCommandOptions): Promise<void> {
  const linkOrName = await readLink(target, options)
  if (linkOrName === undefined)
    throw new CommandError(
      "USAGE",
      "say where to: a link, the name of an earlier one, --link-file FILE or SMPKIT_LINK",
    )
  if (!looksLikeLink(linkOrName)) checkPipeName(linkOrName)
  if (options.as !== undefined) checkPipeName(options.as)
  await untilSignalled(async (signal) => {
    const { agent, passphrase } = await openAgentFrom(options)
    const close = (): void => void agent.close()
    signal.addEventListener("abort", close, { once: true })
    try {
      const book = await PipeBook.open(options.dir, passphrase)
      await send(agent, book, linkOrName, options.as ?? defaultName)
    } finally {
      await agent.close()
      process.stdin.destroy()
    }
  })
}

async function send(agent: AgentApi, book: PipeBook, linkOrName: string, newName: string): Promise<void> {
  const isLink = looksLikeLink(linkOrName)
  const name = isLink ? newName : linkOrName
  const entry = isLink ? await join(agent, book, name, linkOrName) : known(book, name)
  const { connectionId, unfinished } = entry
  const { status } = await agent.connectionState({ connectionId })
  const connected = status === "connected"
  if (!connected) notice("waiting for the other side to answer: `smpkit receive` must run there")
  const progress = await progressBar("sent", sizeOfInput())
  try {
    await sendStream({
      agent,
      connectionId,
      source: process.stdin,
      connected,
      unfinished,
      onBegin: () => book.change(name, { unfinished: true }),
      onConnected: () => {
        progress.notice("connected")
        return Promise.resolve()
      },
      onProgress: progress.update,
      onNotice: progress.notice,
      onEnded: () => book.change(name, { unfinished: false }),
    })
  } finally {
    progress.stop()
  }
}

async function join(agent: AgentApi, book: PipeBook, name: string, link: string): Promise<PipeEntry> {
  if (book.get(name) !== undefined)
    throw new CommandError(
      "USAGE",
      `${name} is there already: give the new one a name with --as NAME, or send to ${name}`,
    )
  const { connectionId } = await agent.joinConnection({ link })
  const hint = await replyServerNotice(agent)
  if (hint !== undefined) notice(hint)
  const entry: PipeEntry = { connectionId, direction: "send", unfinished: false }
  await book.put(name, entry)
  return entry
}

function known(book: PipeBook, name: string): PipeEntry {
  const entry = book.get(name)
  if (entry === undefined)
    throw new CommandError(
      "USAGE",
      `no pipe ${name} in this folder: join one with smpkit send LINK --as ${name}`,
    )
  if (entry.direction !== "send")
    throw new CommandError("USAGE", `${name} is a pipe that receives: send under another name`)
  return entry
}

/** The length of stdin where it is a file. */
function sizeOfInput(): number | undefined {
  const stat = fstatSync(0)
  return stat.isFile() ? stat.size : undefined
}
