import {
  type Bytes,
  char,
  type Codec,
  fixed,
  fromBase64Url,
  mapped,
  struct,
  toBase64Url,
  WireError,
} from "@smpkit/codec"
import {
  formatHost,
  formatQueryString,
  parseQueryString,
  parseServerAddress,
  type ServerAddress,
  serverAddress,
  SmpError,
} from "@smpkit/smp"
import { AgentError } from "../errors.ts"
import { maxLinkLength } from "../links.ts"

/** What a short link of the contact kind stands for; agents write `contact`, applications choose among the others. */
export type ContactKind = "contact" | "group" | "channel" | "relay"

/** A short link (connection-links.md, "Short links (text)"): where the link data is, and the 32-byte key that opens it. */
export type ShortLink =
  | {
      readonly type: "invitation"
      readonly server: ServerAddress
      /** 24 bytes, chosen by the server. */
      readonly linkId: Bytes
      readonly linkKey: Bytes
    }
  | {
      readonly type: "contact"
      readonly kind: ContactKind
      readonly server: ServerAddress
      readonly linkKey: Bytes
    }

const kinds: ReadonlyMap<string, ContactKind> = new Map([
  ["A", "contact"],
  ["G", "group"],
  ["C", "channel"],
  ["R", "relay"],
])
const letters = { contact: "A", group: "G", channel: "C", relay: "R" } as const

/** The text of a link: with the server's first host as web host, or in the scheme `simplex:`. */
export function formatShortLink(link: ShortLink, scheme: "https" | "simplex" = "https"): string {
  const { hosts, port, keyHash } = link.server
  const [first, ...others] = hosts
  const listed = (scheme === "https" ? others : hosts).map(formatHost)
  const letter = link.type === "invitation" ? "i" : letters[link.kind].toLowerCase()
  const id = link.type === "invitation" ? `${toBase64Url(link.linkId, { padded: false })}/` : ""
  const query = formatQueryString([
    ...(listed.length > 0 ? [["h", listed.join(",")] as const] : []),
    ...(port === "" ? [] : [["p", port] as const]),
    ["c", toBase64Url(keyHash, { padded: false })],
  ])
  const start = scheme === "https" ? `https://${formatHost(first)}/` : "simplex:/"
  return `${start}${letter}#${id}${toBase64Url(link.linkKey, { padded: false })}?${query}`
}

/** Whether a text has the form of a short link; `parseShortLink` says what is wrong with it. */
export function looksLikeShortLink(text: string): boolean {
  return form.test(text)
}

const form =
  /^(?:simplex:|https:\/\/(?<host>\[[\da-fA-F:.]+\]|[^\s:#,;/?]+))\/(?<type>[iagcrAGCR])\/?#(?:(?<id>[\w-]{1,64}={0,2})\/)?(?<key>[\w-]{1,64}={0,2})(?:\?(?<query>\S*))?$/

/**
 * Reads a short link. A link that names its server by one host alone is completed from `knownServers`.
 * Throws `AgentError LINK`; its message repeats nothing of the link.
 */
export function parseShortLink(text: string, knownServers: readonly ServerAddress[]): ShortLink {
  if (text.length > maxLinkLength) return fail("it is longer than 16 KiB")
  const { host, type, id, key, query } =
    form.exec(text)?.groups ?? fail("it does not begin like a short link")
  try {
    const linkKey = bytesOf(key ?? "", 32)
    const server = readServer(host, parseQueryString(query ?? ""), query === undefined, knownServers)
    if (type === "i") {
      return { type: "invitation", server, linkId: bytesOf(id ?? fail("its id is missing"), 24), linkKey }
    }
    if (id !== undefined) return fail("an address with the id of an invitation")
    const kind = kinds.get((type ?? "").toUpperCase()) ?? fail("it is of an unknown kind")
    return { type: "contact", kind, server, linkKey }
  } catch (error) {
    if (error instanceof WireError || error instanceof SmpError) return fail(error.message, { cause: error })
    throw error
  }
}

function bytesOf(text: string, length: number): Bytes {
  const bytes = fromBase64Url(text)
  return bytes.length === length ? bytes : fail("a part of it is too short or too long")
}

function readServer(
  host: string | undefined,
  query: ReturnType<typeof parseQueryString>,
  shortened: boolean,
  knownServers: readonly ServerAddress[],
): ServerAddress {
  const hosts = [host, query.get("h")].filter((part) => part !== undefined && part !== "").join(",")
  const port = query.get("p") ?? ""
  const keyHash = query.get("c")
  if (hosts === "") return fail("the server is missing")
  if (keyHash !== undefined) {
    const { basicAuth, ...server } = parseServerAddress(
      `smp://${keyHash}@${hosts}${port === "" ? "" : `:${port}`}`,
    )
    return basicAuth === undefined ? server : fail("an address with a password")
  }
  if (!shortened) return fail("the server's fingerprint is missing")
  return (
    knownServers.find((server) => server.hosts[0] === host) ??
    fail("it names its server by a host that is not among the servers of this agent: add the server first")
  )
}

function fail(reason: string, options?: ErrorOptions): never {
  throw new AgentError(
    "LINK",
    `This is not a usable link: ${reason}. Ask for it to be sent again, complete and unchanged.`,
    options,
  )
}

const kindCodec: Codec<ContactKind> = mapped<string, ContactKind>(
  char,
  (letter, failed) => kinds.get(letter) ?? failed("an unknown kind of link"),
  (kind) => letters[kind],
)

const short = (length: number): Codec<Bytes> => ({
  write: (w, v) => {
    w.u8(length)
    fixed(length).write(w, v)
  },
  read: (r) => (r.u8() === length ? r.take(length) : r.fail(`${length} bytes belong here`)),
})

type InvitationFields = Omit<Extract<ShortLink, { readonly type: "invitation" }>, "type">
const invitationFields: Codec<InvitationFields> = struct({
  server: serverAddress,
  linkId: short(24),
  linkKey: short(32),
})
type ContactFields = Omit<Extract<ShortLink, { readonly type: "contact" }>, "type">
const contactFields: Codec<ContactFields> = struct({
  kind: kindCodec,
  server: serverAddress,
  linkKey: short(32),
})

/** The binary form, as link data lists relays. */
export const shortLink: Codec<ShortLink> = {
  write: (w, link) => {
    if (link.type === "invitation") {
      w.u8(0x49)
      invitationFields.write(w, link)
    } else {
      w.u8(0x43)
      contactFields.write(w, link)
    }
  },
  read: (r) => {
    const type = r.u8()
    if (type === 0x49) return { type: "invitation", ...invitationFields.read(r) }
    return type === 0x43
      ? { type: "contact", ...contactFields.read(r) }
      : r.fail("neither an invitation nor an address")
  },
}

/** An address in a list of relays. */
export const contactShortLink: Codec<Extract<ShortLink, { readonly type: "contact" }>> = mapped<
  ShortLink,
  Extract<ShortLink, { readonly type: "contact" }>
>(
  shortLink,
  (link, failed) => (link.type === "contact" ? link : failed("an invitation among relays")),
  (link) => link,
)
