import { type Bytes, concatBytes, fromHex, utf8 } from "@smpkit/codec"

// X.690, "Distinguished encoding rules", as far as a certificate needs it.

/** An element of a tag and its content. */
export function der(tag: number, ...content: readonly Uint8Array[]): Bytes {
  const body = concatBytes(...content)
  return concatBytes(Uint8Array.of(tag, ...lengthBytes(body.length)), body)
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length]
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
}

export const sequence = (...content: readonly Uint8Array[]): Bytes => der(0x30, ...content)
export const octets = (...content: readonly Uint8Array[]): Bytes => der(0x04, ...content)
export const derTrue: Bytes = der(0x01, Uint8Array.of(0xff))

/** Bits that end with a byte. */
export const bits = (...content: readonly Uint8Array[]): Bytes => der(0x03, Uint8Array.of(0), ...content)

/** A set of named bits, bit 0 first; zeros at its end are left out. */
export function namedBits(...set: readonly number[]): Bytes {
  const last = Math.max(...set)
  const bytes = new Uint8Array((last >> 3) + 1)
  for (const bit of set) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  return der(0x03, Uint8Array.of(7 - (last & 7)), bytes)
}

/** An object identifier whose content is given in hexadecimal. */
export const oid = (hex: string): Bytes => der(0x06, fromHex(hex))

/** A positive integer of big-endian bytes, the first of which is 1 to 127. */
export const positive = (bytes: Uint8Array): Bytes => der(0x02, bytes)

/** RFC 5280, "Validity": two digits of the year through 2049, four after it. Milliseconds are cut. */
export function time(ms: number): Bytes {
  const digits = new Date(ms).toISOString().replace(/\.\d+/, "").replaceAll(/[-:T]/g, "")
  return Number(digits.slice(0, 4)) < 2050 ? der(0x17, utf8(digits.slice(2))) : der(0x18, utf8(digits))
}

/** A distinguished name of attributes: the type's identifier in hexadecimal, and a text. */
export function distinguishedName(...attributes: readonly (readonly [type: string, value: string])[]): Bytes {
  return sequence(
    ...attributes.map(([type, value]) => der(0x31, sequence(oid(type), der(0x0c, utf8(value))))),
  )
}
