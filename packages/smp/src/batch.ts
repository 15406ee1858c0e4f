import { type Bytes, type Codec, decode, longBytes, nonEmptyList, Writer } from "@smpkit/codec"
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
      if (items !== undefined) contents.unshift(content(items, length))
      items = [transmission]
      length = size
    } else {
      items.unshift(transmission)
      length += size
    }
  }
  if (items !== undefined) contents.unshift(content(items, length))
  return contents
}

function content(items: readonly [Bytes, ...Bytes[]], length: number): Bytes {
  const w = new Writer(1 + length)
  batch.write(w, items)
  return w.take()
}

/**
 * The transmissions of a block's content, as views into it: whoever parses them copies what stays. Throws `WireError` for an empty content, a
 * wrong count and bytes after the last.
 */
export function parseBatch(content: Bytes): readonly Bytes[] {
  const view: Codec<Bytes> = {
    write: longBytes.write,
    read: (r) => {
      const length = r.u16()
      const start = r.offset
      r.skip(length)
      return content.subarray(start, start + length)
    },
  }
  return decode(nonEmptyList(view), content)
}
