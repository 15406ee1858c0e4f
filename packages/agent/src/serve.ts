import type { Bytes } from "@smpkit/codec"
import { orAborted } from "./abort.ts"
import type { Agent } from "./agent.ts"
import { AgentError } from "./errors.ts"
import type { AgentEvent, MessageEvent } from "./events.ts"

/** What a program does with what comes. Handlers are called one at a time; a slow one makes the rest wait on the servers. */
export interface ServeHandlers {
  /** A message; it is acknowledged when this is done. After a crash in between it comes again, with `redelivered`. */
  readonly onMessage: (message: MessageEvent) => unknown
  /** Whether somebody who asks at an address, or answers an invitation, is let in; by default everybody is. */
  readonly onRequest?: (
    request: Extract<AgentEvent, { readonly type: "contactRequest" | "confirmation" }>,
  ) => boolean | Promise<boolean>
  /** Every other event. */
  readonly onEvent?: (event: Exclude<AgentEvent, MessageEvent>) => unknown
  /**
   * What went wrong with one connection, as a reply that is too long: `onMessage` or an answer threw this, and the others go on. A message whose
   * handler failed is not acknowledged and comes again at the next start; while 16 of a connection wait like that, it gets no more.
   */
  readonly onError: (error: AgentError, event: AgentEvent) => unknown
  /** Delivery receipts for the messages (security.md Q7); by default the other side learns nothing. */
  readonly receipts?: boolean
}

/**
 * The loop of a program that answers by itself, a bot or a device: lets in who asks, hands over messages, acknowledges them. It resolves when the agent is
 * closed, rejects when the agent had to stop, and with anything but an `AgentError` about one connection that a handler throws.
 * It takes the agent's events: nobody else may read `events()` meanwhile.
 */
export async function serve(agent: Agent, handlers: ServeHandlers): Promise<void> {
  for await (const event of agent.events()) {
    try {
      await take(agent, handlers, event)
    } catch (error) {
      if (isClosed(error)) continue
      if (!isOfOneConnection(error)) throw error
      await handlers.onError(error, event)
    }
  }
}

async function take(
  agent: Agent,
  { onMessage, onRequest = () => true, onEvent, receipts = false }: ServeHandlers,
  event: AgentEvent,
): Promise<void> {
  if (event.type === "message") {
    await onMessage(event)
    const { connectionId, messageId } = event
    await agent.acknowledgeMessage({ connectionId, messageId, receipt: receipts })
    return
  }
  await onEvent?.(event)
  if (event.type === "contactRequest") {
    const { connectionId, requestId } = event
    if (await onRequest(event)) await agent.acceptContact({ connectionId, requestId })
    else await agent.rejectContact({ connectionId, requestId })
  } else if (event.type === "confirmation") {
    const { connectionId, confirmationId } = event
    if (await onRequest(event)) await agent.allowConnection({ connectionId, confirmationId })
    else await agent.deleteConnection({ connectionId })
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof AgentError && error.code === "CLOSED"
}

function isOfOneConnection(error: unknown): error is AgentError {
  return error instanceof AgentError && error.code !== "STORE"
}

/** The end of what was asked for last, by agent: whoever asks meanwhile finds what that makes. */
const turns = new WeakMap<Agent, Promise<unknown>>()

/**
 * The agent's address with its short link: the first that it has, or a new one. For programs that have one address, at every start; the links stay the same, also
 * where several parts of a program ask at once. `userData` is what the short link of a new one leads to. Throws as `createConnection`, and as `setLinkData` for an address without a short link.
 */
export function findOrMakeAddress(
  agent: Agent,
  { userData = new Uint8Array(0), signal }: { readonly userData?: Bytes; readonly signal?: AbortSignal } = {},
): Promise<{ readonly connectionId: string; readonly link: string; readonly shortLink: string }> {
  return orAborted(signal, () => {
    const address = (turns.get(agent) ?? Promise.resolve()).then(() => addressOf(agent, userData, signal))
    // Whoever asked hears of a failure; the next one tries again.
    const end = address.catch(() => undefined)
    turns.set(agent, end)
    return address
  })
}

async function addressOf(
  agent: Agent,
  userData: Bytes,
  signal: AbortSignal | undefined,
): ReturnType<typeof findOrMakeAddress> {
  const { connections } = await agent.listConnections()
  const known = connections.find(({ mode }) => mode === "contact")
  const { connectionId, link, shortLink } =
    known === undefined
      ? await agent.createConnection({ mode: "contact", short: true, userData }, { signal })
      : { ...known, ...(await agent.getLink(known)) }
  if (shortLink !== undefined) return { connectionId, link, shortLink }
  return { connectionId, link, ...(await agent.setLinkData({ connectionId, userData }, { signal })) }
}
