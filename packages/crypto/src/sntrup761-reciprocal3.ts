import { at, p, type Polynomial } from "./sntrup761-ring.ts"

// Polynomials modulo 3, 32 coefficients a word: bit i of `plus` where coefficient i is 1, of `minus` where it is -1.

const words = 24

interface Trits {
  readonly plus: Int32Array<ArrayBuffer>
  readonly minus: Int32Array<ArrayBuffer>
}

/**
 * 1/a modulo 3 in Z[x]/(x^761 - x - 1) for coefficients in -1..1; `undefined` where there is none. Division steps as in `reciprocalOfTriple`;
 * the only branch on the secret is the one that says whether there is a reciprocal.
 */
export function reciprocalMod3(a: Polynomial): Polynomial | undefined {
  const [f, g, v, r] = [newTrits(), newTrits(), newTrits(), newTrits()]
  setTrit(f, 0, 1)
  setTrit(f, p - 1, -1)
  setTrit(f, p, -1)
  for (let i = 0; i < p; i++) setTrit(g, p - 1 - i, at(a, i))
  setTrit(r, 0, 1)
  let delta = 1
  for (let step = 0; step < 2 * p - 1; step++) {
    const f0plus = -(word(f.plus, 0) & 1)
    const f0minus = -(word(f.minus, 0) & 1)
    const g0plus = -(word(g.plus, 0) & 1)
    const g0minus = -(word(g.minus, 0) & 1)
    // All bits set where delta > 0 and g0 is not 0: then f and g change places.
    const swap = (-delta >> 31) & (g0plus | g0minus)
    delta = 1 + (delta ^ swap) - swap
    // f0 and g0 are their own reciprocals: whichever of f and g stays below, the other one gets -f0*g0 times it.
    const plus = (f0plus & g0minus) | (f0minus & g0plus)
    const minus = (f0plus & g0plus) | (f0minus & g0minus)
    shiftUp(v)
    combine(f, g, swap, plus, minus)
    combine(v, r, swap, plus, minus)
    shiftDown(g)
  }
  const scale = (word(f.plus, 0) & 1) - (word(f.minus, 0) & 1)
  const result = new Float64Array(p)
  for (let i = 0; i < p; i++) result[i] = scale * trit(v, p - 1 - i)
  for (const { plus, minus } of [f, g, v, r]) {
    plus.fill(0)
    minus.fill(0)
  }
  return delta === 0 ? result : undefined
}

/** Where `swap` is set, a and b change places; then `a` times the factor is added to `b`. */
function combine(a: Trits, b: Trits, swap: number, plus: number, minus: number): void {
  for (let i = 0; i < words; i++) {
    const ap = word(a.plus, i)
    const am = word(a.minus, i)
    const bp = word(b.plus, i)
    const bm = word(b.minus, i)
    const changePlus = (ap ^ bp) & swap
    const changeMinus = (am ^ bm) & swap
    const p0 = ap ^ changePlus
    const m0 = am ^ changeMinus
    const p1 = bp ^ changePlus
    const m1 = bm ^ changeMinus
    a.plus[i] = p0
    a.minus[i] = m0
    const p2 = (p0 & plus) | (m0 & minus)
    const m2 = (m0 & plus) | (p0 & minus)
    // Addition modulo 3 in bits.
    const t = (p1 | m2) ^ (m1 | p2)
    b.plus[i] = (m1 | m2) ^ t
    b.minus[i] = (p1 | p2) ^ t
  }
}

function shiftUp({ plus, minus }: Trits): void {
  for (const bits of [plus, minus]) {
    for (let i = words - 1; i > 0; i--) bits[i] = (word(bits, i) << 1) | (word(bits, i - 1) >>> 31)
    bits[0] = word(bits, 0) << 1
  }
}

function shiftDown({ plus, minus }: Trits): void {
  for (const bits of [plus, minus]) {
    for (let i = 0; i < words - 1; i++) bits[i] = (word(bits, i) >>> 1) | (word(bits, i + 1) << 31)
    bits[words - 1] = word(bits, words - 1) >>> 1
  }
}

function newTrits(): Trits {
  return { plus: new Int32Array(words), minus: new Int32Array(words) }
}

/** Sets a coefficient that is 0. */
function setTrit({ plus, minus }: Trits, i: number, value: number): void {
  const at = i >> 5
  plus[at] = word(plus, at) | (((value + 1) >> 1) << (i & 31))
  minus[at] = word(minus, at) | (((1 - value) >> 1) << (i & 31))
}

function trit({ plus, minus }: Trits, i: number): number {
  return ((word(plus, i >> 5) >>> (i & 31)) & 1) - ((word(minus, i >> 5) >>> (i & 31)) & 1)
}

function word(bits: Int32Array, i: number): number {
  return bits[i] as number
}
