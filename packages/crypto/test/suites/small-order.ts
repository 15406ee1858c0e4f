// The points of small order, computed here from the equations of the curves (RFC 7748, RFC 8032) and from nothing in `src`:
// a point times the prime order of its group leaves only its part of small order, and some forty points show all such parts.

export const p25519: bigint = 2n ** 255n - 19n
export const p448: bigint = 2n ** 448n - 2n ** 224n - 1n
export const order25519: bigint = 2n ** 252n + 27742317777372353535851937790883648493n
export const order448: bigint =
  2n ** 446n - 13818066809895115352007386748515426880336692474882178609894547503885n

const mod = (a: bigint, p: bigint): bigint => ((a % p) + p) % p

function power(base: bigint, exponent: bigint, p: bigint): bigint {
  let out = 1n
  for (let b = mod(base, p), e = exponent; e > 0n; e >>= 1n) {
    if ((e & 1n) === 1n) out = (out * b) % p
    b = (b * b) % p
  }
  return out
}

const inverse = (a: bigint, p: bigint): bigint => power(a, p - 2n, p)
const isSquare = (a: bigint, p: bigint): boolean => power(a, (p - 1n) / 2n, p) <= 1n

/** RFC 7748, "The X25519 and X448 Functions", without the masks; `undefined` is the point at infinity. */
function ladder(u: bigint, k: bigint, p: bigint, a24: bigint): bigint | undefined {
  let [x2, z2, x3, z3] = [1n, 0n, u, 1n]
  for (let t = BigInt(k.toString(2).length) - 1n; t >= 0n; t--) {
    const bit = ((k >> t) & 1n) === 1n
    if (bit) [x2, x3, z2, z3] = [x3, x2, z3, z2]
    const [a, b, c, d] = [x2 + z2, x2 - z2, x3 + z3, x3 - z3]
    const [aa, bb, da, cb] = [mod(a * a, p), mod(b * b, p), mod(d * a, p), mod(c * b, p)]
    const e = aa - bb
    x3 = mod((da + cb) ** 2n, p)
    z3 = mod(u * (da - cb) ** 2n, p)
    x2 = mod(aa * bb, p)
    z2 = mod(e * (aa + a24 * e), p)
    if (bit) [x2, x3, z2, z3] = [x3, x2, z3, z2]
  }
  return z2 === 0n ? undefined : mod(x2 * inverse(z2, p), p)
}

function montgomery(p: bigint, a: bigint, order: bigint, cofactor: bigint): ReadonlySet<bigint> {
  // The points of curve and twist are 2p + 2 together; the twist's cofactor is 4 on both curves.
  const twistOrder = (2n * p + 2n - cofactor * order) / 4n
  const found = new Set<bigint>()
  for (let i = 2n; i < 60n; i++) {
    const u = power(i, 77n, p)
    const onCurve = isSquare(u ** 3n + a * u * u + u, p)
    const part = ladder(u, onCurve ? order : twistOrder, p, (a - 2n) / 4n)
    if (part !== undefined) found.add(part)
  }
  return found
}

/** x : y : z, so that an addition needs no inverse. */
type Point = readonly [bigint, bigint, bigint]

/** y of the points of small order on a·x² + y² = 1 + d·x²·y². */
function edwards(p: bigint, a: bigint, d: bigint, order: bigint): ReadonlySet<bigint> {
  const add = ([x1, y1, z1]: Point, [x2, y2, z2]: Point): Point => {
    const z = mod(z1 * z2, p)
    const [xx, yy, zz] = [mod(x1 * x2, p), mod(y1 * y2, p), mod(z * z, p)]
    const e = mod(d * xx * yy, p)
    return [
      mod(z * (zz - e) * ((x1 + y1) * (x2 + y2) - xx - yy), p),
      mod(z * (zz + e) * (yy - a * xx), p),
      mod((zz - e) * (zz + e), p),
    ]
  }
  const found = new Set<bigint>()
  for (let i = 2n; i < 50n; i++) {
    const y = power(i, 77n, p)
    const x = squareRoot(mod((1n - y * y) * inverse(a - d * y * y, p), p), p)
    if (x === undefined) continue
    let out: Point = [0n, 1n, 1n]
    let q: Point = [x, y, 1n]
    for (let k = order; k > 0n; k >>= 1n) {
      if ((k & 1n) === 1n) out = add(out, q)
      q = add(q, q)
    }
    found.add(mod(out[1] * inverse(out[2], p), p))
  }
  return found
}

function squareRoot(a: bigint, p: bigint): bigint | undefined {
  const roots =
    p % 4n === 3n
      ? [power(a, (p + 1n) / 4n, p)]
      : [power(a, (p + 3n) / 8n, p), power(a, (p + 3n) / 8n, p) * power(2n, (p - 1n) / 4n, p)]
  return roots.map((x) => mod(x, p)).find((x) => mod(x * x, p) === a)
}

export const smallOrder: Readonly<Record<"x25519" | "x448" | "ed25519" | "ed448", readonly bigint[]>> = {
  x25519: [...montgomery(p25519, 486662n, order25519, 8n)],
  x448: [...montgomery(p448, 156326n, order448, 4n)],
  ed25519: [...edwards(p25519, -1n, mod(-121665n * inverse(121666n, p25519), p25519), order25519)],
  ed448: [...edwards(p448, 1n, mod(-39081n, p448), order448)],
}

/** `length` bytes, least significant first. */
export function littleEndian(value: bigint, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
}
