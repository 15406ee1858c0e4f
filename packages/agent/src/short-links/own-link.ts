import { type Bytes, type Codec, longBytes, struct } from "@smpkit/codec"
import { equalBytes, generateKeyPair, type KeyPair, type Random } from "@smpkit/crypto"
import type { LinkRequest, QueueMode } from "@smpkit/smp"
import { AgentError } from "../errors.ts"
import { serverText } from "../failures.ts"
import type { ConnectionLink } from "../links.ts"
import { keyPair, type NewQueue, type ReceiveQueue } from "../queues.ts"
import type { Table } from "../records.ts"
import { agentVersions } from "../version.ts"
import type { UserLinkData } from "./link-data.ts"
import { type NewLinkData, sealLinkData, senderIdOf } from "./sealed-link-data.ts"
import { type ShortLink, shortLink } from "./short-link.ts"

/** What the maker of a short link keeps, to replace its user data (connection-links.md, "Creating", step 6). */
export interface OwnLink {
  readonly link: ShortLink
  /** Signs user data. */
  readonly root: KeyPair<"ed25519">
  /** The fixed part as the server has it: LSET repeats these bytes. */
  readonly fixed: Bytes
}

const ownLink: Codec<OwnLink> = struct<OwnLink>({
  link: shortLink,
  root: keyPair("ed25519"),
  fixed: longBytes,
})

/** By connection. */
export const ownLinkTable: Table<OwnLink> = { name: "ownLink", codec: ownLink }

/** Link data for a queue that is about to be made: the sender id follows from the correlation id of NEW, and the link from both. */
export interface MadeLink {
  readonly request: { readonly corrId: Bytes; readonly data: LinkRequest }
  readonly root: KeyPair<"ed25519">
  readonly sealed: NewLinkData
}

const linkIdLength = 24

/**
 * Makes the data of a short link for one NEW; another attempt needs other data. `linkOf` is the long link of the queue.
 * Throws `AgentError LARGE` for user data that does not fit.
 */
export function makeLink(
  { server, dhKey }: NewQueue,
  type: ShortLink["type"],
  linkOf: (queue: Pick<ReceiveQueue, "server" | "senderId" | "dhKey" | "mode">) => ConnectionLink,
  userData: Bytes,
  random: Random,
): MadeLink {
  const corrId = random.bytes(24)
  const senderId = senderIdOf(corrId)
  const mode: QueueMode = type === "contact" ? "contact" : "messaging"
  const root = generateKeyPair("ed25519", random)
  const request = linkOf({ server, senderId, dhKey, mode })
  const sealed = sealLinkData(
    root,
    { versions: agentVersions, request, linkEntityId: undefined },
    newUserData(type, userData),
    random,
  )
  return {
    request: { corrId, data: { linkId: sealed.linkId, senderId, ...sealed.sealed } },
    root,
    sealed,
  }
}

/** User data with nobody but the root as owner. */
export function newUserData(type: ShortLink["type"], userData: Bytes): UserLinkData {
  return type === "invitation"
    ? { type, versions: agentVersions, userData }
    : { type, versions: agentVersions, direct: true, owners: [], relays: [], userData }
}

/**
 * The link, once the server has answered NEW: it repeats the sender id and an address's link id, and chooses an invitation's.
 * Throws `AgentError SMP` for another answer.
 */
export function ownLinkOf(
  { request, root, sealed }: MadeLink,
  queue: ReceiveQueue,
  answeredLinkId: Bytes | undefined,
): OwnLink {
  const { server } = queue
  const wanted = request.data.linkId
  const fits =
    equalBytes(queue.senderId, request.data.senderId) &&
    answeredLinkId?.length === linkIdLength &&
    (wanted === undefined || equalBytes(answeredLinkId, wanted))
  if (!fits) {
    throw new AgentError(
      "SMP",
      "The server made another queue than was asked for, so its short link would lead nowhere: use another server.",
      { server: serverText(server) },
    )
  }
  const { linkKey } = sealed
  const { hosts, port, keyHash } = server
  const place = { server: { hosts, port, keyHash }, linkKey }
  return {
    link:
      wanted === undefined
        ? { type: "invitation", ...place, linkId: answeredLinkId }
        : { type: "contact", ...place, kind: "contact" },
    root,
    fixed: sealed.sealed.fixed,
  }
}
