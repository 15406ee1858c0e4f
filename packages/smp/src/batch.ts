import { type Bytes, type Codec, decode, encode, longBytes, nonEmptyList } from "@smpkit/codec"
import { SmpError } from "./errors.ts"

// smp-transport.md, "Batching".

/** Room for items in a block: its size without length, count and the tag, which is reserved even where nothing is encrypted. */
export const maxBatchLength = 16365
const maxCount = 255

const batch: Codec<readonly [Bytes, ...Bytes[]]> = nonEmptyList(longBytes)

/**
 * Packs transmissions into as few block contents as the order allows. Packed from the end, as the reference does: the first is the smallest.
 * Throws `SmpError LARGE_MSG` for a transmission that no block can carry.
 */
export function encodeBatches(transmissions: readonly Bytes[]): Bytes[] {
  const contents: Bytes[] = []
  let items: [Bytes, ...Bytes[]] | undefined
  let length = 0
  for (const transmission of [...transmissions].reverse()) {
    const size = 2 + transmission.length
    if (size > maxBatchLength) throw new SmpError("LARGE_MSG", "a transmission that no block can carry")
    if (items === undefined || length + size > maxBatchLength || items.length === maxCount) {
      if (items !== undefined) contents.unshift(encode(batch, items))
      items = [transmission]
      length = size
    } else {
      items.unshift(transmission)
      length += size
    }
  }
  if (items !== undefined) contents.unshift(encode(batch, items))
  return contents
}

/** The transmissions of a block's content. Throws `WireError` for an empty one, a wrong count and bytes after the last. */
export function parseBatch(content: Uint8Array): readonly Bytes[] {
  return decode(batch, content)
}
