import {
  type Bytes,
  formatVersionRange,
  fromBase64Url,
  parseVersionRange,
  toBase64Url,
  WireError,
} from "@smpkit/codec"
import { CryptoError, decodePublicKey, encodePublicKey } from "@smpkit/crypto"
import { SmpError } from "./errors.ts"
import { formatHost } from "./host.ts"
import { formatQueryString, parseQueryString, type QueryString } from "./query-string.ts"
import type { QueueMode, QueueUri } from "./queue-address.ts"
import {
  countable,
  formatServerAddress,
  maxLinkLength,
  parseHostList,
  parseServerAddress,
  type ServerAddress,
} from "./server-address.ts"

// connection-links.md, "SMP queue address", "Text (queue URI)".

/** The text of a queue address: `smp://server/senderId#/?v=…&dh=…`. */
export function formatQueueUri({ versions, server, senderId, dhKey, mode }: QueueUri): string {
  const [first, ...others] = server.hosts
  // Client version 1 reads one host in the authority; the others go where it does not look.
  const apart = versions.min < 2 && others.length > 0
  const { port, keyHash } = server
  const authority = formatServerAddress({ hosts: apart ? [first] : server.hosts, port, keyHash })
  const parameters: [string, string][] = [
    ["v", formatVersionRange(versions)],
    ["dh", toBase64Url(encodePublicKey(dhKey))],
  ]
  if (mode !== undefined) parameters.push(["q", mode === "messaging" ? "m" : "c"])
  if (mode === "messaging" && versions.min < 4) parameters.push(["k", "s"])
  if (apart) parameters.push(["srv", others.map(formatHost).join(",")])
  return `${authority}/${toBase64Url(senderId)}#/?${formatQueryString(parameters)}`
}

/** Reads a queue address. Throws `SmpError LINK`, also for a password in it or a repeated parameter. */
export function parseQueueUri(text: string): QueueUri {
  if (text.length > maxLinkLength) return fail("a link of more than 16 KiB")
  try {
    const match = /^(smp:\/\/[^/#?]*)\/([^/#?]*)\/?#([^/?#]*)(?:\/\?([^#]*))?$/s.exec(text)
    if (match === null) return fail("not a queue address")
    const [, authority = "", senderId = "", key = "", query] = match
    return queueOf(authority, senderId, key, parseQueryString(query ?? "v=1"))
  } catch (error) {
    // The parts report their own errors; a link has one.
    if (error instanceof WireError || CryptoError.is(error, "KEY") || SmpError.is(error, "ADDRESS"))
      throw new SmpError("LINK", "an unusable part in a queue address", { cause: error })
    throw error
  }
}

function queueOf(authority: string, senderId: string, key: string, query: QueryString): QueueUri {
  const versions = parseVersionRange(query.get("v") ?? "")
  if (versions.min === 0) return fail("client version 0")
  const dh = query.get("dh")
  if (dh !== undefined && key !== "") return fail("two keys in a queue address")
  return {
    versions,
    server: serverOf(authority, query.get("srv")),
    senderId: idOf(senderId),
    dhKey: decodePublicKey(fromBase64Url(dh ?? key), ["x25519"]),
    mode: modeOf(query),
  }
}

function serverOf(authority: string, others: string | undefined): ServerAddress {
  const { hosts, port, keyHash, basicAuth } = parseServerAddress(authority)
  if (basicAuth !== undefined) return fail("a password in a link")
  return {
    hosts: countable([...hosts, ...(others === undefined ? [] : parseHostList(others.split(",")))]),
    port,
    keyHash,
  }
}

function idOf(text: string): Bytes {
  const id = fromBase64Url(text)
  return id.length === 0 || id.length > 255 ? fail("a sender id is missing") : id
}

function modeOf(query: QueryString): QueueMode | undefined {
  const mode = query.get("q")
  const secure = query.get("k")
  if (mode === "m") return "messaging"
  if (mode === "c") return "contact"
  if (mode !== undefined || (secure !== undefined && secure !== "s")) return fail("an unknown queue mode")
  return secure === undefined ? undefined : "messaging"
}

function fail(message: string): never {
  throw new SmpError("LINK", message)
}
