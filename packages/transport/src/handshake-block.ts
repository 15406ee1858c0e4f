import { type Bytes, WireError } from "@smpkit/codec"
import { CryptoError } from "@smpkit/crypto"
import { TransportError } from "./errors.ts"
import type { BlockStream } from "./transport.ts"

/** The next block of a handshake. Throws `TransportError CLOSED` at the end of the stream. */
export async function nextBlock(stream: BlockStream, peer: string): Promise<Bytes> {
  const block = await stream.read()
  if (block === undefined)
    throw new TransportError("CLOSED", `${peer} closed the connection during the handshake`)
  return block
}

/** Runs what reads or uses a part of a handshake. Throws `TransportError HANDSHAKE` for whatever the peer made wrong. */
export function handshakePart<T>(what: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    if (error instanceof WireError || error instanceof CryptoError)
      throw new TransportError("HANDSHAKE", `${what} cannot be used: ${error.message}`, { cause: error })
    throw error
  }
}
