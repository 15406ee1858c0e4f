/** Invitations among other text: what people paste, scan, and open in the address bar. Whether one can be joined is for the agent to say. */

/** What a text holds: a link in the form that the agent reads, or none. */
export type Recognized = { readonly type: "link"; readonly link: string } | { readonly type: "none" }

// Longer texts are not searched (security.md Q9).
const maxLength = 16 * 1024

const scheme = /simplex:\/(?:invitation|contact|[iacgr])\/?#\S+/i
const page = /https?:\/\/[^\s#]*(#\S+)/gi
const web = /https:\/\/[^\s:#,;/]+(?::\d{1,5})?\/(?:invitation|contact|[iacgr])\/?#\S+/i

/** Finds an invitation in what somebody pasted: a link alone, a link in a sentence, or the address of a chat page with an invitation behind its `#`. */
export function recognize(text: string): Recognized {
  if (text.length > maxLength) return { type: "none" }
  const found = scheme.exec(text)?.[0] ?? web.exec(text)?.[0]
  if (found !== undefined) return { type: "link", link: trimmed(found) }
  for (const [, fragment = ""] of text.matchAll(page)) {
    const inner = inFragment(trimmed(fragment))
    if (inner.type === "link") return inner
  }
  return { type: "none" }
}

/** Reads the fragment of the page's own address: `#simplex:/…`, percent-encoded or not, or `#/invitation/?…`. */
export function inFragment(fragment: string): Recognized {
  if (fragment.length > maxLength) return { type: "none" }
  const [, kind, query] = /^#\/(invitation|contact)\/?#?\/?\?(\S+)$/.exec(fragment) ?? []
  if (kind !== undefined && query !== undefined) return { type: "link", link: `simplex:/${kind}#/?${query}` }
  const plain = fragment.slice(1)
  if (scheme.test(plain)) return { type: "link", link: plain }
  const decoded = decode(plain)
  return scheme.test(decoded) ? { type: "link", link: decoded } : { type: "none" }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ""
  }
}

/** An invitation as an address that opens this page with it. What is behind the `#` is not sent to any server. */
export function pageLink(base: string, link: string): string {
  const [, kind, query] = /^simplex:\/(invitation|contact)#\/\?(\S+)$/.exec(link) ?? []
  return kind === undefined || query === undefined
    ? `${base}#${encodeURIComponent(link)}`
    : `${base}#/${kind}/?${query}`
}

/** Without what ends a sentence: no link ends like that. */
function trimmed(link: string): string {
  return link.replace(/[.,;:!?)>\]"'»”’]+$/u, "")
}
