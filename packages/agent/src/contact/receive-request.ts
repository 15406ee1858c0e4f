import { agreedVersion, type Bytes, decodeUtf8, toBase64Url } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import { e2eVersions } from "@smpkit/ratchet"
import { clientVersions } from "@smpkit/smp"
import type { Connection } from "../connection.ts"
import type { Context } from "../context.ts"
import { AgentError } from "../errors.ts"
import { serverText } from "../failures.ts"
import { keysHash } from "../handshake.ts"
import { type ConnectionLink, parseLink } from "../links.ts"
import { openQueueMessage } from "../open.ts"
import { takesPart } from "../post-quantum/setting.ts"
import type { Outcome } from "../receive.ts"
import type { Notice } from "../notice.ts"
import { getRecord, listRecords, numberKey, putRecord, deleteRecord } from "../records.ts"
import { agentVersions } from "../version.ts"
import { contactTables } from "./contact-tables.ts"

/** More requests than this do not wait for the application: the oldest go (security.md Q8). */
const maxPending = 100
/** So many of the last requests are told from new ones when they come again. */
const maxKnown = 512

/**
 * A message on an address's queue (agent-protocol.md, "Contact address", step 3). It is parsed and stored; nothing in it is contacted before it is accepted.
 * Throws `AgentError` A_MESSAGE, A_VERSION, A_CRYPTO, A_PROHIBITED for what is no request.
 */
export function receiveRequest(
  { store, random, clock }: Context,
  c: Connection & { readonly state: "address" },
  body: Bytes,
): Outcome {
  const { header, envelope, newPeer } = openQueueMessage(c.receive, body)
  if (newPeer === undefined || header.type !== "_" || envelope.type !== "AgentInvitation")
    throw new AgentError("A_PROHIBITED", "Something other than a request came to an address.")
  const { link, info } = envelope
  const invitation = readInvitation(link, envelope.version)
  const hash = keysHash(invitation.parameters).slice(0, 16)
  const known = getRecord(store, contactTables.knownRequests, c.id) ?? []
  if (known.some((other) => equalBytes(other, hash))) return { changes: {}, head: "done" }
  const requestId = toBase64Url(random.bytes(12), { padded: false })
  const pending = [...store.list(contactTables.contactRequest.name, c.id)].map(({ key }) => key)
  const last = pending.at(-1)
  const number = last === undefined ? 1 : Number(last.slice(c.id.length + 1)) + 1
  const notice: Notice = {
    type: "contactRequest",
    connectionId: c.id,
    requestId,
    info,
    postQuantum: knowsPostQuantum(invitation, envelope.version),
    servers: invitation.queues.map(({ server }) => serverText(server)),
  }
  return {
    changes: {
      notices: [notice],
      also: (tx) => {
        putRecord(tx, contactTables.contactRequest, numberKey(c.id, number), {
          id: requestId,
          link,
          received: clock.now(),
        })
        for (const key of pending.slice(0, Math.max(0, pending.length + 1 - maxPending)))
          deleteRecord(tx, contactTables.contactRequest, key)
        putRecord(tx, contactTables.knownRequests, c.id, [...known, hash].slice(-maxKnown))
      },
    },
    head: "done",
  }
}

type Invitation = ConnectionLink & { readonly type: "invitation" }

function readInvitation(bytes: Bytes, version: number): Invitation {
  const link = parseInvitation(bytes)
  if (link.type !== "invitation")
    throw new AgentError("A_PROHIBITED", "A request that carries an address instead of an invitation.")
  const agreed =
    agreedVersion(agentVersions, { min: version, max: version }) !== undefined &&
    agreedVersion(agentVersions, link.versions) !== undefined &&
    agreedVersion(e2eVersions, link.parameters.versions) !== undefined &&
    agreedVersion(clientVersions, link.queues[0].versions) !== undefined
  if (!agreed)
    throw new AgentError("A_VERSION", "A request of somebody whose versions this release does not speak.")
  return link
}

function knowsPostQuantum({ parameters, versions }: Invitation, version: number): boolean {
  const agentVersion = Math.max(version, versions.max)
  return takesPart("on", agentVersion, parameters.versions.max)
}

function parseInvitation(bytes: Bytes): ConnectionLink {
  try {
    return parseLink(decodeUtf8(bytes) ?? "")
  } catch (error) {
    if (!AgentError.is(error, "LINK")) throw error
    throw new AgentError("A_MESSAGE", "A request to an address whose invitation cannot be read.", {
      cause: error,
    })
  }
}

/** The request that an application names. */
export function findRequest(
  { store }: Context,
  addressId: string,
  requestId: string,
): { readonly key: string; readonly link: Bytes } | undefined {
  for (const { key, value } of listRecords(store, contactTables.contactRequest, addressId)) {
    if (value.id === requestId) return { key, link: value.link }
  }
  return undefined
}
