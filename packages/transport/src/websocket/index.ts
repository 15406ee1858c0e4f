import { WebSocket } from "ws"
import type { ByteStream } from "../byte-stream.ts"
import { TransportError } from "../errors.ts"
import { asTransportError } from "../tls/sentences.ts"
import { connectBy, type ConnectWebSocketOptions, type Platform } from "./connect.ts"
import { maxMessageSize } from "./message.ts"
import { NodeWebSocketStream } from "./node-stream.ts"

export type { ConnectWebSocketOptions } from "./connect.ts"

/**
 * A WebSocket to `ws://…` or `wss://…` as a stream of bytes (channel.md, "Carriers"): whoever answers there may be anybody, which the channel finds out.
 * Throws `TransportError` `NETWORK`, `TIMEOUT` or `HANDSHAKE`, or the signal's reason.
 */
export function connectWebSocket(
  url: string | URL,
  options: ConnectWebSocketOptions = {},
): Promise<ByteStream> {
  return connectBy(platform, url, options)
}

const platform: Platform<WebSocket> = {
  open,
  opened,
  stop: (socket) => {
    socket.terminate()
  },
}

function open(url: string | URL, subject: string): WebSocket {
  try {
    return new WebSocket(url, { perMessageDeflate: false, maxPayload: maxMessageSize })
  } catch (error) {
    throw new TransportError("NETWORK", `${subject}: this is no address of a WebSocket`, { cause: error })
  }
}

function opened(socket: WebSocket, subject: string): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    socket.once("open", () => {
      resolve(new NodeWebSocketStream(socket))
    })
    socket.once("unexpected-response", (_request, { statusCode = 0 }) => {
      const code = statusCode >= 500 || statusCode === 429 ? "NETWORK" : "HANDSHAKE"
      reject(new TransportError(code, `${subject}: it answers with the HTTP status ${statusCode}`))
    })
    // Stays for good: giving up a connection makes the library report one more error.
    socket.on("error", (error) => {
      reject(asTransportError(error, subject))
    })
    socket.once("close", () => {
      reject(new TransportError("NETWORK", `${subject}: the connection was closed`))
    })
  })
}
