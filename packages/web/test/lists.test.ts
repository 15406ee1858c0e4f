import { describe, expect, it } from "vitest"
import { dayText, initialsOf, shortTime, timeText } from "../src/format.ts"
import { unreadOf, withConversation, withEntry } from "../src/page/lists.ts"
import type { ChatMessage, Conversation, Entry } from "../src/protocol.ts"

function conversation(id: string, more: Partial<Conversation> = {}): Conversation {
  return { id, name: id, number: 1, created: 0, status: "connected", verified: false, unread: 0, ...more }
}
function message(id: number, more: Partial<ChatMessage> = {}): ChatMessage {
  return { id, from: "peer", text: `text ${id}`, time: id, ...more }
}

describe("the list of conversations", () => {
  it("has the one with the latest message first", () => {
    const list = [conversation("a", { created: 5 }), conversation("b", { created: 3 })]
    expect(list.map(({ id }) => id)).toEqual(["a", "b"])
    const after = withConversation(list, conversation("b", { created: 3, last: message(9), unread: 1 }))
    expect(after.map(({ id }) => id)).toEqual(["b", "a"])
    expect(unreadOf(after)).toBe(1)
    expect(list.map(({ unread }) => unread)).toEqual([0, 0])
  })

  it("adds a new one", () => {
    expect(withConversation([], conversation("a"))).toHaveLength(1)
  })
})

describe("the messages of a conversation", () => {
  it("puts each where its id belongs, whatever order they come in", () => {
    const list = [3, 1, 2].reduce<readonly Entry[]>((all, id) => withEntry(all, message(id)), [])
    expect(list.map(({ id }) => id)).toEqual([1, 2, 3])
  })

  it("replaces what it was before", () => {
    const list = withEntry([message(1, { state: "stored" })], message(1, { state: "sent" }))
    expect(list).toEqual([message(1, { state: "sent" })])
  })
})

describe("times", () => {
  const now = new Date(2026, 10, 24, 15, 0).getTime()
  const at = (...parts: [number, number, number, number]): number => new Date(...parts, 30).getTime()

  it.each([
    ["today", at(2026, 10, 24, 9), "Today", "9:30 AM"],
    ["yesterday", at(2026, 10, 23, 23), "Yesterday", "Yesterday"],
    ["this week", at(2026, 10, 20, 9), "Friday, November 20", "Fri"],
    ["this year", at(2026, 2, 1, 9), "Sunday, March 1", "Mar 1"],
    ["another year", at(2024, 2, 1, 9), "Friday, March 1, 2024", "Mar 1"],
    ["a clock that is ahead", at(2026, 10, 27, 9), "Friday, November 27", "Nov 27"],
  ])("%s", (_, time, day, short) => {
    expect(dayText(time, now, "en-US")).toBe(day)
    expect(shortTime(time, now, "en-US").replace("\u202f", " ")).toBe(short)
  })

  it("are read in the reader's language", () => {
    expect(timeText(at(2026, 10, 24, 9), "de")).toBe("9:30")
  })
})

describe("initials", () => {
  it.each([
    ["Ann", "A"],
    ["Ann de Bee", "AB"],
    ["émile", "É"],
    ["👩‍🌾 Farm", "F"],
    ["…", "?"],
    ["", "?"],
  ])("of %j", (name, expected) => {
    expect(initialsOf(name)).toBe(expected)
  })
})
