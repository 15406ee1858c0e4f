import type { Bytes } from "@smpkit/codec"
import { backend } from "#backend"
import { CryptoError } from "./errors.ts"

/** Argon2id (RFC 9106) with one lane. */
export interface Argon2Parameters {
  readonly passes: number
  readonly memoryKiB: number
}

/** The floor of `security.md` Q12, and the ceiling that is checked before any memory is taken. */
export const argon2Floor: Argon2Parameters = { passes: 3, memoryKiB: 64 * 1024 }
export const argon2Ceiling: Argon2Parameters = { passes: 16, memoryKiB: 1024 * 1024 }

/** A key of `length` bytes from a password and a salt of 16 bytes. Throws `CryptoError PARAMETER` outside floor and ceiling. */
export function argon2id(
  password: Uint8Array,
  salt: Uint8Array,
  { passes, memoryKiB }: Argon2Parameters,
  length = 32,
): Bytes {
  if (salt.length !== 16) throw new RangeError("an Argon2id salt has 16 bytes")
  const within = (value: number, floor: number, ceiling: number): boolean =>
    Number.isInteger(value) && value >= floor && value <= ceiling
  if (
    !within(passes, argon2Floor.passes, argon2Ceiling.passes) ||
    !within(memoryKiB, argon2Floor.memoryKiB, argon2Ceiling.memoryKiB)
  ) {
    throw new CryptoError("PARAMETER", "Argon2id parameters outside the permitted range")
  }
  return backend.argon2id(password, salt, passes, memoryKiB * 1024, length)
}
