import type { VersionRange } from "@smpkit/codec"
import { type Random, systemRandom, type XWing } from "@smpkit/crypto"
import { type Clock, clientHandshake, systemClock } from "@smpkit/transport"
import { channelClient } from "@smpkit/transport/channel"
import { connectWebSocket } from "@smpkit/transport/websocket"
import type { Connector } from "../connector.ts"

export interface WebSocketConnectorOptions {
  /** Where every server is reached: `ws://…` or `wss://…`. */
  readonly url: string
  readonly random?: Random
  readonly clock?: Clock
  readonly xWing?: XWing
  readonly versions?: VersionRange
  /** For the WebSocket, again for the channel, and again for the SMP handshake. */
  readonly timeoutMs?: number
}

/**
 * Reaches servers by a channel through one WebSocket address, in Node and in a page. Whatever host an address names, it is the one behind that WebSocket that is
 * reached; the fingerprint decides whether it is the server of the address. What ends TLS on the way learns and changes nothing.
 */
export function webSocketConnector({
  url,
  random = systemRandom,
  clock = systemClock,
  xWing,
  versions,
  timeoutMs = 15_000,
}: WebSocketConnectorOptions): Connector {
  return {
    connect: async ({ keyHash }, { signal }) => {
      const carrier = await connectWebSocket(url, { signal, clock, timeoutMs })
      const stream = await channelClient(carrier, {
        keyHash,
        random,
        clock,
        timeoutMs,
        signal,
        ...(xWing === undefined ? {} : { xWing }),
      })
      return await clientHandshake(stream, {
        keyHash,
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
