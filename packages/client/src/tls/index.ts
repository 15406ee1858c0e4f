import type { VersionRange } from "@smpkit/codec"
import { type Random, systemRandom } from "@smpkit/crypto"
import { type Clock, clientHandshake, systemClock } from "@smpkit/transport"
import { connectTls } from "@smpkit/transport/tls"
import type { Connector } from "../connector.ts"

export interface TlsConnectorOptions {
  readonly random?: Random
  readonly clock?: Clock
  readonly versions?: VersionRange
  /** For TCP and TLS together, and again for the SMP handshake. */
  readonly timeoutMs?: number
}

/** Reaches servers over TLS 1.3, with the fingerprint of the address pinned. */
export function tlsConnector({
  random = systemRandom,
  clock = systemClock,
  versions,
  timeoutMs = 15_000,
}: TlsConnectorOptions = {}): Connector {
  return {
    connect: async (server, { signal }) => {
      const stream = await connectTls(server, { signal, timeoutMs, clock })
      return await clientHandshake(stream, {
        keyHash: server.keyHash,
        random,
        clock,
        timeoutMs,
        signal,
        ...(versions === undefined ? {} : { versions }),
      })
    },
  }
}
