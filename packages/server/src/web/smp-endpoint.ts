import type { Random } from "@smpkit/crypto"
import type { BlockStream, Clock, ServerIdentity } from "@smpkit/transport"
import { type ChannelLimits, channelServer } from "@smpkit/transport/channel"
import { acceptWebSocket } from "@smpkit/transport/websocket-server"
import type { Upgrade } from "./http-listener.ts"

export interface SmpEndpointOptions {
  readonly identity: ServerIdentity
  readonly clock: Clock
  readonly random: Random
  /** Shared with the other listeners of the process. */
  readonly limits: ChannelLimits
  /** Ends handshakes that are under way. */
  readonly signal: AbortSignal
  readonly onConnection: (stream: BlockStream) => void
  /** Gets why a connection did not come about: a peer's fault, as a rule. */
  readonly onFailure: (error: unknown) => void
}

/** Makes a channel of a WebSocket (channel.md, "Carriers"). */
export function smpEndpoint(options: SmpEndpointOptions): (upgrade: Upgrade) => void {
  const { identity, clock, random, limits, signal, onConnection, onFailure } = options
  const accept = async ({ request, socket, head, opened }: Upgrade): Promise<void> => {
    const address = request.socket.remoteAddress
    const stream = await acceptWebSocket(request, socket, head, { clock })
    const channel = await channelServer(stream, {
      identities: [identity],
      clock,
      random,
      limits,
      address,
      signal,
    })
    opened()
    onConnection(channel)
  }
  return (upgrade) => {
    accept(upgrade).catch(onFailure)
  }
}
