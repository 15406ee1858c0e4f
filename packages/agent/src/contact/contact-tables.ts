import {
  type Bytes,
  type Codec,
  fixed,
  longBytes,
  mapped,
  optional,
  safeInt64,
  struct,
  text,
} from "@smpkit/codec"
import { type QueueInfo, queueInfo } from "@smpkit/smp"
import type { Table } from "../records.ts"
import type { StoreTx } from "../store/index.ts"

/** A request at an address of ours that the application has not answered. */
export interface ContactRequest {
  readonly id: string
  /** The invitation in it, as text: parsed when the request came, used when it is accepted. */
  readonly link: Bytes
  /** Milliseconds since 1970. */
  readonly received: number
}

/** Our request at somebody's address: every attempt sends the same bytes, and its owner sees one request. */
export interface AddressRequest {
  readonly queue: QueueInfo
  /** The body of SEND until the server has kept it. */
  readonly body: Bytes | undefined
  readonly created: number
}

const hashLength = 16

const hashes: Codec<readonly Bytes[]> = mapped<Bytes, readonly Bytes[]>(
  longBytes,
  (all, fail) => {
    if (all.length % hashLength !== 0) return fail("a part of a hash")
    return Array.from({ length: all.length / hashLength }, (_, i) =>
      all.slice(i * hashLength, (i + 1) * hashLength),
    )
  },
  (list) => {
    const all = new Uint8Array(list.length * hashLength)
    for (const [i, hash] of list.entries()) all.set(hash, i * hashLength)
    return all
  },
)

/** Records of addresses, on either side. Keys are those of connections, with a number behind them for `contactRequest`. */
export const contactTables: {
  readonly contactRequest: Table<ContactRequest>
  /** By address: 16-byte hashes of the last requests, answered or not. */
  readonly knownRequests: Table<readonly Bytes[]>
  readonly addressRequest: Table<AddressRequest>
  /** What a connection was begun with, where its state does not tell it: a hash of an address, of a short link, or of the address that was asked. */
  readonly origin: Table<Bytes>
} = {
  contactRequest: {
    name: "contactRequest",
    codec: struct<ContactRequest>({ id: text, link: longBytes, received: safeInt64 }),
  },
  knownRequests: { name: "knownRequests", codec: hashes },
  addressRequest: {
    name: "addressRequest",
    codec: struct<AddressRequest>({
      queue: queueInfo,
      body: optional(longBytes),
      created: safeInt64,
    }),
  },
  origin: { name: "origin", codec: fixed(32) },
}

/** Removes what a connection has in these tables. */
export function eraseContact(tx: StoreTx, connectionId: string): void {
  const { contactRequest, knownRequests, addressRequest, origin } = contactTables
  for (const { name } of [knownRequests, addressRequest, origin]) tx.delete(name, connectionId)
  for (const { key } of tx.list(contactRequest.name, connectionId)) tx.delete(contactRequest.name, key)
}
