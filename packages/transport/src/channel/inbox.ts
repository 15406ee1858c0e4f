import type { Bytes } from "@smpkit/codec"

const nothing: Bytes = new Uint8Array(0)

/** Bytes of a stream that wait until a whole message is there, however they were divided. */
export class Inbox {
  #chunks: Bytes[] = []
  #size = 0
  #gathered: Bytes = nothing

  get size(): number {
    return this.#size
  }

  /** The first byte that waits. */
  get first(): number | undefined {
    return this.#chunks[0]?.[0]
  }

  /** Whether what waits and `expected` are the same as far as both go. */
  startsLike(expected: Bytes): boolean {
    let at = 0
    for (const chunk of this.#chunks)
      for (const byte of chunk) {
        if (at >= expected.length) return true
        if (byte !== expected[at++]) return false
      }
    return true
  }

  /** Takes bytes, whose memory then belongs to the inbox. */
  push(bytes: Bytes): void {
    if (bytes.length === 0) return
    this.#chunks.push(bytes)
    this.#size += bytes.length
  }

  /** The next `length` bytes, once they are all there; lent until the next call. */
  take(length: number): Bytes | undefined {
    const [first] = this.#chunks
    if (this.#size < length || first === undefined) return undefined
    this.#size -= length
    if (first.length > length) {
      this.#chunks[0] = first.subarray(length)
      return first.subarray(0, length)
    }
    if (first.length === length) {
      this.#chunks.shift()
      return first
    }
    return this.#gather(length)
  }

  #gather(length: number): Bytes {
    // One piece of memory for all that comes divided: a new one for every record would cost as much as decrypting it.
    if (this.#gathered.length < length) this.#gathered = new Uint8Array(length)
    const out = this.#gathered.subarray(0, length)
    let at = 0
    while (at < length) {
      const chunk = this.#chunks.shift() ?? nothing
      const part = chunk.subarray(0, length - at)
      out.set(part, at)
      at += part.length
      if (part.length < chunk.length) this.#chunks.unshift(chunk.subarray(part.length))
    }
    return out
  }

  /** Takes everything that waits, in memory of its own. */
  rest(): Bytes {
    const rest = new Uint8Array(this.take(this.#size) ?? nothing)
    this.clear()
    return rest
  }

  /** Copies what waits, so that no large chunk is held for a few bytes of it. */
  compact(): void {
    this.push(this.rest())
  }

  clear(): void {
    this.#chunks = []
    this.#size = 0
    this.#gathered = nothing
  }
}
