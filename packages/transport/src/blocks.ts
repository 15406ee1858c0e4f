import type { Bytes } from "@smpkit/codec"
import { blockSize } from "@smpkit/smp"

/**
 * Cuts a stream of bytes into blocks. Chunks may split anywhere; a chunk that is a block by itself, which is what a peer's record gives, is not copied.
 */
export class BlockFramer {
  readonly #blocks: Bytes[] = []
  #partial: Bytes | undefined
  #filled = 0

  /** How many whole blocks wait. */
  get waiting(): number {
    return this.#blocks.length
  }

  /** How many bytes of an unfinished block came. */
  get unfinished(): number {
    return this.#filled
  }

  /** Takes a chunk, whose memory then belongs to the framer. */
  push(chunk: Bytes): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#partial === undefined && chunk.length - at >= blockSize) {
        this.#blocks.push(chunk.subarray(at, at + blockSize))
        at += blockSize
        continue
      }
      this.#partial ??= new Uint8Array(blockSize)
      const part = chunk.subarray(at, at + blockSize - this.#filled)
      this.#partial.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
      if (this.#filled === blockSize) {
        this.#blocks.push(this.#partial)
        this.#partial = undefined
        this.#filled = 0
      }
    }
  }

  /** The first block that waits. */
  shift(): Bytes | undefined {
    return this.#blocks.shift()
  }

  /** Forgets everything. */
  clear(): void {
    this.#blocks.length = 0
    this.#partial = undefined
    this.#filled = 0
  }
}
