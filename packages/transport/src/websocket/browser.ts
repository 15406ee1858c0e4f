import type { ByteStream } from "../byte-stream.ts"
import { TransportError } from "../errors.ts"
import { BrowserWebSocketStream } from "./browser-stream.ts"
import { connectBy, type ConnectWebSocketOptions, type Platform } from "./connect.ts"

export type { ConnectWebSocketOptions } from "./connect.ts"

/**
 * A WebSocket to `ws://…` or `wss://…` as a stream of bytes (channel.md, "Carriers"): whoever answers there may be anybody, which the channel finds out.
 * Throws `TransportError` `NETWORK` or `TIMEOUT`, or the signal's reason. A browser does not tell why a connection failed.
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
    socket.close()
  },
}

function open(url: string | URL, subject: string): WebSocket {
  try {
    const socket = new WebSocket(url)
    socket.binaryType = "arraybuffer"
    return socket
  } catch (error) {
    throw new TransportError("NETWORK", `${subject}: this page may not connect there`, { cause: error })
  }
}

function opened(socket: WebSocket, subject: string): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    socket.addEventListener("open", () => {
      resolve(new BrowserWebSocketStream(socket))
    })
    const fail = (): void => {
      reject(
        new TransportError(
          "NETWORK",
          `${subject}: there is no server, no network, or something on the way refuses`,
        ),
      )
    }
    socket.addEventListener("error", fail)
    socket.addEventListener("close", fail)
  })
}
