import { type Bytes, concatBytes, decodeUtf8, utf8 } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"

// docs/pipe.md, "Frames": the body of each message of a pipe is one frame.

/** What tells a transfer from others. */
export interface Summary {
  readonly length: bigint
  readonly hash: Bytes
}

export type PipeFrame =
  | { readonly type: "chunk"; readonly data: Bytes }
  | ({ readonly type: "end" } & Summary)
  | ({ readonly type: "received" } & Summary)
  | ({ readonly type: "refused"; readonly reason: string } & Summary)

/**
 * Data in one frame: with its tag it fits the smaller body of agent-protocol.md §3 (13,573 bytes, post-quantum), so that a
 * connection may change its setting in the middle of a transfer. A receiver takes any size.
 */
export const chunkSize = 13_312

const hashSize = 32
const summarySize = 1 + 8 + hashSize

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
      return concatBytes(summary(3, frame), utf8(frame.reason))
    default:
      return frame satisfies never
  }
}

/** Reads a body; `undefined` when it is no frame. */
export function decodeFrame(body: Uint8Array): PipeFrame | undefined {
  const tag: number | undefined = body[0]
  switch (tag) {
    case 0:
      return { type: "chunk", data: body.slice(1) }
    case 1:
      return body.length === summarySize ? { type: "end", ...readSummary(body) } : undefined
    case 2:
      return body.length === summarySize ? { type: "received", ...readSummary(body) } : undefined
    case 3: {
      if (body.length < summarySize) return undefined
      const reason = decodeUtf8(body.subarray(summarySize))
      return reason === undefined ? undefined : { type: "refused", ...readSummary(body), reason }
    }
    case undefined:
    default:
      return undefined
  }
}

/** Whether two frames are about the same transfer. */
export function sameTransfer(a: Summary, b: Summary): boolean {
  return a.length === b.length && equalBytes(a.hash, b.hash)
}

/** An end that fits no data (SHA-256 gives no zeros for nothing): ends a transfer that will not be completed. */
export const brokenEnd: PipeFrame & { readonly type: "end" } = {
  type: "end",
  length: 0n,
  hash: new Uint8Array(hashSize),
}

function summary(tag: number, { length, hash }: Summary): Bytes {
  if (hash.length !== hashSize) throw new RangeError("a pipe's hash has 32 bytes")
  const out = new Uint8Array(summarySize)
  out[0] = tag
  new DataView(out.buffer).setBigUint64(1, length)
  out.set(hash, 9)
  return out
}

function readSummary(body: Uint8Array): Summary {
  return {
    length: new DataView(body.buffer, body.byteOffset, body.byteLength).getBigUint64(1),
    hash: body.slice(9, summarySize),
  }
}
