import { createHash } from "node:crypto"
import type { Bytes } from "@smpkit/codec"

/** Length and SHA-256 of a stream that is never held as a whole. */
export class StreamDigest {
  readonly #hash = createHash("sha256")
  #length = 0n

  get length(): bigint {
    return this.#length
  }

  add(data: Uint8Array): void {
    this.#hash.update(data)
    this.#length += BigInt(data.length)
  }

  /** What was added so far; more can be added afterwards. */
  summary(): { readonly length: bigint; readonly hash: Bytes } {
    return { length: this.#length, hash: new Uint8Array(this.#hash.copy().digest()) }
  }
}
