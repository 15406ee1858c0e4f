import { type Bytes, concatBytes, decodeUtf8, utf8 } from "@smpkit/codec"

// docs/pipe.md, "Frames": the body of each message of a pipe is one frame.

export type PipeFrame =
  | { readonly type: "chunk"; readonly data: Bytes }
  | { readonly type: "end"; readonly length: bigint; readonly hash: Bytes }
  | { readonly type: "received"; readonly length: bigint; readonly hash: Bytes }
  | { readonly type: "refused"; readonly reason: string }

/**
 * Data in one frame: with its tag it fits the smaller body of agent-protocol.md §3 (13,573 bytes, post-quantum), so that a
 * connection may change its setting in the middle of a transfer. A receiver takes any size.
 */
export const chunkSize = 13_312

const hashSize = 32
const summarySize = 1 + 8 + hashSize
const longestReason = 500

/** Bytes of a frame. */
export function encodeFrame(frame: PipeFrame): Bytes {
  switch (frame.type) {
    case "chunk":
      return concatBytes(Uint8Array.of(0), frame.data)
    case "end":
      return summary(1, frame)
    case "received":
      return summary(2, frame)
    case "refused":
      return concatBytes(Uint8Array.of(3), utf8(frame.reason.slice(0, longestReason)))
    default:
      return frame satisfies never
  }
}

/** Reads a body; `undefined` when it is no frame. */
export function decodeFrame(body: Uint8Array): PipeFrame | undefined {
  switch (body[0]) {
    case 0:
      return { type: "chunk", data: body.slice(1) as Bytes }
    case 1:
      return body.length === summarySize ? { type: "end", ...readSummary(body) } : undefined
    case 2:
      return body.length === summarySize ? { type: "received", ...readSummary(body) } : undefined
    case 3: {
      const reason = decodeUtf8(body.subarray(1))
      return reason === undefined ? undefined : { type: "refused", reason }
    }
    default:
      return undefined
  }
}

/** An end that fits no data (SHA-256 gives no zeros for nothing): ends a transfer that will not be completed. */
export const brokenEnd: PipeFrame = { type: "end", length: 0n, hash: new Uint8Array(hashSize) }

function summary(tag: number, { length, hash }: { readonly length: bigint; readonly hash: Bytes }): Bytes {
  if (hash.length !== hashSize) throw new RangeError("a pipe's hash has 32 bytes")
  const out = new Uint8Array(summarySize)
  out[0] = tag
  new DataView(out.buffer).setBigUint64(1, length)
  out.set(hash, 9)
  return out
}

function readSummary(body: Uint8Array): { length: bigint; hash: Bytes } {
  return {
    length: new DataView(body.buffer, body.byteOffset, body.byteLength).getBigUint64(1),
    hash: body.slice(9) as Bytes,
  }
}
