import { type Bytes, concatBytes, decode, Reader, u32, WireError } from "@smpkit/codec"
import { aesGcmOpen, CryptoError, sha256 } from "@smpkit/crypto"
import { StoreError } from "./errors.ts"
import {
  chunkNonce,
  exportVersion,
  type ExportUnit,
  file,
  magic,
  record,
  sealedChunkSize,
  tags,
} from "./export-format.ts"
import { type DeriveKey, KeyRing } from "./key-ring.ts"

/** A header has about 150 bytes. */
const largestHeader = 1024
/** No record is as long. */
const largestUnit = 256 * 1024 * 1024

export interface OpenExportOptions {
  readonly passphrase: Bytes
  readonly deriveKey: DeriveKey
}

/**
 * What is in the file; nothing of it counts before the end was reached, as only that tells that it is whole.
 * Throws `StoreError` `EXPORT_DAMAGED`, `STORE_FORMAT`, `WRONG_PASSPHRASE`.
 */
export async function* openExport(
  source: AsyncIterable<Uint8Array>,
  { passphrase, deriveKey }: OpenExportOptions,
): AsyncGenerator<ExportUnit, void, undefined> {
  const input = new Input(source)
  const { head, header } = await readHead(input)
  using ring = await openRing(header, passphrase, deriveKey)
  const bound = sha256(head)
  const parser = new UnitParser()
  for (let number = 0; ; number++) {
    const sealed = await input.take(sealedChunkSize)
    if (sealed === undefined) throw damaged()
    const last = await input.atEnd()
    yield* parser.parse(openChunk(ring, sealed, chunkNonce(number, last), bound))
    if (!last) continue
    parser.finish()
    return
  }
}

async function readHead(input: Input): Promise<{ readonly head: Bytes; readonly header: Bytes }> {
  const start = await input.take(magic.length + 4)
  if (start === undefined || !magic.every((byte, i) => start[i] === byte)) {
    throw new StoreError("EXPORT_DAMAGED", "this is no exported agent: give the file that the export made")
  }
  const r = new Reader(start.subarray(magic.length))
  const version = r.u16()
  if (version !== exportVersion) {
    throw new StoreError(
      "STORE_FORMAT",
      `the exported agent has format ${version}, this release reads ${exportVersion}: use a later one`,
    )
  }
  const length = r.u16()
  const header = length > largestHeader ? undefined : await input.take(length)
  if (header === undefined) throw damaged()
  return { head: concatBytes(start, header), header }
}

async function openRing(header: Bytes, passphrase: Bytes, deriveKey: DeriveKey): Promise<KeyRing> {
  try {
    return await KeyRing.open(header, passphrase, deriveKey)
  } catch (error) {
    if (StoreError.is(error, "STORE_TAMPERED")) throw damaged(error)
    if (!StoreError.is(error, "WRONG_PASSPHRASE")) throw error
    throw new StoreError("WRONG_PASSPHRASE", "the passphrase does not open this exported agent", {
      cause: error,
    })
  }
}

function openChunk(ring: KeyRing, sealed: Bytes, iv: Bytes, bound: Bytes): Bytes {
  try {
    return ring.use(({ sealing }) => aesGcmOpen(sealing, iv, bound, sealed))
  } catch (error) {
    if (CryptoError.is(error, "DECRYPT")) throw damaged(error)
    throw error
  }
}

/** Cuts the content into units, whatever chunks it comes in. */
class UnitParser {
  #rest: Bytes = new Uint8Array(0)
  #count = 0
  #ended = false

  finish(): void {
    if (!this.#ended) throw damaged()
  }

  *parse(chunk: Bytes): Iterable<ExportUnit> {
    const content = this.#rest.length === 0 ? chunk : concatBytes(this.#rest, chunk)
    let at = 0
    while (!this.#ended && content.length - at >= 5) {
      const r = new Reader(content.subarray(at))
      const tag = r.u8()
      const length = r.u32()
      if (length > largestUnit) throw damaged()
      if (length > r.left) break
      const unit = this.#unit(tag, r.take(length))
      at += 5 + length
      if (unit !== undefined) yield unit
    }
    if (this.#ended && content.subarray(at).some((byte) => byte !== 0)) throw damaged()
    this.#rest = this.#ended ? new Uint8Array(0) : content.slice(at)
  }

  #unit(tag: number, body: Bytes): ExportUnit | undefined {
    try {
      switch (tag) {
        case tags.record:
          this.#count++
          return { type: "record", ...decode(record, body) }
        case tags.file:
          this.#count++
          return { type: "file", ...decode(file, body) }
        case tags.end:
          if (decode(u32, body) !== this.#count) throw damaged()
          this.#ended = true
          return undefined
        default:
          throw damaged()
      }
    } catch (error) {
      throw error instanceof WireError ? damaged(error) : error
    }
  }
}

/** Bytes in pieces of whatever length, taken in pieces that are wanted. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>
  #pieces: Uint8Array[] = []
  #length = 0
  #ended = false

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  async #fill(length: number): Promise<boolean> {
    while (this.#length < length && !this.#ended) {
      const next = await this.#source.next()
      if (next.done === true) {
        this.#ended = true
      } else {
        this.#pieces.push(next.value)
        this.#length += next.value.length
      }
    }
    return this.#length >= length
  }

  /** `undefined` when less is there. */
  async take(length: number): Promise<Bytes | undefined> {
    if (!(await this.#fill(length))) return undefined
    const all = concatBytes(...this.#pieces)
    this.#pieces = [all.subarray(length)]
    this.#length -= length
    return all.slice(0, length)
  }

  async atEnd(): Promise<boolean> {
    return !(await this.#fill(1))
  }
}

function damaged(cause?: unknown): StoreError<"EXPORT_DAMAGED"> {
  const message = "the exported agent is damaged or cut off: use another copy of it"
  return new StoreError("EXPORT_DAMAGED", message, { cause })
}
