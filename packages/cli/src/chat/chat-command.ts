import { text as readText } from "node:stream/consumers"
import { setTimeout } from "node:timers/promises"
import { type AgentOptions, openAgentFrom } from "../agent-options.ts"
import { type QrOptions, showInvitation } from "../invitation.ts"
import { type LinkOptions, readLink } from "../link-option.ts"
import { CommandError } from "../failure.ts"
import { PipeBook } from "../pipe/book.ts"
import { notice } from "../pipe/notice.ts"
import { untilSignalled } from "../shutdown.ts"
import { styleOf } from "../terminal.ts"
import { Chat } from "./chat.ts"
import { sendOneMessage } from "./one-message.ts"
import { openScreen } from "./screen.ts"

export interface ChatCommandOptions extends AgentOptions, QrOptions, LinkOptions {
  readonly receipts: boolean
  /** One text to send, without a conversation on the screen; `-` stands for what comes from stdin. */
  readonly message?: string
}

/** How long leaving waits for a server to take what was written last; it is sent at the next start otherwise. */
const patienceMs = 10_000

/** How long a message of a script waits for the other side and for a server. */
const scriptPatienceMs = 60_000

/** `smpkit chat`: conversations by lines, on a terminal or in a pipe. */
export async function runChat(link: string | undefined, options: ChatCommandOptions): Promise<void> {
  const invitation = await readLink(link, options)
  const { message } = options
  if (message !== undefined) {
    await runMessage(invitation, message, options)
    return
  }
  await untilSignalled(async (signal) => {
    const { agent, passphrase } = await openAgentFrom(options)
    try {
      const pipes = await PipeBook.open(options.dir, passphrase)
      using screen = openScreen(process.stdin, process.stdout)
      signal.addEventListener("abort", screen.close, { once: true })
      const chat = new Chat({
        agent,
        print: screen.print,
        showInvitation: (text) => showInvitation(text, process.stdout, options, screen.print),
        style: styleOf(process.stdout),
        others: pipes.connectionIds(),
        receipts: options.receipts,
      })
      const listening = chat.listen()
      await chat.begin(invitation)
      await Promise.race([converse(chat, screen.lines, signal), listening])
      if (!signal.aborted) await Promise.race([chat.drained(), patience(signal)])
    } finally {
      await agent.close()
    }
  })
}

/** `smpkit chat --message TEXT`. */
async function runMessage(
  link: string | undefined,
  message: string,
  options: ChatCommandOptions,
): Promise<void> {
  const text = message === "-" ? (await readText(process.stdin)).replace(/\n$/, "") : message
  if (text === "")
    throw new CommandError("USAGE", "the message is empty: give --message TEXT, or --message - and stdin")
  await untilSignalled(async (signal) => {
    const { agent, passphrase } = await openAgentFrom(options)
    try {
      const others = (await PipeBook.open(options.dir, passphrase)).connectionIds()
      const patience = setTimeout(scriptPatienceMs, undefined, { ref: false, signal }).catch(() => undefined)
      await sendOneMessage({ agent, others, link, text, patience, onNotice: notice })
    } finally {
      await agent.close()
    }
  })
}

/** Over after a while, or when the process is told to stop. */
function patience(signal: AbortSignal): Promise<void> {
  return setTimeout(patienceMs, undefined, { ref: false, signal }).catch(() => undefined)
}

async function converse(chat: Chat, lines: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
  for await (const line of lines) {
    // A pipe does not see that the other side is not there yet: its lines wait.
    if (!process.stdin.isTTY && !line.startsWith("/")) await chat.ready()
    if (signal.aborted || !(await chat.enter(line))) return
  }
}
