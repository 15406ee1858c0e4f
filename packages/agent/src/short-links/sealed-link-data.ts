import { type Bytes, concatBytes, decode, encode, WireError } from "@smpkit/codec"
import {
  type BoxKey,
  boxKey,
  boxNonceSize,
  CryptoError,
  equalBytes,
  hkdfSha512,
  type KeyPair,
  openPaddedBox,
  type PublicKey,
  type Random,
  sealPaddedBox,
  sha3_256,
  sha3_384,
  sign,
  verify,
} from "@smpkit/crypto"
import type { LinkData } from "@smpkit/smp"
import { AgentError } from "../errors.ts"
import {
  type FixedLinkData,
  fixedLinkData,
  signedLinkData,
  type UserLinkData,
  userLinkData,
} from "./link-data.ts"
import { checkOwners, linkError, sameKey } from "./owners.ts"
import type { ShortLink } from "./short-link.ts"

const paddedLengths = { fixed: 2008, user: 13_784 } as const
const none = new Uint8Array(0)

/** What a link's key opens, and where the data of an address lies (connection-links.md, "Keys and encryption"). */
export interface LinkKeys {
  readonly key: BoxKey
  /** 24 bytes; the server chooses that of an invitation. */
  readonly linkId: Bytes | undefined
}

export function linkKeys(type: ShortLink["type"], linkKey: Bytes): LinkKeys {
  if (type === "invitation")
    return { key: boxKey(hkdfSha512(linkKey, none, "SimpleXInvLink", 32)), linkId: undefined }
  const okm = hkdfSha512(linkKey, none, "SimpleXContactLink", 56)
  return { linkId: okm.slice(0, 24), key: boxKey(okm.slice(24)) }
}

/** The sender id that a NEW with link data must name: the first 24 bytes of SHA3-384 over its correlation id. */
export function senderIdOf(correlationId: Bytes): Bytes {
  return sha3_384(correlationId).slice(0, 24)
}

export interface NewLinkData {
  /** SHA3-256 of the fixed data: the secret of the link. */
  readonly linkKey: Bytes
  readonly linkId: Bytes | undefined
  readonly sealed: LinkData
}

/** Signs and seals both parts of new link data with the root key. Throws `AgentError LARGE` when a part does not fit. */
export function sealLinkData(
  root: KeyPair<"ed25519">,
  fixed: Omit<FixedLinkData, "rootKey">,
  user: UserLinkData,
  random: Random,
): NewLinkData {
  const signed = encode(fixedLinkData, { ...fixed, rootKey: root.publicKey })
  const linkKey = sha3_256(signed)
  const { key, linkId } = linkKeys(user.type, linkKey)
  return {
    linkKey,
    linkId,
    sealed: {
      fixed: seal(key, root, signed, "fixed", random),
      user: sealUserLinkData(key, root, user, random),
    },
  }
}

/** A new user part, signed by the root key or an owner's. Throws `AgentError LARGE` when it does not fit. */
export function sealUserLinkData(
  key: BoxKey,
  signer: KeyPair<"ed25519">,
  user: UserLinkData,
  random: Random,
): Bytes {
  return seal(key, signer, encode(userLinkData, user), "user", random)
}

function seal(
  key: BoxKey,
  signer: KeyPair<"ed25519">,
  signed: Bytes,
  part: keyof typeof paddedLengths,
  random: Random,
): Bytes {
  const plaintext = encode(signedLinkData, { signature: sign(signer, signed), signed })
  const room = paddedLengths[part] - 2
  if (plaintext.length > room)
    throw new AgentError(
      "LARGE",
      `The data of a short link may take ${room} bytes, this takes ${plaintext.length}.`,
    )
  const nonce = random.bytes(boxNonceSize)
  return concatBytes(nonce, sealPaddedBox(key, nonce, plaintext, paddedLengths[part]))
}

export interface OpenedLinkData {
  readonly fixed: FixedLinkData
  readonly user: UserLinkData
}

/**
 * Opens what a server answered for a link, and checks it (connection-links.md, "Resolving"): hash, both signatures, owners, sender id and server.
 * Throws `AgentError`: A_MESSAGE for what cannot be read, A_LINK for what is not the data of this link.
 */
export function openLinkData(link: ShortLink, senderId: Bytes, sealed: LinkData): OpenedLinkData {
  const { key } = linkKeys(link.type, link.linkKey)
  const fixedPart = reading(() => decode(signedLinkData, open(key, sealed.fixed)))
  const userPart = reading(() => decode(signedLinkData, open(key, sealed.user)))
  const fixed = reading(() => decode(fixedLinkData, fixedPart.signed))
  const user = reading(() => decode(userLinkData, userPart.signed))
  if (!equalBytes(sha3_256(fixedPart.signed), link.linkKey)) throw linkError("link data hash")
  if (!verify(fixed.rootKey, fixedPart.signed, fixedPart.signature)) throw linkError("link data signature")
  if (user.type !== link.type || fixed.request.type !== link.type) throw linkError("different type")
  const signers = user.type === "contact" ? ownersOf(fixed.rootKey, user) : [fixed.rootKey]
  if (!signers.some((signer) => verify(signer, userPart.signed, userPart.signature)))
    throw linkError("user data signature")
  const [queue] = fixed.request.queues
  if (!equalBytes(queue.senderId, senderId) || !queue.server.hosts.includes(link.server.hosts[0]))
    throw linkError("different address")
  return { fixed, user }
}

function ownersOf(
  root: PublicKey<"ed25519">,
  user: Extract<UserLinkData, { readonly type: "contact" }>,
): readonly PublicKey<"ed25519">[] {
  checkOwners(root, user.owners)
  return [root, ...user.owners.map(({ ownerKey }) => ownerKey)]
}

/** Before user data is written: its signer is the root or one of the owners that it lists. Throws `AgentError A_LINK`. */
export function checkSigner(
  root: PublicKey<"ed25519">,
  signer: PublicKey<"ed25519">,
  user: UserLinkData,
): void {
  const signers = user.type === "contact" ? ownersOf(root, user) : [root]
  if (!signers.some((key) => sameKey(key, signer))) throw linkError("no current owner in link data")
}

function open(key: BoxKey, blob: Bytes): Bytes {
  return openPaddedBox(key, blob.subarray(0, boxNonceSize), blob.subarray(boxNonceSize))
}

function reading<T>(f: () => T): T {
  try {
    return f()
  } catch (error) {
    if (error instanceof WireError || error instanceof CryptoError)
      throw new AgentError(
        "A_MESSAGE",
        "The server's data for this link cannot be read: the link is incomplete, or the server changed the data. Ask for the link again.",
        { cause: error },
      )
    throw error
  }
}
