import type { Bytes } from "@smpkit/codec"
import { CryptoError } from "./errors.ts"

/** `u16` length, message, `#` up to `length` bytes (encoding.md, "Padding"). Throws `RangeError` when the message does not fit. */
export function pad(message: Uint8Array, length: number): Bytes {
  if (message.length > length - 2 || message.length > 65533)
    throw new RangeError(`${message.length} bytes do not fit ${length - 2}`)
  const out = new Uint8Array(length)
  out[0] = message.length >> 8
  out[1] = message.length & 0xff
  out.set(message, 2)
  out.fill(0x23, 2 + message.length)
  return out
}

/** The message of a padded string. Throws `CryptoError PADDING`. */
export function unpad(padded: Uint8Array): Bytes {
  const length = ((padded[0] ?? 0) << 8) | (padded[1] ?? 0)
  if (padded.length < 2 || length > padded.length - 2)
    throw new CryptoError("PADDING", "padding that is not one")
  return new Uint8Array(padded.subarray(2, 2 + length))
}
