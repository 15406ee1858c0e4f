import { type Bytes, concatBytes, toBase64Url, utf8 } from "@smpkit/codec"
import { equalBytes, sha256 } from "@smpkit/crypto"
import type { Connection } from "../connection.ts"
import type { Context } from "../context.ts"
import type { Conversation } from "../conversation.ts"
import { serverText } from "../failures.ts"
import type { ConnectionLink } from "../links.ts"
import { getRecord } from "../records.ts"
import type { Registry } from "../registry.ts"
import type { ShortLink } from "../short-links/short-link.ts"
import { contactTables } from "./contact-tables.ts"

// What a connection was begun with, so that a call that is repeated after a crash finds it again.

/** Names an address by its queue. */
export function addressOrigin({ queues: [{ server, senderId }] }: ConnectionLink): Bytes {
  return sha256(utf8(`address ${serverText(server)} ${toBase64Url(senderId)}`))
}

/** Names a short link by its key, which is like no other's. */
export function shortLinkOrigin({ linkKey }: ShortLink): Bytes {
  return sha256(concatBytes(utf8("short link "), linkKey))
}

/** Names what comes of the requests at an own address. */
export function requestOrigin(addressId: string): Bytes {
  return sha256(utf8(`request at ${addressId}`))
}

export function originOf({ store }: Context, connectionId: string): Bytes | undefined {
  return getRecord(store, contactTables.origin, connectionId)
}

/** The connections that were begun with the same. */
export function begunWith(context: Context, registry: Registry, origin: Bytes): readonly Conversation[] {
  return registry.all().filter(({ id }) => {
    const other = originOf(context, id)
    return other !== undefined && equalBytes(other, origin)
  })
}

/** Whether a request is not answered yet, as far as its sender knows. */
export function isAsking({ state }: Connection): boolean {
  return state === "resolving" || state === "requesting" || state === "invited"
}
