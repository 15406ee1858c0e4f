import type { Bytes } from "@smpkit/codec"
import { at, half, p, type Polynomial, q } from "./sntrup761-ring.ts"

// sntrup761.md, "Encodings".

/** 761 coefficients in -1..1. */
export const smallSize = 191

export function encodeSmall(small: Polynomial): Bytes {
  const bytes = new Uint8Array(smallSize)
  for (let i = 0; i < p; i++) {
    const place = i >> 2
    bytes[place] = byteAt(bytes, place) | ((at(small, i) + 1) << (2 * (i & 3)))
  }
  return bytes
}

/** Reads what `encodeSmall` writes; bits that it never writes give a coefficient of 2. */
export function decodeSmall(bytes: Uint8Array): Polynomial {
  const small = new Float64Array(p)
  for (let i = 0; i < p; i++) small[i] = ((byteAt(bytes, i >> 2) >> (2 * (i & 3))) & 3) - 1
  return small
}

/** One pass of the packer over a list: the moduli of its elements, and how many bytes each pair gives off. */
interface Pass {
  readonly moduli: readonly number[]
  readonly pairBytes: readonly number[]
}

const limit = 16384

/** The passes of the packer, and bytes of the element that is left; all of it depends on the moduli only. */
interface Packing {
  readonly passes: readonly Pass[]
  readonly lastModulus: number
  readonly lastBytes: number
  readonly size: number
}

function packingOf(modulus: number): Packing {
  const passes: Pass[] = []
  let moduli = Array.from({ length: p }, () => modulus)
  let size = 0
  while (moduli.length > 1) {
    const pairBytes: number[] = []
    const next: number[] = []
    for (let i = 0; i + 1 < moduli.length; i += 2) {
      let m = (moduli[i] ?? 0) * (moduli[i + 1] ?? 0)
      let bytes = 0
      for (; m >= limit; m = Math.ceil(m / 256)) bytes++
      pairBytes.push(bytes)
      size += bytes
      next.push(m)
    }
    if (moduli.length % 2 === 1) next.push(...moduli.slice(-1))
    passes.push({ moduli, pairBytes })
    moduli = next
  }
  const [lastModulus = 1] = moduli
  let lastBytes = 0
  for (let m = lastModulus; m > 1; m = Math.ceil(m / 256)) lastBytes++
  return { passes, lastModulus, lastBytes, size: size + lastBytes }
}

function pack({ passes, lastBytes, size }: Packing, digits: Int32Array): Bytes {
  const bytes = new Uint8Array(size)
  let place = 0
  let length = digits.length
  for (const { moduli, pairBytes } of passes) {
    for (let pair = 0; pair < pairBytes.length; pair++) {
      const count = pairBytes[pair] ?? 0
      let r = (digits[2 * pair] ?? 0) + (digits[2 * pair + 1] ?? 0) * (moduli[2 * pair] ?? 0)
      for (let i = 0; i < count; i++) {
        bytes[place++] = r
        r >>= 8
      }
      digits[pair] = r
    }
    if (length % 2 === 1) digits[length >> 1] = digits[length - 1] ?? 0
    length = (length + 1) >> 1
  }
  let r = digits[0] ?? 0
  for (let i = 0; i < lastBytes; i++) {
    bytes[place++] = r
    r >>= 8
  }
  digits.fill(0)
  return bytes
}

/** Reads what `pack` writes; other bytes give digits below their moduli as well. For bytes that are not secret: it divides. */
function unpack({ passes, lastModulus, lastBytes, size }: Packing, bytes: Uint8Array): Int32Array {
  const digits = new Int32Array(p)
  let end = size - lastBytes
  digits[0] = littleEndian(bytes, end, lastBytes, 0) % lastModulus
  for (const { moduli, pairBytes } of passes.toReversed()) {
    // From the last pair to the first one, so that a digit is read before its place is written.
    if (moduli.length % 2 === 1) digits[moduli.length - 1] = digits[moduli.length >> 1] ?? 0
    for (let pair = pairBytes.length - 1; pair >= 0; pair--) {
      const count = pairBytes[pair] ?? 0
      end -= count
      const r = littleEndian(bytes, end, count, digits[pair] ?? 0)
      const modulus = moduli[2 * pair] ?? 1
      digits[2 * pair + 1] = Math.floor(r / modulus) % (moduli[2 * pair + 1] ?? 1)
      digits[2 * pair] = r % modulus
    }
  }
  return digits
}

/** `count` bytes from `start` on, below the number `above`. */
function littleEndian(bytes: Uint8Array, start: number, count: number, above: number): number {
  let r = above
  for (let i = count - 1; i >= 0; i--) r = r * 256 + byteAt(bytes, start + i)
  return r
}

const rqPacking = packingOf(q)
const roundedPacking = packingOf((q + 2) / 3)
/** Coefficients modulo q: 1158 bytes. Rounded ones: 1007 bytes. */
export const rqSize: number = rqPacking.size
export const roundedSize: number = roundedPacking.size

export function encodeRq(a: Polynomial): Bytes {
  const digits = new Int32Array(p)
  for (let i = 0; i < p; i++) digits[i] = at(a, i) + half
  return pack(rqPacking, digits)
}

export function decodeRq(bytes: Uint8Array): Polynomial {
  const digits = unpack(rqPacking, bytes)
  const a = new Float64Array(p)
  for (let i = 0; i < p; i++) a[i] = (digits[i] ?? 0) - half
  return a
}

/** Coefficients in -half..half that are multiples of 3. The third is taken by a multiplication: they are secret. */
export function encodeRounded(a: Polynomial): Bytes {
  const digits = new Int32Array(p)
  for (let i = 0; i < p; i++) digits[i] = ((at(a, i) + half) * 10923) >> 15
  return pack(roundedPacking, digits)
}

export function decodeRounded(bytes: Uint8Array): Polynomial {
  const digits = unpack(roundedPacking, bytes)
  const a = new Float64Array(p)
  for (let i = 0; i < p; i++) a[i] = (digits[i] ?? 0) * 3 - half
  return a
}

function byteAt(bytes: Uint8Array, i: number): number {
  return bytes[i] as number
}
