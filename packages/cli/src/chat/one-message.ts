import { utf8 } from "@smpkit/codec"
import type { AgentApi, AgentEvent } from "../agent-port.ts"
import { codeOf, CommandError } from "../failure.ts"

export interface OneMessageOptions {
  readonly agent: AgentApi
  /** Connections that are no conversations: pipes in the same folder. */
  readonly others: ReadonlySet<string>
  /** Of the conversation; without it, the latest one of the folder. It may be the one that the folder has joined already. */
  readonly link: string | undefined
  readonly text: string
  /** Resolves when nobody should wait any longer. */
  readonly patience: Promise<void>
  readonly onNotice: (line: string) => void
}

/** Failures of the network, after which a join goes on by itself. */
const temporary: readonly (string | undefined)[] = ["NETWORK", "TIMEOUT", "SERVER_VERSION"]

/**
 * `smpkit chat --message`: one text into a conversation, for scripts. Resolves when a server has it. What comes in meanwhile is left for
 * `smpkit chat`. Throws `CommandError`: USAGE where there is no conversation; FAILED, which says whether the text is kept and goes out the next time.
 */
export async function sendOneMessage(options: OneMessageOptions): Promise<void> {
  const { agent, text } = options
  // From the first moment on, so that no event is missed.
  const events = agent.events()[Symbol.asyncIterator]()
  const connectionId = await conversation(options)
  const { status } = await agent.connectionState({ connectionId })
  if (status !== "connected") {
    options.onNotice("waiting for the other side to answer")
    const isConnected = await until(options, events, connectionId, ({ type }) => type === "connected")
    if (!isConnected)
      throw new CommandError(
        "FAILED",
        "the other side has not answered yet: nothing was sent, run the same command again",
      )
  }
  const { messageId } = await agent.sendMessage({ connectionId, body: utf8(text) })
  const isSent = await until(options, events, connectionId, (event) => {
    if (!("messageId" in event) || event.messageId !== messageId) return false
    if (event.type === "failed")
      throw new CommandError("FAILED", `the message was not delivered (${event.code}): ${event.message}`)
    return event.type === "sent"
  })
  if (!isSent)
    throw new CommandError(
      "FAILED",
      "no server has taken the message yet: it is kept, and goes out with the next one",
    )
}

async function conversation({ agent, others, link, onNotice }: OneMessageOptions): Promise<string> {
  if (link !== undefined) return await join(agent, link, onNotice)
  const { connections } = await agent.listConnections()
  const latest = connections.findLast(
    ({ connectionId, mode }) => mode !== "contact" && !others.has(connectionId),
  )
  if (latest === undefined)
    throw new CommandError("USAGE", "no conversation in this folder: give the link of one the first time")
  return latest.connectionId
}

async function join(agent: AgentApi, link: string, onNotice: (line: string) => void): Promise<string> {
  const before = await idsOf(agent)
  try {
    const { connectionId } = await agent.joinConnection({ link })
    return connectionId
  } catch (error) {
    const after = await idsOf(agent)
    const { connectionId } = error as { readonly connectionId?: unknown }
    // The command is repeated with the link that it began with.
    if (
      codeOf(error) === "LINK_ALREADY_USED" &&
      typeof connectionId === "string" &&
      before.includes(connectionId)
    )
      return connectionId
    const begun = after.find((id) => !before.includes(id))
    if (!temporary.includes(codeOf(error)) || begun === undefined) throw error
    onNotice(error instanceof Error ? error.message : "the server cannot be reached")
    return begun
  }
}

async function idsOf(agent: AgentApi): Promise<readonly string[]> {
  const { connections } = await agent.listConnections()
  return connections.map(({ connectionId }) => connectionId)
}

/** Whether an event came that `isIt`, before patience ended. */
async function until(
  { agent, patience, onNotice }: OneMessageOptions,
  events: AsyncIterator<AgentEvent>,
  connectionId: string,
  isIt: (event: AgentEvent) => boolean,
): Promise<boolean> {
  const over = patience.then(() => undefined)
  for (;;) {
    const next = await Promise.race([events.next(), over])
    if (next === undefined || next.done === true) return false
    const event = next.value
    if (event.type === "serverDown") onNotice(`no connection to ${event.server}: trying again`)
    if (!("connectionId" in event) || event.connectionId !== connectionId) continue
    if (isIt(event)) return true
    if (event.type === "confirmation")
      await agent.allowConnection({ connectionId, confirmationId: event.confirmationId })
    if (event.type === "closed")
      throw new CommandError("FAILED", `the conversation was closed (${event.code}): ${event.message}`)
    if (event.type === "failed")
      onNotice(`an earlier message was not delivered (${event.code}): ${event.message}`)
  }
}
