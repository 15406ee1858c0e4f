import type { Conversation, Entry } from "../protocol.ts"

/** When something happened last in a conversation. */
export function activityOf({ created, last }: Conversation): number {
  return Math.max(created, last?.time ?? 0)
}

/** Puts a conversation into a list that has the latest one first. */
export function withConversation(
  list: readonly Conversation[],
  conversation: Conversation,
): readonly Conversation[] {
  const others = list.filter(({ id }) => id !== conversation.id)
  return sorted([...others, conversation])
}

export function sorted(list: readonly Conversation[]): readonly Conversation[] {
  return list.toSorted((a, b) => activityOf(b) - activityOf(a) || b.number - a.number)
}

/** Puts a message or notice where its id belongs, or in place of what it was before. */
export function withEntry(list: readonly Entry[], entry: Entry): readonly Entry[] {
  const at = list.findIndex(({ id }) => id === entry.id)
  if (at >= 0) return list.with(at, entry)
  const next = list.findIndex(({ id }) => id > entry.id)
  return next < 0 ? [...list, entry] : list.toSpliced(next, 0, entry)
}

export function unreadOf(list: readonly Conversation[]): number {
  return list.reduce((sum, { unread }) => sum + unread, 0)
}
