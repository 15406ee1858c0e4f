import type { Bytes } from "@smpkit/codec"
import { AesGcmKey, CryptoError } from "@smpkit/crypto"
import { blockSize } from "@smpkit/smp"

// channel.md, "Records".

export const recordSize: number = blockSize + 1 + 16
/** The last number of a direction, which only a close may have. */
export const lastNumber: number = 2 ** 32 - 1

const recordTypes = { data: 1, close: 2 } as const
export const closeCodes = { end: 0, record: 1, limit: 2 } as const

const noData = new Uint8Array(0)

/** Lends the key for a record's number. */
export interface RecordKeys extends Disposable {
  keyFor(number: number): Bytes
}

/** The key of an epoch, made ready for all of its records. */
class ReadyKeys implements Disposable {
  readonly #keys: RecordKeys
  #made: { readonly from: Bytes; readonly key: AesGcmKey } | undefined

  constructor(keys: RecordKeys) {
    this.#keys = keys
  }

  for(number: number): AesGcmKey {
    const from = this.#keys.keyFor(number)
    if (this.#made?.from !== from) this.#made = { from, key: new AesGcmKey(from) }
    return this.#made.key
  }

  [Symbol.dispose](): void {
    this.#keys[Symbol.dispose]()
    this.#made = undefined
  }
}

/** The nonce of one direction: 0^8 ++ u32 number. */
class Nonce {
  readonly #bytes = new Uint8Array(12)
  readonly #view = new DataView(this.#bytes.buffer)

  /** Lent until the next call. */
  of(number: number): Bytes {
    this.#view.setUint32(8, number)
    return this.#bytes
  }
}

/** Seals the records of one direction. */
export class RecordSealer implements Disposable {
  readonly #keys: ReadyKeys
  readonly #plaintext = new Uint8Array(blockSize + 1)
  readonly #nonce = new Nonce()
  #number: number

  /** `number` is that of the first record: 0 but in tests. */
  constructor(keys: RecordKeys, number = 0) {
    this.#keys = new ReadyKeys(keys)
    this.#number = number
  }

  /** Whether the next record has the last number. */
  get atLimit(): boolean {
    return this.#number >= lastNumber
  }

  /** A record with a block, in two pieces, since joining them would cost a copy. Throws `RangeError` at the limit. */
  data(block: Bytes): readonly [ciphertext: Bytes, tag: Bytes] {
    if (block.length !== blockSize) throw new RangeError(`a block of ${block.length} bytes`)
    if (this.atLimit) throw new RangeError("the numbers of this direction are used up")
    this.#plaintext.set(block)
    return this.#seal(recordTypes.data)
  }

  /** A record that ends this direction. At the limit its code is LIMIT, whatever was asked for. */
  close(code: number): readonly [ciphertext: Bytes, tag: Bytes] {
    this.#plaintext.fill(0)
    this.#plaintext[0] = this.atLimit ? closeCodes.limit : code
    return this.#seal(recordTypes.close)
  }

  #seal(type: number): readonly [Bytes, Bytes] {
    const number = this.#number++
    if (number > lastNumber) throw new RangeError("a record after the last one")
    this.#plaintext[blockSize] = type
    const { ciphertext, tag } = this.#keys
      .for(number)
      .sealDetached(this.#nonce.of(number), noData, this.#plaintext)
    return [ciphertext, tag]
  }

  [Symbol.dispose](): void {
    this.#keys[Symbol.dispose]()
    this.#plaintext.fill(0)
  }
}

/** What a record held; `bad` is one that ends the connection. */
export type OpenedRecord =
  | { readonly type: "data"; readonly block: Bytes }
  | { readonly type: "close"; readonly code: number }
  | { readonly type: "bad" }

const bad: OpenedRecord = { type: "bad" }

/** Opens the records of one direction in their order. */
export class RecordOpener implements Disposable {
  readonly #keys: ReadyKeys
  readonly #nonce = new Nonce()
  #number: number

  /** `number` is that of the first record: 0 but in tests. */
  constructor(keys: RecordKeys, number = 0) {
    this.#keys = new ReadyKeys(keys)
    this.#number = number
  }

  /** Nothing may be opened after anything but `data`. */
  open(record: Bytes): OpenedRecord {
    const number = this.#number++
    if (number > lastNumber) return bad
    const content = this.#content(number, record)
    if (content === undefined) return bad
    const block = content.subarray(0, blockSize)
    switch (content[blockSize]) {
      case recordTypes.data:
        return number === lastNumber ? bad : { type: "data", block }
      case recordTypes.close:
        return block.subarray(1).every((byte) => byte === 0) ? { type: "close", code: block[0] ?? 0 } : bad
      case undefined:
      default:
        return bad
    }
  }

  #content(number: number, record: Bytes): Bytes | undefined {
    try {
      return this.#keys.for(number).open(this.#nonce.of(number), noData, record)
    } catch (error) {
      if (CryptoError.is(error, "DECRYPT")) return undefined
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#keys[Symbol.dispose]()
  }
}
