import {
  type Bytes,
  type Codec,
  decodeUtf8,
  encode,
  longBytes,
  mapped,
  rest,
  struct,
  text,
  u32,
  utf8,
  Writer,
} from "@smpkit/codec"
import { aesGcmSeal, aesTagSize, sha256 } from "@smpkit/crypto"
import type { KeyRing } from "./key-ring.ts"

// A store as a file (docs/decisions/009-moving-a-store.md):
// `magic ++ version (u16) ++ header (u16 length, as in a store) ++ chunks`. A chunk is 64 KiB of the content under AES-256-GCM with a key that only this file has,
// its number and whether it is the last as nonce, and the hash of all that stands before the chunks as associated data: nothing can be changed, left
// out, moved or added. The content is units, `tag ++ u32 length ++ body`, then zeros to the end of the last chunk.

export const magic: Bytes = utf8("smpkit agent store\n")
/** The only one there is; a later one gets the next number. */
export const exportVersion = 1
const chunkSize = 65_536
export const sealedChunkSize: number = chunkSize + aesTagSize

export interface ExportedRecord {
  readonly table: string
  readonly key: string
  readonly value: Bytes
}

/** A small file beside a store. */
export interface ExportedFile {
  readonly name: string
  readonly content: Bytes
}

/** What an export holds, piece by piece. */
export type ExportUnit =
  ({ readonly type: "record" } & ExportedRecord) | ({ readonly type: "file" } & ExportedFile)

const longText: Codec<string> = mapped(longBytes, (v, fail) => decodeUtf8(v) ?? fail("not UTF-8"), utf8)
export const record: Codec<ExportedRecord> = struct<ExportedRecord>({
  table: text,
  key: longText,
  value: rest,
})
export const file: Codec<ExportedFile> = struct<ExportedFile>({ name: text, content: rest })
export const tags = { record: 0x52, file: 0x46, end: 0x45 } as const

/** The file in pieces. `ring` must seal nothing else: its nonces are counted. */
export function* sealExport(
  ring: KeyRing,
  content: { readonly records: Iterable<ExportedRecord>; readonly files: readonly ExportedFile[] },
): Generator<Bytes, void, undefined> {
  const w = new Writer()
  w.bytes(magic)
  w.u16(exportVersion)
  longBytes.write(w, ring.stored)
  const head = w.finish()
  yield head
  const bound = sha256(head)
  const chunk = new Uint8Array(chunkSize)
  let filled = 0
  let number = 0
  const seal = (last: boolean): Bytes => {
    const sealed = ring.use(({ sealing }) => aesGcmSeal(sealing, chunkNonce(number, last), bound, chunk))
    number++
    chunk.fill(0)
    filled = 0
    return sealed
  }
  for (const unit of units(content)) {
    for (let at = 0; at < unit.length;) {
      // Only when more follows: the last chunk is sealed as such.
      if (filled === chunkSize) yield seal(false)
      const part = unit.subarray(at, at + chunkSize - filled)
      chunk.set(part, filled)
      filled += part.length
      at += part.length
    }
    unit.fill(0)
  }
  yield seal(true)
}

function* units({
  records,
  files,
}: {
  readonly records: Iterable<ExportedRecord>
  readonly files: readonly ExportedFile[]
}): Iterable<Bytes> {
  let count = 0
  for (const one of files) {
    count++
    yield framed(tags.file, encode(file, one))
  }
  for (const one of records) {
    count++
    yield framed(tags.record, encode(record, one))
  }
  yield framed(tags.end, encode(u32, count))
}

function framed(tag: number, body: Bytes): Bytes {
  const w = new Writer(5 + body.length)
  w.u8(tag)
  w.u32(body.length)
  w.bytes(body)
  body.fill(0)
  return w.take()
}

/** Its number, and whether it is the last. */
export function chunkNonce(number: number, last: boolean): Bytes {
  const w = new Writer(12)
  w.u8(last ? 1 : 0)
  w.bytes(new Uint8Array(3))
  w.i64(BigInt(number))
  return w.finish()
}
