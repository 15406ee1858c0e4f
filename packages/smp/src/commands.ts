import {
  type Bytes,
  type Codec,
  decode,
  encode,
  nonEmptyList,
  optional,
  rest,
  shortBytes,
  struct,
  u16,
  WireError,
} from "@smpkit/codec"
import { type AuthAlg, authPublicKey, type PublicKey, x25519PublicKey } from "@smpkit/crypto"
import { basicAuth } from "./basic-auth.ts"
import { CommandError } from "./errors.ts"
import { messageFlags } from "./message-flags.ts"
import {
  linkData,
  type LinkData,
  type NotifierRequest,
  queueRequest,
  type QueueRequest,
} from "./queue-request.ts"
import { type ServerAddress, serverAddress } from "./server-address.ts"
import { noParameters, skipSpace, tagged, tagOf } from "./tagged.ts"
import { perVersion, type SmpVersion } from "./version.ts"

/** Replaces the data of a queue's short link. */
export interface LinkUpdate extends LinkData {
  readonly linkId: Bytes
}

/** A message for a queue. */
export interface QueueMessage {
  /** Whether the recipient's notifier is told. */
  readonly notification: boolean
  readonly body: Bytes
}

/** A transmission for another server, sealed for it. */
export interface ForwardRequest {
  readonly version: SmpVersion
  readonly commandKey: PublicKey<"x25519">
  readonly sealed: Bytes
}

/** Commands by the recipient of a queue, and of a service that receives. */
export type RecipientCommand =
  | ({ readonly type: "NEW" } & QueueRequest)
  | { readonly type: "SUB" | "GET" | "OFF" | "DEL" | "QUE" | "LDEL" | "NDEL" | "SUBS" }
  | { readonly type: "KEY"; readonly senderKey: PublicKey<AuthAlg> }
  | { readonly type: "RKEY"; readonly recipientKeys: readonly [PublicKey<AuthAlg>, ...PublicKey<AuthAlg>[]] }
  | ({ readonly type: "LSET" } & LinkUpdate)
  | ({ readonly type: "NKEY" } & NotifierRequest)
  | { readonly type: "ACK"; readonly msgId: Bytes }

/** Commands by a sender. */
export type SenderCommand =
  | { readonly type: "SKEY"; readonly senderKey: PublicKey<AuthAlg> }
  | ({ readonly type: "SEND" } & QueueMessage)

/** Commands by a holder of a short link. */
export type LinkCommand =
  { readonly type: "LKEY"; readonly senderKey: PublicKey<AuthAlg> } | { readonly type: "LGET" }

/** Commands by a notifier. */
export interface NotifierCommand {
  readonly type: "NSUB" | "NSUBS"
}

/** Commands by a client that sends through a proxy, and by a proxy. */
export type ProxyCommand =
  | { readonly type: "PRXY"; readonly server: ServerAddress; readonly basicAuth: string | undefined }
  | ({ readonly type: "PFWD" } & ForwardRequest)
  | { readonly type: "RFWD"; readonly sealed: Bytes }

/** Every command of SMP (smp-commands.md, "All commands and messages"). */
export type Command =
  RecipientCommand | SenderCommand | LinkCommand | NotifierCommand | ProxyCommand | { readonly type: "PING" }

const queueMessage: Codec<QueueMessage> = {
  write: (w, v) => {
    messageFlags.write(w, v.notification)
    w.u8(0x20)
    rest.write(w, v.body)
  },
  read: (r) => {
    const notification = messageFlags.read(r)
    skipSpace(r)
    return { notification, body: rest.read(r) }
  },
}

const linkUpdate: Codec<LinkUpdate> = {
  write: (w, v) => {
    shortBytes.write(w, v.linkId)
    linkData.write(w, v)
  },
  read: (r) => ({ linkId: shortBytes.read(r), ...linkData.read(r) }),
}

const command: (version: SmpVersion) => Codec<Command> = perVersion((version) =>
  tagged<Command>({
    NEW: queueRequest(version),
    SUB: noParameters,
    KEY: struct({ senderKey: authPublicKey }),
    RKEY: struct({ recipientKeys: nonEmptyList(authPublicKey) }),
    LSET: linkUpdate,
    LDEL: noParameters,
    NKEY: struct({ authKey: authPublicKey, dhKey: x25519PublicKey }),
    NDEL: noParameters,
    GET: noParameters,
    ACK: struct({ msgId: shortBytes }),
    OFF: noParameters,
    DEL: noParameters,
    QUE: noParameters,
    SUBS: noParameters,
    SKEY: struct({ senderKey: authPublicKey }),
    SEND: queueMessage,
    LKEY: struct({ senderKey: authPublicKey }),
    LGET: noParameters,
    NSUB: noParameters,
    NSUBS: noParameters,
    PRXY: struct({ server: serverAddress, basicAuth: optional(basicAuth) }),
    PFWD: struct({ version: u16, commandKey: x25519PublicKey, sealed: rest }),
    RFWD: struct({ sealed: rest }),
    PING: noParameters,
  }),
)

const tags: ReadonlySet<string> = new Set<Command["type"]>([
  "NEW",
  "SUB",
  "KEY",
  "RKEY",
  "LSET",
  "LDEL",
  "NKEY",
  "NDEL",
  "GET",
  "ACK",
  "OFF",
  "DEL",
  "QUE",
  "SUBS",
  "SKEY",
  "SEND",
  "LKEY",
  "LGET",
  "NSUB",
  "NSUBS",
  "PRXY",
  "PFWD",
  "RFWD",
  "PING",
])

/** The bytes of a command on a version. Throws `RangeError` for a field that does not fit. */
export function encodeCommand(version: SmpVersion, value: Command): Bytes {
  return encode(command(version), value)
}

/** Reads a command. Throws `CommandError` with CMD UNKNOWN for a foreign tag and CMD SYNTAX for parameters that do not fit. */
export function parseCommand(version: SmpVersion, bytes: Uint8Array): Command {
  if (!tags.has(tagOf(bytes))) throw new CommandError({ type: "CMD", reason: "UNKNOWN" })
  try {
    return decode(command(version), bytes)
  } catch (error) {
    if (error instanceof WireError)
      throw new CommandError({ type: "CMD", reason: "SYNTAX" }, { cause: error })
    throw error
  }
}
