/**
 * Text of other people as this page may show it (security.md Q28). It reaches the document as text only; what is left to guard against is text that moves,
 * hides or reorders its surroundings: controls, embeddings and overrides of direction, and characters that nobody sees.
 */

// A flag of a region is made of tag characters, after a black flag; elsewhere they are invisible.
const flag = /\u{1f3f4}[\u{e0020}-\u{e007e}]{1,8}\u{e007f}/u
const unseen =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]|\p{Surrogate}/u
const guarded = new RegExp(`${flag.source}|${unseen.source}`, "gu")

/** Text with every control and every override of direction as a visible escape. Line feeds and tabs stay. */
export function visibleText(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(guarded, (c) => (c.startsWith("\u{1f3f4}") ? c : escapeOf(c)))
}

function escapeOf(c: string): string {
  const code = c.codePointAt(0) ?? 0
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`
}

export type Segment =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "link"; readonly text: string; readonly href: string }

const address = /\bhttps?:\/\/[^\s<>"'`\\]+/giu

/** Visible text, cut into plain text and links that open on a click. Only `http` and `https`; a link with a user's name in it is not one: it hides its host. */
export function segmentsOf(text: string): readonly Segment[] {
  const visible = visibleText(text)
  const segments: Segment[] = []
  let end = 0
  for (const match of visible.matchAll(address)) {
    const written = trimmed(match[0])
    const url = URL.canParse(written) ? new URL(written) : undefined
    if (url === undefined || url.username !== "" || url.password !== "" || url.hostname === "") continue
    if (match.index > end) segments.push({ type: "text", text: visible.slice(end, match.index) })
    segments.push({ type: "link", text: linkText(written, url), href: url.href })
    end = match.index + written.length
  }
  if (end < visible.length) segments.push({ type: "text", text: visible.slice(end) })
  return segments
}

/** A host with letters beyond ASCII can look like another one: it is shown as it is looked up. */
function linkText(written: string, url: URL): string {
  const isPlain = /^[\u0021-\u007e]*$/.test(written)
  return isPlain && !url.hostname.startsWith("xn--") && !url.hostname.includes(".xn--") ? written : url.href
}

/** Without the punctuation that ends a sentence, and without a bracket that nothing opens. */
function trimmed(written: string): string {
  let text = written
  for (;;) {
    const last = text.at(-1) ?? ""
    const closes = last === ")" && text.split(")").length > text.split("(").length
    if (!/[.,;:!?…»”’]/u.test(last) && !closes) return text
    text = text.slice(0, -1)
  }
}

export const maxNameLength = 60

/** A name as the user gives it to a conversation: one line, nothing invisible. */
export function cleanName(name: string): string {
  const plain = name
    .replace(guarded, (c) => (c.startsWith("\u{1f3f4}") ? c : " "))
    .replace(/[\u200b\u200e\u200f\u061c]/g, "")
    .replace(/\s+/gu, " ")
    .trim()
  return [...new Intl.Segmenter().segment(plain)]
    .slice(0, maxNameLength)
    .map(({ segment }) => segment)
    .join("")
    .slice(0, 4 * maxNameLength)
}

/** The beginning of a text on one line. */
export function previewOf(text: string, length = 120): string {
  const line = visibleText(text.slice(0, 4 * length))
    .replace(/\s+/gu, " ")
    .trim()
  return line.length > length ? `${line.slice(0, length)}…` : line
}
