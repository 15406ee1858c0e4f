import { type Bytes, concatBytes } from "@smpkit/codec"

// channel.md, "Carriers".

/** Bytes of the longest message that is accepted. */
export const maxMessageSize = 65_536
/** Why a connection is closed: a text message, a message that is too long. */
export const closeCodes = { normal: 1_000, unsupported: 1_003, tooLong: 1_009 } as const

/** The content of one message. */
export function joined(pieces: readonly Bytes[]): Bytes {
  const [first, ...more] = pieces
  return first !== undefined && more.length === 0 ? first : concatBytes(...pieces)
}
