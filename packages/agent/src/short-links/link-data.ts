import {
  type Bytes,
  type Codec,
  bool,
  fixed,
  ignored,
  list,
  shortBytes,
  struct,
  type VersionRange,
  versionRange,
} from "@smpkit/codec"
import { ed25519PublicKey, type PublicKey } from "@smpkit/crypto"
import { type ConnectionLink, connectionLink } from "../links.ts"
import { type LinkOwner, linkOwner } from "./owners.ts"
import { contactShortLink, type ShortLink } from "./short-link.ts"

/** The part of link data that never changes (connection-links.md, "Plaintexts"): its SHA3-256 is the link's key. */
export interface FixedLinkData {
  /** Agent versions. */
  readonly versions: VersionRange
  readonly rootKey: PublicKey<"ed25519">
  readonly request: ConnectionLink
  /** Set by applications that prepare links; absent otherwise. */
  readonly linkEntityId: Bytes | undefined
}

/** The part that its owner can replace. */
export type UserLinkData =
  | { readonly type: "invitation"; readonly versions: VersionRange; readonly userData: Bytes }
  | {
      readonly type: "contact"
      readonly versions: VersionRange
      /** Whether the queue of the fixed data may be used; through `relays` otherwise. */
      readonly direct: boolean
      readonly owners: readonly LinkOwner[]
      readonly relays: readonly Extract<ShortLink, { readonly type: "contact" }>[]
      readonly userData: Bytes
    }

const entityId: Codec<Bytes | undefined> = {
  write: (w, v) => {
    if (v !== undefined) shortBytes.write(w, v)
  },
  read: (r) => (r.left > 0 ? shortBytes.read(r) : undefined),
}

interface FixedLayout extends FixedLinkData {
  readonly more: undefined
}
const fixedLayout: Codec<FixedLayout> = struct<FixedLayout>({
  versions: versionRange,
  rootKey: ed25519PublicKey,
  request: connectionLink,
  linkEntityId: entityId,
  more: ignored,
})

/** F of connection-links.md; bytes after it are not looked at. */
export const fixedLinkData: Codec<FixedLinkData> = {
  write: (w, v) => {
    fixedLayout.write(w, { ...v, more: undefined })
  },
  read: (r) => {
    const { versions, rootKey, request, linkEntityId } = fixedLayout.read(r)
    return { versions, rootKey, request, linkEntityId }
  },
}

/** Up to 254 bytes as `str8`, more as `FF` and `str16`. */
const userBytes: Codec<Bytes> = {
  write: (w, v) => {
    if (v.length < 0xff) {
      shortBytes.write(w, v)
    } else {
      w.u8(0xff)
      w.u16(v.length)
      w.bytes(v)
    }
  },
  read: (r) => {
    const length = r.u8()
    return r.take(length === 0xff ? r.u16() : length)
  },
}

type Fields<T extends UserLinkData["type"]> = Omit<Extract<UserLinkData, { readonly type: T }>, "type"> & {
  readonly more: undefined
}
const invitationFields: Codec<Fields<"invitation">> = struct<Fields<"invitation">>({
  versions: versionRange,
  userData: userBytes,
  more: ignored,
})
const contactFields: Codec<Fields<"contact">> = struct<Fields<"contact">>({
  versions: versionRange,
  direct: bool,
  owners: list(linkOwner),
  relays: list(contactShortLink),
  userData: userBytes,
  more: ignored,
})

/** U of connection-links.md; bytes after it are not looked at. */
export const userLinkData: Codec<UserLinkData> = {
  write: (w, v) => {
    if (v.type === "invitation") {
      w.u8(0x49)
      invitationFields.write(w, { ...v, more: undefined })
    } else {
      w.u8(0x43)
      contactFields.write(w, { ...v, more: undefined })
    }
  },
  read: (r) => {
    const type = r.u8()
    if (type === 0x49) {
      const { versions, userData } = invitationFields.read(r)
      return { type: "invitation", versions, userData }
    }
    if (type !== 0x43) return r.fail("neither an invitation nor an address")
    const { versions, direct, owners, relays, userData } = contactFields.read(r)
    return { type: "contact", versions, direct, owners, relays, userData }
  },
}

/** A signature and what it covers, to the end. */
export interface SignedLinkData {
  readonly signature: Bytes
  readonly signed: Bytes
}

/** `str8(signature)` of 64 bytes, then the signed bytes. */
export const signedLinkData: Codec<SignedLinkData> = {
  write: (w, { signature, signed }) => {
    w.u8(64)
    fixed(64).write(w, signature)
    w.bytes(signed)
  },
  read: (r) => {
    if (r.u8() !== 64) return r.fail("a signature has 64 bytes")
    return { signature: r.take(64), signed: r.take(r.left) }
  },
}
