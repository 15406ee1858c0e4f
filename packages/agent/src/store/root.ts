import {
  bool,
  type Bytes,
  type Codec,
  concatBytes,
  decode,
  encode,
  fixed,
  safeInt64,
  struct,
  u16,
  utf8,
} from "@smpkit/codec"
import type { Random } from "@smpkit/crypto"
import { type KeyRing, storeFormat } from "./key-ring.ts"
import { open, seal } from "./record.ts"

/** What binds all records of a store together (security.md, Q13). It is sealed anew by each commit. */
export interface Root {
  /** Commits so far. */
  readonly counter: number
  /** The highest generation given to a record so far. */
  readonly generation: number
  /** How often the data key has sealed with a random nonce. */
  readonly seals: number
  /** How many records there are. */
  readonly records: number
  /**
   * The exclusive or of the records' MACs: independent of their order, and cheap to carry on. It is secret, and the MACs are
   * under a key that is; so nobody outside can find another set of records with the same one.
   */
  readonly digest: Bytes
  /** Whether the store came back from a copy, so that its ratchets must not send as they stand (security.md, Q2). */
  readonly restored: boolean
}

export const emptyRoot: Root = {
  counter: 0,
  generation: 0,
  seals: 0,
  records: 0,
  digest: new Uint8Array(32),
  restored: false,
}

const root: Codec<Root> = struct<Root>({
  counter: safeInt64,
  generation: safeInt64,
  seals: safeInt64,
  records: safeInt64,
  digest: fixed(32),
  restored: bool,
})

export function sealRoot(ring: KeyRing, value: Root, random: Random): Bytes {
  return seal(ring, context(ring), encode(root, value), random)
}

/** Throws `CryptoError` or `WireError`. */
export function openRoot(ring: KeyRing, sealed: Bytes): Root {
  return decode(root, open(ring, context(ring), sealed))
}

function context(ring: KeyRing): Bytes {
  return concatBytes(utf8("smpkit store root"), ring.storeId, encode(u16, storeFormat))
}

/** The digest with a record's MAC added, or, as it is its own inverse, taken away. */
export function toggled(digest: Bytes, mac: Bytes): Bytes {
  return digest.map((byte, i) => byte ^ (mac[i] ?? 0))
}
