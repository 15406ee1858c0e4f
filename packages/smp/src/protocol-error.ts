import { type Codec, decodeUtf8, mapped, rest, struct, utf8 } from "@smpkit/codec"
import { type BrokerError, brokerError, formatBrokerError } from "./broker-error.ts"
import { noParameters, tagged, word } from "./tagged.ts"
import { perVersion, type SmpVersion } from "./version.ts"

/** Why a command is refused before it is looked at closer. */
export type CommandErrorReason = "UNKNOWN" | "SYNTAX" | "PROHIBITED" | "NO_AUTH" | "HAS_AUTH" | "NO_ENTITY"

/** What an operator tells clients about a blocked queue; no `ttl` means for good. */
export interface ClientNotice {
  readonly ttl?: number
}

/** Errors of proxied commands. */
export type ProxyError =
  | { readonly type: "PROTOCOL"; readonly error: ProtocolError }
  | { readonly type: "BROKER"; readonly error: BrokerError }
  | { readonly type: "BASIC_AUTH" | "NO_SESSION" }

/** Every error that SMP itself defines (smp-commands.md, "Errors"). */
export type ProtocolError =
  | {
      readonly type:
        | "BLOCK"
        | "SESSION"
        | "AUTH"
        | "SERVICE"
        | "CRYPTO"
        | "QUOTA"
        | "NO_MSG"
        | "LARGE_MSG"
        | "EXPIRED"
        | "INTERNAL"
        | "DUPLICATE_"
    }
  | { readonly type: "CMD"; readonly reason: CommandErrorReason }
  | { readonly type: "PROXY"; readonly error: ProxyError }
  | { readonly type: "BLOCKED"; readonly reason: "spam" | "content"; readonly notice?: ClientNotice }
  | { readonly type: "STORE"; readonly text: string }

// An error may hold that of a relay, which may hold one; deeper nesting is no error that anyone makes.
const maxDepth = 4

const commandReason: Codec<CommandErrorReason> = mapped(
  word("UNKNOWN", "SYNTAX", "PROHIBITED", "NO_AUTH", "HAS_AUTH", "NO_ENTITY", "NO_QUEUE"),
  (v) => (v === "NO_QUEUE" ? "NO_ENTITY" : v),
  (v) => v,
)

const restText: Codec<string> = mapped(rest, (v, fail) => decodeUtf8(v) ?? fail("not UTF-8"), utf8)

function plainError(version: SmpVersion, depth: number): Codec<ProtocolError> {
  const proxyError: Codec<ProxyError> = tagged({
    PROTOCOL: struct({ error: depth === 0 ? tooDeep : errorAt(version, depth - 1) }),
    BROKER: struct({ error: brokerError }),
    BASIC_AUTH: noParameters,
    NO_SESSION: noParameters,
  })
  return tagged<ProtocolError>({
    BLOCK: noParameters,
    SESSION: noParameters,
    AUTH: noParameters,
    SERVICE: noParameters,
    CRYPTO: noParameters,
    QUOTA: noParameters,
    NO_MSG: noParameters,
    LARGE_MSG: noParameters,
    EXPIRED: noParameters,
    INTERNAL: noParameters,
    DUPLICATE_: noParameters,
    CMD: struct({ reason: commandReason }),
    PROXY: struct({ error: proxyError }),
    BLOCKED: blocked(version),
    STORE: struct({ text: restText }),
  })
}

/** Before version 12 a blocked queue is reported as AUTH. */
function errorAt(version: SmpVersion, depth: number): Codec<ProtocolError> {
  return mapped(
    plainError(version, depth),
    (v) => v,
    (v): ProtocolError => (v.type === "BLOCKED" && version < 12 ? { type: "AUTH" } : v),
  )
}

const tooDeep: Codec<ProtocolError> = {
  write: () => {
    throw new RangeError("errors nested too deep")
  },
  read: (r) => r.fail("errors nested too deep"),
}

interface Blocked {
  readonly reason: "spam" | "content"
  readonly notice?: ClientNotice
}

/** `reason=…[,notice=JSON]`; the notice since version 18. */
function blocked(version: SmpVersion): Codec<Blocked> {
  return mapped(
    restText,
    (v, fail) => {
      const match = /^reason=(spam|content)(?:,notice=(.*))?$/s.exec(v)
      if (match === null) return fail("an unknown reason")
      const reason = match[1] === "spam" ? "spam" : "content"
      return match[2] === undefined
        ? { reason }
        : { reason, notice: parseNotice(match[2]) ?? fail("not a notice") }
    },
    ({ reason, notice }) =>
      `reason=${reason}${notice === undefined || version < 18 ? "" : `,notice=${JSON.stringify(noticeFields(notice))}`}`,
  )
}

function noticeFields({ ttl }: ClientNotice): ClientNotice {
  return ttl === undefined ? {} : { ttl }
}

function parseNotice(json: string): ClientNotice | undefined {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined
    const ttl: unknown = "ttl" in value ? value.ttl : undefined
    if (ttl === undefined || ttl === null) return {}
    return typeof ttl === "number" && Number.isSafeInteger(ttl) ? { ttl } : undefined
  } catch {
    return undefined
  }
}

/** The layout of an error on a version. */
export const protocolError: (version: SmpVersion) => Codec<ProtocolError> = perVersion((version) =>
  errorAt(version, maxDepth),
)

/** An error in the words of the protocol, for messages and logs: `CMD SYNTAX`. Free texts stay out: a peer wrote them. */
export function formatProtocolError(error: ProtocolError): string {
  if (error.type === "CMD") return `CMD ${error.reason}`
  if (error.type === "BLOCKED") return `BLOCKED reason=${error.reason}`
  return error.type === "PROXY" ? `PROXY ${formatProxyError(error.error)}` : error.type
}

function formatProxyError(error: ProxyError): string {
  if (error.type === "PROTOCOL") return `PROTOCOL ${formatProtocolError(error.error)}`
  return error.type === "BROKER" ? `BROKER ${formatBrokerError(error.error)}` : error.type
}
