import { type Bytes, type Codec, optional, shortBytes, struct } from "@smpkit/codec"
import { type PublicKey, x25519PublicKey } from "@smpkit/crypto"
import type { QueueMode } from "./queue-address.ts"
import { modeFlag, modeLetter } from "./queue-request.ts"
import type { SmpVersion } from "./version.ts"

/** A notifier id and the server's key for notification metadata. */
export interface NotifierIds {
  readonly notifierId: Bytes
  readonly serverDhKey: PublicKey<"x25519">
}

/** Parameters of IDS (smp-commands.md, "NEW / IDS"). A version without room for a field drops it. */
export interface QueueIds {
  readonly recipientId: Bytes
  readonly senderId: Bytes
  readonly serverDhKey: PublicKey<"x25519">
  readonly queueMode: QueueMode | undefined
  readonly linkId: Bytes | undefined
  readonly serviceId: Bytes | undefined
  readonly notifier: NotifierIds | undefined
}

export const notifierIds: Codec<NotifierIds> = struct({
  notifierId: shortBytes,
  serverDhKey: x25519PublicKey,
})

type Start = Pick<QueueIds, "recipientId" | "senderId" | "serverDhKey">
const start: Codec<Start> = struct({
  recipientId: shortBytes,
  senderId: shortBytes,
  serverDhKey: x25519PublicKey,
})
const mode: Codec<QueueMode | undefined> = optional(modeLetter)
const optionalId: Codec<Bytes | undefined> = optional(shortBytes)
const notifier: Codec<NotifierIds | undefined> = optional(notifierIds)
const absent = { queueMode: undefined, linkId: undefined, serviceId: undefined, notifier: undefined }

/** The layout of IDS's parameters on a version. */
export function queueIds(version: SmpVersion): Codec<QueueIds> {
  return {
    write: (w, v) => {
      start.write(w, v)
      if (version >= 9) (version < 15 ? modeFlag : mode).write(w, v.queueMode)
      if (version >= 15) optionalId.write(w, v.linkId)
      if (version >= 16) optionalId.write(w, v.serviceId)
      if (version >= 17) notifier.write(w, v.notifier)
    },
    read: (r) => {
      const ids = { ...absent, ...start.read(r) }
      if (version < 9) return ids
      if (version < 15) return { ...ids, queueMode: modeFlag.read(r) }
      return {
        ...ids,
        queueMode: mode.read(r),
        linkId: optionalId.read(r),
        serviceId: version >= 16 ? optionalId.read(r) : undefined,
        notifier: version >= 17 ? notifier.read(r) : undefined,
      }
    },
  }
}
