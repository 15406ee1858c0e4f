import {
  bool,
  type Bytes,
  char,
  type Codec,
  longBytes,
  mapped,
  optional,
  shortBytes,
  struct,
} from "@smpkit/codec"
import { type AuthAlg, authPublicKey, type PublicKey, x25519PublicKey } from "@smpkit/crypto"
import { basicAuth } from "./basic-auth.ts"
import type { QueueMode } from "./queue-address.ts"
import type { SmpVersion } from "./version.ts"

/** Encrypted data of a short link, fixed and changeable part (smp-client-crypto.md, "Link data"). */
export interface LinkData {
  readonly fixed: Bytes
  readonly user: Bytes
}

/** Link data for a queue in the making. */
export interface LinkRequest extends LinkData {
  /** The client chooses it for a contact queue, the server for a messaging queue (`undefined`). */
  readonly linkId: Bytes | undefined
  readonly senderId: Bytes
}

/** Keys for notifications about a queue. */
export interface NotifierRequest {
  readonly authKey: PublicKey<AuthAlg>
  readonly dhKey: PublicKey<"x25519">
}

/** Parameters of NEW (smp-commands.md, "NEW / IDS"). A version without room for a mode, link data or a notifier drops it. */
export interface QueueRequest {
  readonly authKey: PublicKey<AuthAlg>
  readonly dhKey: PublicKey<"x25519">
  readonly basicAuth: string | undefined
  readonly subscribe: boolean
  readonly queueMode: QueueMode | undefined
  /** Only with a queue mode. */
  readonly linkData?: LinkRequest | undefined
  readonly notifier?: NotifierRequest | undefined
}

/** `str16 fixed`, `str16 user`. */
export const linkData: Codec<LinkData> = struct({ fixed: longBytes, user: longBytes })

/** `M` or `C`. */
export const modeLetter: Codec<QueueMode> = mapped(
  char,
  (v, fail) => (v === "M" ? "messaging" : v === "C" ? "contact" : fail("neither M nor C")),
  (v) => (v === "messaging" ? "M" : "C"),
)
/** Versions 9 to 14 say whether the sender can secure the queue. */
export const modeFlag: Codec<QueueMode | undefined> = mapped<boolean, QueueMode | undefined>(
  bool,
  (v) => (v ? "messaging" : "contact"),
  (v) => v === "messaging",
)
const subscribeLetter: Codec<boolean> = mapped(
  char,
  (v, fail) => (v === "S" || v === "C" ? v === "S" : fail("neither S nor C")),
  (v) => (v ? "S" : "C"),
)

/** Versions before 9: a password behind the letter A, or nothing. */
const letteredAuth: Codec<string | undefined> = {
  write: (w, v) => {
    if (v === undefined) return
    w.u8(0x41)
    basicAuth.write(w, v)
  },
  read: (r) => {
    if (r.peek() !== 0x41) return undefined
    r.skip(1)
    return basicAuth.read(r)
  },
}

function linkRequest(mode: QueueMode): Codec<LinkRequest> {
  return {
    write: (w, v) => {
      if ((v.linkId === undefined) !== (mode === "messaging"))
        throw new RangeError("a link id belongs to a contact queue, and only to one")
      if (v.linkId !== undefined) shortBytes.write(w, v.linkId)
      shortBytes.write(w, v.senderId)
      linkData.write(w, v)
    },
    read: (r) => ({
      linkId: mode === "messaging" ? undefined : shortBytes.read(r),
      senderId: shortBytes.read(r),
      ...linkData.read(r),
    }),
  }
}
const linkRequests = {
  messaging: optional(linkRequest("messaging")),
  contact: optional(linkRequest("contact")),
}

interface ModeAndLink {
  readonly queueMode: QueueMode
  readonly linkData: LinkRequest | undefined
}
const modeAndLink: Codec<ModeAndLink | undefined> = optional({
  write: (w, v) => {
    modeLetter.write(w, v.queueMode)
    linkRequests[v.queueMode].write(w, v.linkData)
  },
  read: (r) => {
    const queueMode = modeLetter.read(r)
    return { queueMode, linkData: linkRequests[queueMode].read(r) }
  },
})

type Keys = Pick<QueueRequest, "authKey" | "dhKey">
type Creation = Pick<QueueRequest, "basicAuth" | "subscribe">
const keys: Codec<Keys> = struct({ authKey: authPublicKey, dhKey: x25519PublicKey })
const letteredCreation: Codec<Creation> = struct({ basicAuth: letteredAuth, subscribe: subscribeLetter })
const creation: Codec<Creation> = struct({ basicAuth: optional(basicAuth), subscribe: subscribeLetter })
const notifierRequest: Codec<NotifierRequest | undefined> = optional(
  struct<NotifierRequest>({ authKey: authPublicKey, dhKey: x25519PublicKey }),
)

/** The layout of NEW's parameters on a version. */
export function queueRequest(version: SmpVersion): Codec<QueueRequest> {
  if (version < 9) {
    return {
      write: (w, v) => {
        keys.write(w, v)
        letteredCreation.write(w, v)
      },
      read: (r) => ({ ...keys.read(r), ...letteredCreation.read(r), queueMode: undefined }),
    }
  }
  if (version < 15) {
    return {
      write: (w, v) => {
        keys.write(w, v)
        creation.write(w, v)
        modeFlag.write(w, v.queueMode)
      },
      read: (r) => ({ ...keys.read(r), ...creation.read(r), queueMode: modeFlag.read(r) }),
    }
  }
  return {
    write: (w, v) => {
      keys.write(w, v)
      creation.write(w, v)
      if (v.queueMode === undefined && v.linkData !== undefined)
        throw new RangeError("link data without a queue mode")
      modeAndLink.write(w, v.queueMode && { queueMode: v.queueMode, linkData: v.linkData })
      if (version >= 17) notifierRequest.write(w, v.notifier)
    },
    read: (r) => {
      const start = { ...keys.read(r), ...creation.read(r) }
      const queue = modeAndLink.read(r)
      const notifier = version >= 17 ? notifierRequest.read(r) : undefined
      return { ...start, queueMode: queue?.queueMode, linkData: queue?.linkData, notifier }
    },
  }
}
