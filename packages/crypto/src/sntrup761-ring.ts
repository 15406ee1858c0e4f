// The ring Z[x]/(x^761 - x - 1) of sntrup761, and the same modulo q = 4591 (sntrup761.md, "Parameters and sizes").
//
// Coefficients are integers in doubles: a sum of products of two of them stays far below 2^53 and is exact, and additions and
// multiplications of doubles take the same time for all integers. No branch and no index depends on a coefficient.

export const p = 761
export const q = 4591
/** Coefficients modulo q lie in -half..half. */
export const half = 2295

/** 761 coefficients, that of x^0 first. */
export type Polynomial = Float64Array<ArrayBuffer>

/** Adding this to a double of less than 2^51, and taking it away again, rounds it to an integer: no call, no branch. */
const rounding = 1.5 * 2 ** 52
const perQ = 1 / q

/** The residue modulo q in -half..half of an integer of less than 2^40. */
export function modQ(x: number): number {
  return x - q * (x * perQ + rounding - rounding)
}

/** The residue modulo 3 in -1..1 of an integer of less than 2^40. */
export function mod3(x: number): number {
  return x - 3 * (x * (1 / 3) + rounding - rounding)
}

/** Two coefficients of the first factor share one double: their sums of 381 products stay below 2^20. */
const packed = 381
const radix = 2 ** 26
/** Coefficients of the second factor that one pass over the first one takes. */
const tile = 8
const rows = 768
const columns = packed + tile - 1

/**
 * The product in the ring as integers, not reduced modulo anything. `a` has coefficients in -half..half, `small` in -1..1.
 */
export function multiply(a: Polynomial, small: Polynomial): Polynomial {
  const pairs = new Float64Array(columns)
  const factors = new Float64Array(rows)
  const sums = new Float64Array(rows + columns)
  const product = new Float64Array(packed + rows + columns)
  for (let i = 0; i < packed; i++) pairs[i] = at(a, i) + radix * (i + packed < p ? at(a, i + packed) : 0)
  factors.set(small)
  for (let row = 0; row < rows; row += tile) {
    const f0 = at(factors, row)
    const f1 = at(factors, row + 1)
    const f2 = at(factors, row + 2)
    const f3 = at(factors, row + 3)
    const f4 = at(factors, row + 4)
    const f5 = at(factors, row + 5)
    const f6 = at(factors, row + 6)
    const f7 = at(factors, row + 7)
    let [a1, a2, a3, a4, a5, a6, a7] = [0, 0, 0, 0, 0, 0, 0]
    for (let i = 0; i < columns; i++) {
      const a0 = at(pairs, i)
      const sum = a0 * f0 + a1 * f1 + (a2 * f2 + a3 * f3) + (a4 * f4 + a5 * f5 + (a6 * f6 + a7 * f7))
      sums[row + i] = at(sums, row + i) + sum
      a7 = a6
      a6 = a5
      a5 = a4
      a4 = a3
      a3 = a2
      a2 = a1
      a1 = a0
    }
  }
  for (let i = 0; i < sums.length; i++) {
    const sum = at(sums, i)
    const high = sum * (1 / radix) + rounding - rounding
    product[i] = at(product, i) + sum - radix * high
    product[i + packed] = at(product, i + packed) + high
  }
  // x^761 = x + 1; the product ends at x^1520.
  for (let i = 2 * (p - 1); i >= p; i--) {
    product[i - p] = at(product, i - p) + at(product, i)
    product[i - p + 1] = at(product, i - p + 1) + at(product, i)
  }
  const result = product.slice(0, p)
  wipe(pairs, factors, sums, product)
  return result
}

/**
 * 1/(3a) modulo q for `a` with coefficients in -1..1 that are not all zero. Division steps of a fixed number (D. J. Bernstein and B.-Y. Yang,
 * "Fast constant-time gcd computation and modular inversion", section 6), on reversed polynomials.
 */
export function reciprocalOfTriple(a: Polynomial): Polynomial {
  // f and g are the two polynomials of the Euclidean algorithm, v and r what a was multiplied by to reach them.
  const f = new Float64Array(p + 1)
  const g = new Float64Array(p + 1)
  const v = new Float64Array(p + 1)
  const r = new Float64Array(p + 1)
  f[0] = 1
  f[p - 1] = -1
  f[p] = -1
  for (let i = 0; i < p; i++) g[p - 1 - i] = at(a, i)
  r[0] = reciprocalModQ(3)
  const steps = 2 * p - 1
  let delta = 1
  for (let step = 0; step < steps; step++) {
    const f0 = at(f, 0)
    const g0 = at(g, 0)
    // 1 where delta > 0 and g0 is not 0: then f and g change places.
    const swap = (-delta >>> 31) & ((g0 | -g0) >>> 31)
    delta = 1 + delta * (1 - 2 * swap)
    const fFactor = g0 * (2 * swap - 1)
    const gFactor = f0 * (1 - 2 * swap)
    // Coefficients that no later step can bring to place 0 are left out, and those that are still 0: both depend on `step` only.
    const end = Math.min(p, steps - step)
    for (let i = 0; i <= end; i++) {
      const fi = at(f, i)
      const gi = at(g, i)
      f[i] = fi + swap * (gi - fi)
      const x = gFactor * gi + fFactor * fi
      // The lowest coefficient becomes 0 and goes: division by x.
      if (i > 0) g[i - 1] = x - q * (x * perQ + rounding - rounding)
    }
    g[end] = 0
    for (let i = Math.min(p, step + 1); i >= 0; i--) {
      const vi = i > 0 ? at(v, i - 1) : 0
      const ri = at(r, i)
      v[i] = vi + swap * (ri - vi)
      const x = gFactor * ri + fFactor * vi
      r[i] = x - q * (x * perQ + rounding - rounding)
    }
  }
  const scale = reciprocalModQ(at(f, 0))
  const result = new Float64Array(p)
  for (let i = 0; i < p; i++) result[i] = modQ(scale * at(v, p - 1 - i))
  wipe(f, g, v, r)
  return result
}

/** x^(q-2): the reciprocal modulo q, by Fermat. */
function reciprocalModQ(x: number): number {
  let result = 1
  for (let bit = 12; bit >= 0; bit--) {
    result = modQ(result * result)
    if ((((q - 2) >> bit) & 1) === 1) result = modQ(result * x)
  }
  return result
}

/** A coefficient; there is one at every place that this file asks for. */
export function at(coefficients: Float64Array, i: number): number {
  return coefficients[i] as number
}

export function wipe(...secrets: readonly { fill(value: 0): unknown }[]): void {
  for (const secret of secrets) secret.fill(0)
}
