import { type Bytes, decodeUtf8 } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import type { Connection } from "../connection.ts"
import type { Context } from "../context.ts"
import { AgentError } from "../errors.ts"
import { newConnection } from "../invite.ts"
import { alreadyKnown, findJoined, joiningState } from "../join.ts"
import { parseLink } from "../links.ts"
import { deleteRecord, putRecord } from "../records.ts"
import type { Registry } from "../registry.ts"
import { contactTables } from "./contact-tables.ts"
import { originOf, requestOrigin } from "./origin.ts"
import { findRequest } from "./receive-request.ts"

/**
 * Joins the invitation of a request (agent-protocol.md, "Contact address", step 4). The new connection has the request's id, so that a call that is repeated
 * after a crash finds it. It is stored when this resolves and goes on by itself. Throws `AgentError` NOT_FOUND, PROHIBITED, LINK_ALREADY_USED, A_VERSION, POST_QUANTUM, LARGE.
 */
export async function acceptRequest(
  context: Context,
  registry: Registry,
  addressId: string,
  { requestId, info }: AcceptOptions,
): Promise<string> {
  const address = addressOfId(registry, addressId)
  const origin = requestOrigin(address.id)
  const accepted = originOf(context, requestId)
  if (accepted !== undefined && equalBytes(accepted, origin)) return requestId
  const { key, link: text } = requestOf(context, address.id, requestId)
  const link = parseLink(decodeUtf8(text) ?? "")
  if (link.type !== "invitation") throw new TypeError("a stored request without an invitation")
  const known = findJoined(registry, link)
  if (known !== undefined) throw alreadyKnown(known.id)
  const start = newConnection(context, requestId, "joiner", address.postQuantum)
  const conversation = await registry.create(joiningState(context, start, link, info), (tx) => {
    putRecord(tx, contactTables.origin, requestId, origin)
    deleteRecord(tx, contactTables.contactRequest, key)
  })
  registry.joins.resume(conversation)
  return requestId
}

interface AcceptOptions {
  readonly requestId: string
  readonly info: Bytes
}

/** Forgets a request; nobody hears of it. Throws `AgentError` NOT_FOUND, PROHIBITED. */
export async function rejectRequest(
  context: Context,
  registry: Registry,
  addressId: string,
  requestId: string,
): Promise<void> {
  const address = addressOfId(registry, addressId)
  const { key } = requestOf(context, address.id, requestId)
  await context.update((tx) => {
    deleteRecord(tx, contactTables.contactRequest, key)
  })
}

function addressOfId(registry: Registry, id: string): Connection {
  const { connection } = registry.get(id)
  if (connection.state === "address") return connection
  throw new AgentError("PROHIBITED", "This connection is no address: requests come to addresses.", {
    connectionId: id,
  })
}

function requestOf(
  context: Context,
  addressId: string,
  requestId: string,
): { readonly key: string; readonly link: Bytes } {
  const found = findRequest(context, addressId, requestId)
  if (found !== undefined) return found
  throw new AgentError(
    "NOT_FOUND",
    "There is no such request: it was answered, or had to make room for newer ones.",
    { connectionId: addressId },
  )
}
