import type { Bytes } from "@smpkit/codec"
import type { Random } from "./random.ts"
import { p, type Polynomial, wipe } from "./sntrup761-ring.ts"

// sntrup761.md, "Algorithms": how random bytes become polynomials. Numbers are u32, little endian.

/** Coefficients that are 1 or -1 in a short polynomial. */
export const weight = 286

/** Uniform coefficients in -1..1. */
export function randomSmall(random: Random): Polynomial {
  const numbers = randomNumbers(random)
  const small = new Float64Array(p)
  for (let i = 0; i < p; i++) small[i] = (Math.imul((numbers[i] as number) & 0x3fffffff, 3) >>> 30) - 1
  wipe(numbers)
  return small
}

/** Coefficients in -1..1, exactly 286 of them not 0. */
export function randomShort(random: Random): Polynomial {
  const numbers = randomNumbers(random)
  // The sign bit changes, so that sorting as signed numbers sorts them as unsigned.
  for (let i = 0; i < p; i++) {
    const x = numbers[i] as number
    numbers[i] = (i < weight ? x & 0xfffffffe : (x & 0xfffffffd) | 1) ^ 0x80000000
  }
  sort(numbers)
  const short = new Float64Array(p)
  for (let i = 0; i < p; i++) short[i] = ((numbers[i] as number) & 3) - 1
  wipe(numbers)
  return short
}

function randomNumbers(random: Random): Int32Array<ArrayBuffer> {
  const bytes: Bytes = random.bytes(4 * p)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const numbers = new Int32Array(p)
  for (let i = 0; i < p; i++) numbers[i] = view.getInt32(4 * i, true)
  wipe(bytes)
  return numbers
}

/** Batcher's merge exchange sort: what is compared with what depends on the length only. */
export function sort(values: Int32Array): void {
  const size = values.length
  const top = 2 ** Math.max(0, Math.ceil(Math.log2(size)) - 1)
  for (let block = top; block > 0; block >>= 1) {
    let distance = block
    let part = 0
    for (let merge = top; ; merge >>= 1) {
      for (let i = 0; i + distance < size; i++) if ((i & block) === part) order(values, i, i + distance)
      if (merge === block) break
      distance = merge - block
      part = block
    }
  }
}

/** Puts the smaller one of two values first, without a branch. */
function order(values: Int32Array, i: number, j: number): void {
  const a = values[i] as number
  const b = values[j] as number
  const differing = a ^ b
  // The sign of b - a, also where the difference overflows.
  const difference = (b - a) | 0
  const change = ((difference ^ (differing & (difference ^ b))) >> 31) & differing
  values[i] = a ^ change
  values[j] = b ^ change
}
