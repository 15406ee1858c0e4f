import type { Bytes } from "./bytes.ts"
import { WireError } from "./wire-error.ts"

/** Reads a unit of bytes from front to back. Every method throws `WireError` when the unit is too short. */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  /** How many bytes were read. */
  get offset(): number {
    return this.#at
  }

  fail(message: string): never {
    throw new WireError(message, this.#at)
  }

  #advance(length: number): number {
    if (length > this.left) this.fail(`${length} bytes expected, ${this.left} left`)
    const start = this.#at
    this.#at += length
    return start
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4))
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#advance(8))
  }

  /** The next byte without reading it; `undefined` at the end. */
  peek(): number | undefined {
    return this.#bytes[this.#at]
  }

  /** Copies the next `length` bytes, so that nothing read aliases the unit. */
  take(length: number): Bytes {
    const start = this.#advance(length)
    return new Uint8Array(this.#bytes.subarray(start, start + length))
  }

  skip(length: number): void {
    this.#advance(length)
  }

  /** Runs `read`; when it throws `WireError`, nothing counts as read and the answer is `undefined`. */
  attempt<T>(read: (r: Reader) => T): T | undefined {
    const start = this.#at
    try {
      return read(this)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.#at = start
      return undefined
    }
  }
}
