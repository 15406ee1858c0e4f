import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { WebSocketServer } from "ws"
import type { ByteStream } from "../byte-stream.ts"
import { type Clock, systemClock } from "../clock.ts"
import { TransportError } from "../errors.ts"
import { keepAlive } from "./heartbeat.ts"
import { maxMessageSize } from "./message.ts"
import { NodeWebSocketStream } from "./node-stream.ts"

/**
 * Answers an HTTP server's `upgrade` event with a WebSocket for a channel (channel.md, "Carriers"): no subprotocol, no compression, no look at Origin. Pings
 * it every 25 seconds by the clock, and closes one that does not answer. Throws `TransportError HANDSHAKE` for a request that is no WebSocket's; the client has got its answer then.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): Promise<ByteStream> {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxMessageSize,
    // Without this the first one that a client names would be taken.
    handleProtocols: () => false,
  })
  return new Promise((resolve, reject) => {
    const fail = (): void => {
      reject(new TransportError("HANDSHAKE", "a request that opens no WebSocket"))
    }
    server.once("wsClientError", (_error, failed: Duplex) => {
      failed.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
      fail()
    })
    socket.once("close", fail)
    server.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off("close", fail)
      keepAlive(webSocket, clock)
      resolve(new NodeWebSocketStream(webSocket))
    })
  })
}
