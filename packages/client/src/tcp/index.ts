import type { VersionRange } from "@smpkit/codec"
import { type Random, systemRandom, type XWing } from "@smpkit/crypto"
import { type Clock, clientHandshake, systemClock } from "@smpkit/transport"
import { connectTcpChannel } from "@smpkit/transport/tcp"
import type { Connector } from "../connector.ts"

export interface ChannelConnectorOptions {
  readonly random?: Random
  readonly clock?: Clock
  readonly xWing?: XWing
  readonly versions?: VersionRange
  /** For TCP and the channel together, and again for the SMP handshake. */
  readonly timeoutMs?: number
}

/** Reaches servers by a channel over TCP, with the fingerprint of the address pinned. The port of an address is the server's port for channels. */
export function channelConnector({
  random = systemRandom,
  clock = systemClock,
  xWing,
  versions,
  timeoutMs = 15_000,
}: ChannelConnectorOptions = {}): Connector {
  return {
    connect: async (server, { signal }) => {
      const stream = await connectTcpChannel(server, {
        signal,
        timeoutMs,
        clock,
        random,
        ...(xWing === undefined ? {} : { xWing }),
      })
      return await clientHandshake(stream, {
        keyHash: server.keyHash,
        random,
        clock,
        timeoutMs,
        signal,
        overChannel: true,
        ...(versions === undefined ? {} : { versions }),
      })
    },
  }
}
