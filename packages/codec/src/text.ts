import type { Bytes } from "./bytes.ts"
import { WireError } from "./wire-error.ts"
import type { VersionRange } from "./primitives.ts"

// encoding.md, "Text encoding".

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
const values = new Map(Array.from(alphabet, (c, i) => [c, i]))

/** Base64url (RFC 4648 §5), padded unless told otherwise. */
export function toBase64Url(
  bytes: Uint8Array,
  { padded = true }: { readonly padded?: boolean } = {},
): string {
  let out = ""
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const n = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    const chars = Math.min(left, 3) + 1
    for (let k = 0; k < chars; k++) out += alphabet.charAt((n >> (18 - 6 * k)) & 63)
    if (padded) out += "=".repeat(4 - chars)
  }
  return out
}

/** Bytes of base64url, padded or not. Throws `WireError`: foreign characters, an impossible length, bits left over. */
export function fromBase64Url(text: string): Bytes {
  const body = text.replace(/={1,2}$/, "")
  if (body.length !== text.length && text.length % 4 !== 0)
    throw new WireError("base64url with wrong padding", body.length)
  if (body.length % 4 === 1) throw new WireError("base64url of an impossible length", body.length)
  const out = new Uint8Array((body.length * 3) >> 2)
  let bits = 0
  let held = 0
  let at = 0
  for (let i = 0; i < body.length; i++) {
    const value = values.get(body.charAt(i))
    if (value === undefined) throw new WireError("not base64url", i)
    held = ((held << 6) | value) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      out[at++] = (held >> bits) & 0xff
    }
  }
  if ((held & ((1 << bits) - 1)) !== 0) throw new WireError("base64url with bits left over", body.length)
  return out
}

/** `min-max`, or one number where both are the same. */
export function formatVersionRange({ min, max }: VersionRange): string {
  return min === max ? `${min}` : `${min}-${max}`
}

/** Reads `min-max` or `version`. Throws `WireError`. */
export function parseVersionRange(text: string): VersionRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  const min = Number(match?.[1])
  const max = Number(match?.[2] ?? match?.[1])
  if (match === null || min > 0xffff || max > 0xffff) throw new WireError("not a version range", 0)
  if (min > max) throw new WireError("a version range that ends before it begins", 0)
  return { min, max }
}
