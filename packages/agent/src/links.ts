import {
  type Codec,
  decodeUtf8,
  formatVersionRange,
  longBytes,
  mapped,
  nonEmptyList,
  optional,
  parseVersionRange,
  struct,
  utf8,
  type VersionRange,
  versionRange,
  WireError,
} from "@smpkit/codec"
import {
  formatRatchetParametersUri,
  parseRatchetParametersUri,
  type RatchetParametersUri,
  ratchetParametersUri,
} from "@smpkit/ratchet"
import {
  formatQueryString,
  formatQueueUri,
  parseQueryString,
  parseQueueUri,
  type QueueUri,
  queueUri,
  SmpError,
} from "@smpkit/smp"
import { AgentError } from "./errors.ts"
import { agentVersions } from "./version.ts"

interface LinkData {
  readonly versions: VersionRange
  readonly queues: readonly [QueueUri, ...QueueUri[]]
  /** Text for the application. */
  readonly clientData: string | undefined
}

/** A long link (connection-links.md, "Connection request"). The scheme that it was read with is not kept. */
export type ConnectionLink =
  | (LinkData & { readonly type: "invitation"; readonly parameters: RatchetParametersUri })
  | (LinkData & { readonly type: "contact" })

/** Longer texts are refused (security.md Q9). */
export const maxLinkLength: number = 16 * 1024

/** Text of a link, with the scheme `simplex:`. */
export function formatLink(link: ConnectionLink): string {
  const parameters: [string, string][] = [
    ["v", formatVersionRange(link.versions)],
    ["smp", link.queues.map(formatQueueUri).join(";")],
  ]
  if (link.type === "invitation") parameters.push(["e2e", formatRatchetParametersUri(link.parameters)])
  if (link.clientData !== undefined) parameters.push(["data", link.clientData])
  return `simplex:/${link.type}#/?${formatQueryString(parameters)}`
}

/** Reads a long link. Throws `AgentError LINK` for anything that is not exactly one; its message repeats nothing of the link. */
export function parseLink(text: string): ConnectionLink {
  if (text.length > maxLinkLength) return fail("it is longer than 16 KiB")
  const match = /^(?:simplex:|https:\/\/[^\s:#,;/]+(?::\d{1,5})?)\/(invitation|contact)\/?#\/?\?(\S*)$/.exec(
    text,
  )
  if (match === null) return fail("it does not begin like an invitation")
  try {
    return match[1] === "invitation"
      ? readLink("invitation", match[2] ?? "")
      : readLink("contact", match[2] ?? "")
  } catch (error) {
    // The parts of a link report their own errors; the caller of this function has one link, and one error.
    if (error instanceof WireError || error instanceof SmpError) {
      return fail(error.message, { cause: error })
    }
    throw error
  }
}

function readLink(type: ConnectionLink["type"], query: string): ConnectionLink {
  const parameters = parseQueryString(query)
  const versions = parseVersionRange(parameters.get("v") ?? fail("the version is missing"))
  const [first, ...others] = (parameters.get("smp") ?? fail("the queue is missing"))
    .split(";")
    .map(parseQueueUri)
  if (first === undefined) return fail("the queue is missing")
  const queues = [first, ...others] as const
  const clientData = parameters.get("data")
  const e2e = parameters.get("e2e")
  if (type === "contact") {
    if (e2e !== undefined) return fail("an address with encryption keys")
    return { type, versions: raised(versions), queues, clientData }
  }
  const keys = parseRatchetParametersUri(e2e ?? fail("the encryption keys are missing"))
  return { type, versions, queues, clientData, parameters: keys }
}

/** Contact links of old agents count as written for version 2. */
function raised({ min, max }: VersionRange): VersionRange {
  return { min: Math.max(min, agentVersions.min), max: Math.max(max, agentVersions.min) }
}

function fail(reason: string, options?: ErrorOptions): never {
  throw new AgentError(
    "LINK",
    `This is not a usable link: ${reason}. Ask for it to be sent again, complete and unchanged.`,
    options,
  )
}

/** Queues in the binary form: a mode that is not told counts as contact when read. */
const requestQueue: Codec<QueueUri> = mapped<QueueUri, QueueUri>(
  queueUri,
  (q) => ({ ...q, mode: q.mode ?? "contact" }),
  (q) => q,
)

const clientData: Codec<string | undefined> = optional(
  mapped(longBytes, (v, fail) => decodeUtf8(v) ?? fail("not UTF-8"), utf8),
)

const linkData: Codec<LinkData> = {
  write: (w, { versions, queues, clientData: data }) => {
    layout.write(w, { versions, queues, clientData: data })
  },
  read: (r) => layout.read(r),
}
const layout = struct<LinkData>({ versions: versionRange, queues: nonEmptyList(requestQueue), clientData })

/** The binary form, as short-link data holds it. */
export const connectionLink: Codec<ConnectionLink> = {
  write: (w, link) => {
    w.u8(link.type === "invitation" ? 0x49 : 0x43)
    linkData.write(w, link)
    if (link.type === "invitation") ratchetParametersUri.write(w, link.parameters)
  },
  read: (r) => {
    const type = r.u8()
    if (type !== 0x49 && type !== 0x43) return r.fail("neither an invitation nor an address")
    const data = linkData.read(r)
    return type === 0x49
      ? { type: "invitation", ...data, parameters: ratchetParametersUri.read(r) }
      : { type: "contact", ...data, versions: raised(data.versions) }
  },
}
