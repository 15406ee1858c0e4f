import { describe, expect, it } from "vitest"
import { cleanName, maxNameLength, previewOf, segmentsOf, visibleText } from "../src/text.ts"

describe("text of other people", () => {
  it.each([
    ["line feeds and tabs stay", "a\n\tb", "a\n\tb"],
    ["the line ends of another system", "a\r\nb", "a\nb"],
    ["controls", "a\u0000\u001b[31mb\u009b", "a\\u0000\\u001b[31mb\\u009b"],
    ["an override of direction", "gpj.\u202eexe", "gpj.\\u202eexe"],
    ["isolates", "\u2066x\u2069", "\\u2066x\\u2069"],
    ["invisible tags", "a\u{e0041}b", "a\\u{e0041}b"],
    ["a flag made of tags", "\u{1f3f4}\u{e0067}\u{e0062}\u{e007f}", "\u{1f3f4}\u{e0067}\u{e0062}\u{e007f}"],
    ["half a pair", "a\ud800b", "a\\ud800b"],
    ["writing from right to left, and joined emoji", "שלום \u200f👩‍🌾", "שלום \u200f👩‍🌾"],
    ["markup is text", "<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"],
  ])("%s", (_, text, expected) => {
    expect(visibleText(text)).toBe(expected)
  })

  const links = (text: string): readonly string[] =>
    segmentsOf(text).flatMap((s) => (s.type === "link" ? [s.href] : []))

  it.each([
    ["a link in a sentence", "see https://example.org/a.", ["https://example.org/a"]],
    ["in brackets", "(https://example.org/a_(b))", ["https://example.org/a_(b)"]],
    ["two of them", "http://a.example http://b.example/?q=1", ["http://a.example/", "http://b.example/?q=1"]],
    ["a script is none", "javascript:alert(1) data:text/html,x vbscript:x file:///etc", []],
    ["a host that is hidden by a user's name is none", "https://bank.example@evil.example/", []],
    ["nothing behind the scheme", "https:// http://", []],
    ["an override inside ends it", "https://good.example/\u202e", ["https://good.example/"]],
  ])("links: %s", (_, text, expected) => {
    expect(links(text)).toEqual(expected)
  })

  it("shows a host that looks like another one as it is looked up", () => {
    expect(segmentsOf("https://аpple.example/")).toEqual([
      { type: "link", text: "https://xn--pple-43d.example/", href: "https://xn--pple-43d.example/" },
    ])
  })

  it("loses nothing of a text", () => {
    const text = "a https://example.org/x, b\nc (http://d.example)"
    expect(
      segmentsOf(text)
        .map((s) => s.text)
        .join(""),
    ).toBe(text)
  })

  it("makes one line of a preview", () => {
    expect(previewOf("a\n\n  b")).toBe("a b")
    expect(previewOf("x".repeat(500), 10)).toBe(`${"x".repeat(10)}…`)
  })
})

describe("names", () => {
  it.each([
    ["spaces around and between", "  Ann \n Bee ", "Ann Bee"],
    ["what nobody sees", "A\u202enn\u0007\u200b", "A nn"],
    ["nothing", " \u200b ", ""],
  ])("%s", (_, name, expected) => {
    expect(cleanName(name)).toBe(expected)
  })

  it("are cut between letters as people see them", () => {
    expect(cleanName("👩‍🌾".repeat(100)).length).toBeLessThanOrEqual(4 * maxNameLength)
    expect(cleanName("x".repeat(100))).toHaveLength(maxNameLength)
  })
})
