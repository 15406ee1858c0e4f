import {
  type Bytes,
  type Codec,
  decode,
  decodeUtf8,
  encode,
  fixed,
  longBytes,
  mapped,
  nonEmptyList,
  optional,
  rest,
  safeInt64,
  shortBytes,
  struct,
  utf8,
  type VersionRange,
  versionRange,
} from "@smpkit/codec"
import type { Command } from "./commands.ts"
import { type ProtocolError, protocolError } from "./protocol-error.ts"
import { notifierIds, type NotifierIds, queueIds, type QueueIds } from "./queue-ids.ts"
import { linkData, type LinkData } from "./queue-request.ts"
import { noParameters, tagged, type WithTag } from "./tagged.ts"
import { perVersion, type SmpVersion } from "./version.ts"

/** A message as the server delivers it; `body` is sealed for the recipient (`openMessageBody`). */
export interface DeliveredMessage {
  readonly msgId: Bytes
  readonly body: Bytes
}

/** The session of a proxy with a relay, as the proxy tells it: chain and key are verified by whoever uses them. */
export interface UnverifiedProxySession {
  readonly sessionId: Bytes
  readonly versions: VersionRange
  /** DER, leaf first. */
  readonly certificates: readonly [Bytes, ...Bytes[]]
  /** The relay's session key with the signature of the leaf. */
  readonly signedKey: Bytes
}

/** What a server sends (smp-commands.md, "All commands and messages"). */
export type BrokerMessage =
  | ({ readonly type: "IDS" } & QueueIds)
  | ({ readonly type: "LNK"; readonly senderId: Bytes } & LinkData)
  | { readonly type: "SOK"; readonly serviceId: Bytes | undefined }
  | { readonly type: "SOKS" | "ENDS"; readonly count: number }
  | ({ readonly type: "MSG" } & DeliveredMessage)
  | ({ readonly type: "NID" } & NotifierIds)
  | { readonly type: "NMSG"; readonly nonce: Bytes; readonly meta: Bytes }
  | ({ readonly type: "PKEY" } & UnverifiedProxySession)
  | { readonly type: "RRES" | "PRES"; readonly sealed: Bytes }
  | { readonly type: "END" | "DELD" | "OK" | "PONG" }
  | { readonly type: "INFO"; readonly json: string }
  | { readonly type: "ERR"; readonly error: ProtocolError }

/** What answers a command when it succeeds. */
export interface Answer {
  readonly NEW: "IDS"
  readonly SUB: "SOK" | "OK" | "MSG"
  readonly GET: "MSG" | "OK"
  readonly ACK: "MSG" | "OK"
  readonly QUE: "INFO"
  readonly NKEY: "NID"
  readonly LKEY: "LNK"
  readonly LGET: "LNK"
  readonly NSUB: "SOK" | "OK"
  readonly SUBS: "SOKS"
  readonly NSUBS: "SOKS"
  readonly PRXY: "PKEY"
  readonly PFWD: "PRES"
  readonly RFWD: "RRES"
  readonly PING: "PONG"
}

/** The messages that may answer a command: `Reply<"NEW">` is IDS or an error. */
export type Reply<T extends Command["type"]> = WithTag<
  BrokerMessage,
  (T extends keyof Answer ? Answer[T] : "OK") | "ERR"
>

const linkAnswer: Codec<{ readonly senderId: Bytes } & LinkData> = {
  write: (w, v) => {
    shortBytes.write(w, v.senderId)
    linkData.write(w, v)
  },
  read: (r) => ({ senderId: shortBytes.read(r), ...linkData.read(r) }),
}
const json: Codec<string> = mapped(rest, (v, fail) => decodeUtf8(v) ?? fail("not UTF-8"), utf8)

const brokerMessage: (version: SmpVersion) => Codec<BrokerMessage> = perVersion((version) =>
  mapped(
    tagged<BrokerMessage>({
      IDS: queueIds(version),
      LNK: linkAnswer,
      SOK: struct({ serviceId: optional(shortBytes) }),
      SOKS: struct({ count: safeInt64 }),
      MSG: struct({ msgId: shortBytes, body: rest }),
      NID: notifierIds,
      NMSG: struct({ nonce: fixed(24), meta: shortBytes }),
      PKEY: struct({
        sessionId: shortBytes,
        versions: versionRange,
        certificates: nonEmptyList(longBytes),
        signedKey: longBytes,
      }),
      RRES: struct({ sealed: rest }),
      PRES: struct({ sealed: rest }),
      END: noParameters,
      DELD: noParameters,
      ENDS: struct({ count: safeInt64 }),
      INFO: struct({ json }),
      OK: noParameters,
      ERR: struct({ error: protocolError(version) }),
      PONG: noParameters,
    }),
    (v) => v,
    (v) => forVersion(version, v),
  ),
)

/** Older clients know neither SOK nor DELD. */
function forVersion(version: SmpVersion, message: BrokerMessage): BrokerMessage {
  if (message.type === "SOK" && version < 16) return { type: "OK" }
  if (message.type === "DELD" && version < 10) return { type: "END" }
  return message
}

/** The bytes of a message on a version. Throws `RangeError` for a field that does not fit. */
export function encodeBrokerMessage(version: SmpVersion, message: BrokerMessage): Bytes {
  return encode(brokerMessage(version), message)
}

/** Reads a message of a server. Throws `WireError`. */
export function parseBrokerMessage(version: SmpVersion, bytes: Uint8Array): BrokerMessage {
  return decode(brokerMessage(version), bytes)
}

/** What the entity of a message must be (smp-commands.md, "All commands and messages"). */
export function entityOfMessage(type: BrokerMessage["type"]): "any" | "empty" | "present" {
  switch (type) {
    case "IDS":
    case "ERR":
      return "any"
    case "PONG":
    case "PKEY":
    case "RRES":
      return "empty"
    case "LNK":
    case "SOK":
    case "SOKS":
    case "MSG":
    case "NID":
    case "NMSG":
    case "PRES":
    case "END":
    case "DELD":
    case "ENDS":
    case "INFO":
    case "OK":
      return "present"
    default:
      return type satisfies never
  }
}
