import { type Bytes, utf8 } from "@smpkit/codec"
import { backend } from "#backend"

export function sha256(...parts: readonly Uint8Array[]): Bytes {
  return backend.hash("sha256", ...parts)
}

export function sha512(...parts: readonly Uint8Array[]): Bytes {
  return backend.hash("sha512", ...parts)
}

export function sha3_256(...parts: readonly Uint8Array[]): Bytes {
  return backend.hash("sha3-256", ...parts)
}

export function sha3_384(...parts: readonly Uint8Array[]): Bytes {
  return backend.hash("sha3-384", ...parts)
}

/** HMAC-SHA-256 (RFC 2104): 32 bytes. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Bytes {
  return backend.hmac("sha256", key, ...parts)
}

/** HKDF with HMAC-SHA-512 (RFC 5869). An empty salt stands for zeros. */
export function hkdfSha512(ikm: Uint8Array, salt: Uint8Array, info: string, length: number): Bytes {
  return backend.hkdf("sha512", ikm, salt, utf8(info), length)
}

/** HKDF with HMAC-SHA-256 (RFC 5869). */
export function hkdfSha256(ikm: Uint8Array, salt: Uint8Array, info: string, length: number): Bytes {
  return backend.hkdf("sha256", ikm, salt, utf8(info), length)
}

/** Whether two byte strings are equal, in a time that depends on their lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && backend.equal(a, b)
}
