import type { Bytes } from "@smpkit/codec"
import { equalBytes, keySizes } from "@smpkit/crypto"
import { TransportError } from "../errors.ts"
import type { ServerIdentity } from "../identity.ts"
import { chainRoom, chainSize } from "./messages.ts"

/** The identity of one of the server's own that a client asks for. */
export function identityFor(
  identities: readonly ServerIdentity[],
  wanted: Bytes,
): ServerIdentity | undefined {
  return identities.find(({ keyHash }) => equalBytes(keyHash, wanted))
}

/**
 * What a server does before it listens (channel.md, "Handshake messages"): throws `TransportError CERTIFICATE` for an identity whose certificates do not fit in
 * a hello, and `RangeError` when there is none at all.
 */
export function checkServerIdentities(identities: readonly ServerIdentity[]): void {
  if (identities.length === 0) throw new RangeError("a channel's server without an identity")
  for (const { chain, leafKey } of identities) {
    const size = chainSize(chain)
    const room = chainRoom(keySizes[leafKey.publicKey.alg].signature)
    if (size > room)
      throw new TransportError(
        "CERTIFICATE",
        `the server's certificates take ${size} bytes, and a channel has room for ${room}: use shorter names or fewer extensions`,
      )
  }
}
