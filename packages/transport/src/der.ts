import type { Bytes } from "@smpkit/codec"

/** DER that is not what the format demands; only the certificate parser sees it. */
export class DerError extends Error {
  override readonly name = "DerError"
}

/** One DER element: its tag, its content, and all its bytes. */
export interface DerElement {
  readonly tag: number
  readonly content: Bytes
  readonly whole: Bytes
}

/** Reads DER elements one after the other; throws `DerError` for lengths that are not minimal or reach beyond the end. */
export class DerReader {
  readonly #bytes: Bytes
  #at = 0

  constructor(bytes: Bytes) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** The tag of the next element; `undefined` at the end. */
  peek(): number | undefined {
    return this.#bytes[this.#at]
  }

  /** The next element, of this tag. */
  next(tag: number): DerElement {
    const start = this.#at
    const found = this.#byte()
    if (found !== tag) throw new DerError(`tag ${found} where ${tag} belongs`)
    const length = this.#length()
    const contentAt = this.#at
    if (length > this.#bytes.length - contentAt) throw new DerError("an element longer than what holds it")
    this.#at = contentAt + length
    return {
      tag,
      content: this.#bytes.subarray(contentAt, this.#at),
      whole: this.#bytes.subarray(start, this.#at),
    }
  }

  /** The next element if it has this tag. */
  optional(tag: number): DerElement | undefined {
    return this.peek() === tag ? this.next(tag) : undefined
  }

  /** A reader of the next element's content. */
  enter(tag: number): DerReader {
    return new DerReader(this.next(tag).content)
  }

  end(): void {
    if (!this.atEnd) throw new DerError("bytes after the last element")
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new DerError("an element that is cut off")
    this.#at++
    return byte
  }

  #length(): number {
    const first = this.#byte()
    if (first < 0x80) return first
    const count = first & 0x7f
    if (count === 0 || count > 3) throw new DerError("a length of no DER form")
    let length = 0
    for (let i = 0; i < count; i++) length = (length << 8) | this.#byte()
    if (length < 0x80 || length < 1 << (8 * (count - 1))) throw new DerError("a length that is not minimal")
    return length
  }
}
