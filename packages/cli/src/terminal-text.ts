// security.md Q25: on a terminal every string from a peer shows C0, C1, DEL and bidirectional controls as visible escapes.
// Line and paragraph separators, which some terminals obey, and invisible tag characters go the same way.
const controls =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]|\p{Surrogate}/gu

/** Text from a peer as a terminal may show it: one line, nothing that moves the cursor, colours or reorders. */
export function terminalText(text: string): string {
  return text.replace(controls, escapeOf)
}

/** The same for a stream of lines that the user asked to see: line feeds and tabs stay. */
export function terminalLines(text: string): string {
  return text.replace(controls, (c) => (c === "\n" || c === "\t" ? c : escapeOf(c)))
}

function escapeOf(c: string): string {
  const code = c.codePointAt(0) ?? 0
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`
}
