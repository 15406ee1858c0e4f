import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { knownCodes, nameOf, sentenceOf } from "../src/wording.ts"

/** Codes that no call of the page can meet, or that say nothing about what a person did. Their own message is shown. */
const neverMet = new Set([
  "BAD_PARAMETER",
  "NOT_FOUND",
  "CLOSED",
  "ABORTED",
  "POST_QUANTUM",
  "A_DUPLICATE",
  "STORE_CONFLICT",
  "STORE_CLOSED",
])

/** The codes that docs/errors.md lists for the agent. */
function agentCodes(): readonly string[] {
  const text = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8")
  const section = /## `@smpkit\/agent`([^]*?)\n## /.exec(text)?.[1] ?? ""
  return [...section.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, code = ""]) => code)
}

describe("sentences", () => {
  it("there is one for every error of the agent that a person can meet", () => {
    const codes = agentCodes()
    expect(codes).toContain("LINK_ALREADY_USED")
    expect(codes.filter((code) => !knownCodes.includes(code) && !neverMet.has(code))).toEqual([])
  })

  it.each(knownCodes)("%s: whole sentences, with the server's name where there is one", (code) => {
    const sentence = sentenceOf({ code, message: "", host: "chat.example" })
    expect(sentence).toMatch(/^[A-Z].*[.?]$/)
    expect(sentence).not.toMatch(/undefined|[A-Z]{2,}_[A-Z]/)
  })

  it("an error without a sentence shows its message, and none shows nothing", () => {
    expect(sentenceOf({ code: "X", message: "Do this." })).toBe("Do this.")
    expect(sentenceOf({ code: "X", message: "" })).not.toBe("")
  })

  it("a conversation without a name has its number", () => {
    expect(nameOf({ name: "", number: 3 })).toBe("Conversation 3")
    expect(nameOf({ name: "Ann", number: 3 })).toBe("Ann")
  })
})
