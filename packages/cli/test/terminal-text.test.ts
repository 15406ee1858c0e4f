import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { terminalLines, terminalText } from "../src/terminal-text.ts"

// security.md Q25
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)
const hidden: readonly (readonly [name: string, codes: readonly number[]])[] = [
  ["C0", range(0x00, 0x1f)],
  ["DEL", [0x7f]],
  ["C1", range(0x80, 0x9f)],
  ["Arabic letter mark", [0x061c]],
  ["marks left-to-right and right-to-left", [0x200e, 0x200f]],
  ["line and paragraph separator", [0x2028, 0x2029]],
  ["bidirectional embeddings and overrides", range(0x202a, 0x202e)],
  ["bidirectional isolates", range(0x2066, 0x2069)],
  ["byte order mark", [0xfeff]],
  ["tags", range(0xe0000, 0xe007f)],
]

describe("Q25: what a peer sends cannot control the terminal", () => {
  test.each(hidden)("%s show as escapes", (_, codes) => {
    for (const code of codes) {
      const shown = terminalText(`a${String.fromCodePoint(code)}b`)
      expect(shown).toMatch(/^a\\(x[0-9a-f]{2}|u[0-9a-f]{4}|u\{[0-9a-f]+\})b$/)
      expect(Number.parseInt(shown.replace(/[^0-9a-f]/g, "").slice(1, -1), 16)).toBe(code)
    }
  })

  test.each([
    ["colour", "\u001b[31mred", "\\x1b[31mred"],
    ["title by C1", "\u009d0;x\u0007", "\\x9d0;x\\x07"],
    ["a line that looks like ours", "hi\r\nsmpkit: verified", "hi\\x0d\\x0asmpkit: verified"],
    ["a file name that reads backwards", "\u202egpj.exe", "\\u202egpj.exe"],
    ["a lone surrogate", "a\ud800b", "a\\ud800b"],
  ])("%s", (_, text, shown) => {
    expect(terminalText(text)).toBe(shown)
  })

  test.each(["plain", "Grüße, 你好, مرحبا, 👩‍👩‍👧", "C:\\new\\table", "a b"])("leaves %s as it is", (text) => {
    expect(terminalText(text)).toBe(text)
  })

  test("no output has a control character, whatever comes in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(terminalText(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/u)
      }),
    )
  })

  test("a stream of lines keeps line feeds and tabs only", () => {
    expect(terminalLines("a\tb\nc\r\u001b[0m")).toBe("a\tb\nc\\x0d\\x1b[0m")
  })
})
