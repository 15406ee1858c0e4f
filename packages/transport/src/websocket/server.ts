import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { WebSocketServer } from "ws"
import type { ByteStream } from "../byte-stream.ts"
import { TransportError } from "../errors.ts"
import { maxMessageSize } from "./message.ts"
import { NodeWebSocketStream } from "./node-stream.ts"

/**
 * Answers an HTTP server's `upgrade` event with a WebSocket for a channel (channel.md, "Carriers"): no subprotocol, no compression, no look at Origin. Throws
 * `TransportError HANDSHAKE` for a request that is no WebSocket's; the client has got its answer then.
 */
export function acceptWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<ByteStream> {
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
      resolve(new NodeWebSocketStream(webSocket))
    })
  })
}
