import type { Conversation, ConversationStatus } from "../protocol.ts"
import type { ChatsParts } from "./chats-parts.ts"
import { problemOf } from "./problems.ts"

/** Compares the book with the agent: a crash can come between their transactions. */
export async function reconcile({
  agent,
  book,
  now,
}: Pick<ChatsParts, "agent" | "book" | "now">): Promise<void> {
  const { connections } = await agent.listConnections()
  for (const { connectionId, status: state, verified } of connections) {
    const status = statusOf(state)
    const known = book.conversation(connectionId)
    const link = await linkOf(agent, known, { connectionId, status })
    if (known === undefined) await book.begin(connectionId, { status, verified, link, created: now() })
    else if (known.status !== status || known.verified !== verified || known.link !== link)
      await book.change(connectionId, { status, verified, link })
  }
  const present = new Set(connections.map(({ connectionId }) => connectionId))
  for (const { id, status } of book.conversations()) {
    if (present.has(id) || status === "closed") continue
    await book.change(id, {
      status: "closed",
      alert: { code: "DELETED", message: "The connection is gone." },
    })
  }
}

/** Only the page knows the link of a join; that of an invitation which the page has not written down yet can be had again. */
async function linkOf(
  agent: ChatsParts["agent"],
  known: Conversation | undefined,
  { connectionId, status }: { readonly connectionId: string; readonly status: ConversationStatus },
): Promise<string | undefined> {
  if (status !== "invited" && status !== "joining") return undefined
  if (known?.link !== undefined || status === "joining") return known?.link
  try {
    return (await agent.getLink({ connectionId })).link
  } catch (error) {
    // Made to answer a request at an address: nobody else can use it.
    if (problemOf(error).code === "PROHIBITED") return undefined
    throw error
  }
}

/** The states of `connectionState`, as far as they differ for a user. */
function statusOf(state: string): ConversationStatus {
  switch (state) {
    case "new":
    case "invited":
      return "invited"
    case "joining":
      return "joining"
    case "connected":
      return "connected"
    default:
      return "greeting"
  }
}
