import {
  type Bytes,
  type Codec,
  concatBytes,
  decode,
  encode,
  longBytes,
  mapped,
  decodeUtf8,
  Reader,
  safeInt64,
  struct,
  text,
  u16,
  utf8,
  Writer,
} from "@smpkit/codec"
import { aesGcmOpen, aesGcmSeal, aesTagSize, equalBytes, hmacSha256, type Random } from "@smpkit/crypto"
import { type KeyRing, storeFormat } from "./key-ring.ts"
import { padToClass, unpadClass } from "./size-class.ts"

/** Which record, and which version of it. Generations never repeat in a store. */
export interface Label {
  readonly table: string
  readonly key: string
  readonly generation: number
}

const longText: Codec<string> = mapped(longBytes, (v, fail) => decodeUtf8(v) ?? fail("not UTF-8"), utf8)
const label: Codec<Label> = struct<Label>({ table: text, key: longText, generation: safeInt64 })

export interface SealedRecord {
  /** The name under which it is stored: an HMAC, so that names leak nothing (security.md, Q14). */
  readonly name: Bytes
  readonly sealed: Bytes
  /** Its part of the store's digest: a MAC over name, generation and tag. */
  readonly mac: Bytes
}

export function recordName(ring: KeyRing, table: string, key: string): Bytes {
  return ring.use(({ index }) => hmacSha256(index, encode(label, { table, key, generation: 0 })))
}

/**
 * Seals a record as two parts, each under a nonce of its own: its label, bound to the store and the stored name, without which the key of a
 * record could not be known when a store is read; and its value, bound to the store and the whole label (security.md, Q13).
 */
export function sealRecord(ring: KeyRing, of: Label, value: Uint8Array, random: Random): SealedRecord {
  const name = recordName(ring, of.table, of.key)
  const labelPart = seal(ring, labelContext(ring, name), encode(label, of), random)
  const valuePart = seal(ring, valueContext(ring, of), value, random)
  const w = new Writer(2 + labelPart.length + valuePart.length)
  longBytes.write(w, labelPart)
  w.bytes(valuePart)
  return { name, sealed: w.finish(), mac: recordMac(ring, name, of.generation, valuePart) }
}

export interface OpenedRecord extends Label {
  readonly value: Bytes
  readonly mac: Bytes
}

/** Throws `CryptoError` or `WireError` for what this store did not write under this name. */
export function openRecord(ring: KeyRing, name: Bytes, sealed: Bytes): OpenedRecord {
  const r = new Reader(sealed)
  const labelPart = longBytes.read(r)
  const valuePart = r.take(r.left)
  const of = decode(label, open(ring, labelContext(ring, name), labelPart))
  if (!equalBytes(recordName(ring, of.table, of.key), name)) r.fail("a label under another name")
  const value = open(ring, valueContext(ring, of), valuePart)
  return { ...of, value, mac: recordMac(ring, name, of.generation, valuePart) }
}

function labelContext(ring: KeyRing, name: Bytes): Bytes {
  return concatBytes(utf8("smpkit store label"), ring.storeId, encode(u16, storeFormat), name)
}

function valueContext(ring: KeyRing, of: Label): Bytes {
  return concatBytes(utf8("smpkit store value"), ring.storeId, encode(u16, storeFormat), encode(label, of))
}

function recordMac(ring: KeyRing, name: Bytes, generation: number, valuePart: Bytes): Bytes {
  const tag = valuePart.subarray(-aesTagSize)
  return ring.use(({ digest }) => hmacSha256(digest, name, encode(safeInt64, generation), tag))
}

/** Nonce (12 random bytes), then ciphertext and tag of the padded content. */
export function seal(ring: KeyRing, context: Bytes, content: Uint8Array, random: Random): Bytes {
  const nonce = random.bytes(12)
  return concatBytes(
    nonce,
    ring.use(({ sealing }) => aesGcmSeal(sealing, nonce, context, padToClass(content))),
  )
}

/** Throws `CryptoError DECRYPT` or `WireError`. */
export function open(ring: KeyRing, context: Bytes, sealed: Bytes): Bytes {
  const r = new Reader(sealed)
  const nonce = r.take(12)
  return unpadClass(ring.use(({ sealing }) => aesGcmOpen(sealing, nonce, context, r.take(r.left))))
}
