import { type Bytes, Reader } from "@smpkit/codec"

const smallest = 128
const largest = 16_384

/** The size to which `length` bytes are padded: powers of two from 128 to 16,384, then multiples of 16,384. */
function sizeClass(length: number): number {
  if (length > largest) return Math.ceil(length / largest) * largest
  let size = smallest
  while (size < length) size *= 2
  return size
}

/** Length (4 bytes), content, zeros up to the size class (security.md, Q14). */
export function padToClass(content: Uint8Array): Bytes {
  const padded = new Uint8Array(sizeClass(4 + content.length))
  new DataView(padded.buffer).setUint32(0, content.length)
  padded.set(content, 4)
  return padded
}

/** Throws `WireError` when the length does not fit. */
export function unpadClass(padded: Uint8Array): Bytes {
  const r = new Reader(padded)
  return r.take(r.u32())
}
