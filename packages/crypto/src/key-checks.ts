import { backend } from "#backend"
import type { Alg } from "./keys.ts"
import { CryptoError } from "./errors.ts"

const p25519 = 2n ** 255n - 19n
const p448 = 2n ** 448n - 2n ** 224n - 1n

/**
 * Refuses what `security.md` Q11 names: coordinates that are not reduced, and points of small order, where a key enters.
 * Diffie-Hellman refuses an all-zero result on top, and signatures are verified strictly.
 */
export function assertUsable(alg: Alg, raw: Uint8Array): void {
  if (!isUsable(alg, raw)) throw new CryptoError("KEY", `not a usable ${alg} public key`)
}

/** Whether bytes of the right length are a reduced coordinate of a point that is not of small order; they may be no point at all. */
export function isUsable(alg: Alg, raw: Uint8Array): boolean {
  switch (alg) {
    case "x25519": {
      // RFC 7748 masks the top bit, so a key that has it set is another spelling of the same point: it makes u too large here.
      const u = littleEndian(raw)
      return u < p25519 && !small25519.has(u)
    }
    case "x448": {
      const u = littleEndian(raw)
      return u < p448 && !small448.has(u)
    }
    case "ed25519": {
      const y = littleEndian(raw) & (2n ** 255n - 1n)
      return y < p25519 && !smallEdwards25519.has(y)
    }
    case "ed448": {
      const last = raw[56] ?? 0
      const y = littleEndian(raw.subarray(0, 56))
      // Points of order 1, 2 and 4 have y = 1, y = -1 and y = 0.
      return (last & 0x7f) === 0 && y < p448 && y !== 0n && y !== 1n && y !== p448 - 1n
    }
    default:
      return alg satisfies never
  }
}

// y of the points whose order divides 8 (RFC 8032's curve): 1, -1, 0 and the two of order 8.
const y8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n
const smallEdwards25519 = new Set([0n, 1n, p25519 - 1n, y8, p25519 - y8])

// u of the points of small order, on the curve and on its twist: fixed lists, so that a check costs no multiplication.
const u8a = 325606250916557431795983626356110631294008115727848805560023387167927233504n
const u8b = 39382357235489614581723060781553021112529911719440698176882885853963445705823n
const small25519 = new Set([0n, 1n, p25519 - 1n, u8a, u8b])
const small448 = new Set([0n, 1n, p448 - 1n])

function littleEndian(raw: Uint8Array): bigint {
  let value = 0n
  for (let i = raw.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(raw[i] ?? 0)
  return value
}

/** Whether all bytes are zero, in constant time. */
export function isZero(bytes: Uint8Array): boolean {
  return backend.equal(bytes, new Uint8Array(bytes.length))
}
