import type { Bytes } from "./bytes.ts"

// From which length on a copy costs more than the memory that it saves, and how much of that may be lost.
const longUnit = 4_096
const spareRoom = 512

/** Collects the bytes of a unit. A value that does not fit its field is the caller's bug: `RangeError`. */
export class Writer {
  #bytes: Bytes
  #view: DataView
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  #grow(by: number): number {
    const start = this.#length
    const end = start + by
    if (end > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(end, 2 * this.#bytes.length))
      bytes.set(this.#bytes)
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer)
    }
    this.#length = end
    return start
  }

  u8(value: number): void {
    check(value, 0xff)
    const at = this.#grow(1)
    this.#view.setUint8(at, value)
  }

  u16(value: number): void {
    check(value, 0xffff)
    const at = this.#grow(2)
    this.#view.setUint16(at, value)
  }

  u32(value: number): void {
    check(value, 0xffffffff)
    const at = this.#grow(4)
    this.#view.setUint32(at, value)
  }

  i64(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw new RangeError("not a 64-bit signed integer")
    const at = this.#grow(8)
    this.#view.setBigInt64(at, value)
  }

  bytes(value: Uint8Array): void {
    const at = this.#grow(value.length)
    this.#bytes.set(value, at)
  }

  /** A copy of all that was written. */
  finish(): Bytes {
    return this.#bytes.slice(0, this.#length)
  }

  /** All that was written, and leaves nothing. What is long and nearly fills its memory is handed over instead of copied. */
  take(): Bytes {
    const bytes = this.#bytes
    const length = this.#length
    this.#bytes = new Uint8Array(0)
    this.#view = new DataView(this.#bytes.buffer)
    this.#length = 0
    return length >= longUnit && bytes.length - length <= spareRoom
      ? bytes.subarray(0, length)
      : bytes.slice(0, length)
  }
}

function check(value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new RangeError(`${value} is not in 0 to ${max}`)
}
