import {
  type Bytes,
  type Codec,
  concatBytes,
  decode,
  encode,
  ignored,
  mapped,
  shortBytes,
  struct,
  toBase64Url,
} from "@smpkit/codec"
import {
  ed25519PublicKey,
  encodePublicKey,
  equalBytes,
  type KeyPair,
  type PublicKey,
  sign,
  verify,
} from "@smpkit/crypto"
import { AgentError } from "../errors.ts"

/** Who besides the root may change an address's user data (connection-links.md, "Ownership"). */
export interface LinkOwner {
  readonly ownerId: Bytes
  readonly ownerKey: PublicKey<"ed25519">
  /** 64 bytes: by the root key or by that of an earlier owner, over id and key. */
  readonly authorization: Bytes
}

interface OwnerLayout extends LinkOwner {
  readonly more: undefined
}
const layout: Codec<OwnerLayout> = struct<OwnerLayout>({
  ownerId: shortBytes,
  ownerKey: ed25519PublicKey,
  authorization: mapped(
    shortBytes,
    (v, fail) => (v.length === 64 ? v : fail("a signature has 64 bytes")),
    (v) => v,
  ),
  more: ignored,
})

/** `str8( str8(ownerId), str8(SPKI), str8(signature) )`; what follows inside is not looked at. */
export const linkOwner: Codec<LinkOwner> = mapped<Bytes, LinkOwner>(
  shortBytes,
  (bytes) => {
    const { ownerId, ownerKey, authorization } = decode(layout, bytes)
    return { ownerId, ownerKey, authorization }
  },
  (owner) => encode(layout, { ...owner, more: undefined }),
)

/** An owner whom the holder of `by` authorises. */
export function authorizeOwner(
  by: KeyPair<"ed25519">,
  ownerId: Bytes,
  ownerKey: PublicKey<"ed25519">,
): LinkOwner {
  return { ownerId, ownerKey, authorization: sign(by, signedBytes(ownerId, ownerKey)) }
}

function signedBytes(ownerId: Bytes, ownerKey: PublicKey<"ed25519">): Bytes {
  return concatBytes(ownerId, encodePublicKey(ownerKey))
}

/** Goes through the list in order: each owner is new, is not the root, and was authorised by the root or by an earlier one. Throws `AgentError A_LINK`. */
export function checkOwners(root: PublicKey<"ed25519">, owners: readonly LinkOwner[]): void {
  owners.forEach(({ ownerId, ownerKey, authorization }, i) => {
    const earlier = owners.slice(0, i)
    const id = toBase64Url(ownerId, { padded: false })
    if (sameKey(ownerKey, root)) throw linkError(`owner key for ID ${id} matches root key`)
    if (earlier.some((o) => equalBytes(o.ownerId, ownerId) || sameKey(o.ownerKey, ownerKey)))
      throw linkError(`duplicate owner key or ID ${id}`)
    const signed = signedBytes(ownerId, ownerKey)
    if (![root, ...earlier.map((o) => o.ownerKey)].some((key) => verify(key, signed, authorization)))
      throw linkError(`invalid authorization of owner ID ${id}`)
  })
}

export function sameKey(a: PublicKey, b: PublicKey): boolean {
  return a.alg === b.alg && equalBytes(a.raw, b.raw)
}

/** What the data of a short link is refused with: `reason` is agent-protocol's text of A_LINK. */
export function linkError(reason: string): AgentError<"A_LINK"> {
  return new AgentError(
    "A_LINK",
    `The server gave other data than this link stands for (${reason}). Ask for the link again by a way that you trust.`,
  )
}
