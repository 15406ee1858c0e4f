import type { Conversation, PageEvent } from "../protocol.ts"
import type { AgentApi } from "./agent-port.ts"
import type { Book } from "./book.ts"

/** What conversations are made of. */
export interface ChatsParts {
  readonly agent: AgentApi
  readonly book: Book
  readonly emit: (event: PageEvent) => void
  readonly now: () => number
  readonly fetchServers: () => Promise<readonly string[]>
}

export function tell({ emit }: Pick<ChatsParts, "emit">, conversation: Conversation | undefined): void {
  if (conversation !== undefined) emit({ type: "conversation", conversation })
}

/** Changes a conversation in the book, then on the page; nothing happens where it is deleted. */
export async function changeAndTell(
  parts: Pick<ChatsParts, "book" | "emit">,
  id: string,
  change: Partial<Conversation>,
): Promise<void> {
  tell(parts, await parts.book.change(id, change))
}
