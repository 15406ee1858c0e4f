import type { ByteStream } from "../byte-stream.ts"
import { systemClock } from "../clock.ts"
import { withDeadline } from "../deadline.ts"
import { TransportError } from "../errors.ts"
import { BrowserWebSocketStream } from "./browser-stream.ts"
import type { ConnectWebSocketOptions } from "./index.ts"

export type { ConnectWebSocketOptions } from "./index.ts"

// channel.md, "Limits": an interactive client's time.
const connectTimeoutMs = 15_000

/**
 * A WebSocket to `ws://…` or `wss://…` as a stream of bytes (channel.md, "Carriers"): whoever answers there may be anybody, which the channel finds out.
 * Throws `TransportError` `NETWORK` or `TIMEOUT`, or the signal's reason. A browser does not tell why a connection failed.
 */
export async function connectWebSocket(
  url: string | URL,
  { signal, clock = systemClock, timeoutMs = connectTimeoutMs }: ConnectWebSocketOptions = {},
): Promise<ByteStream> {
  signal?.throwIfAborted()
  const subject = `cannot connect to ${url}`
  const socket = open(url, subject)
  const stop = (): void => {
    socket.close()
  }
  try {
    return await withDeadline({ clock, timeoutMs, signal, what: `connecting to ${url}` }, stop, () =>
      opened(socket, subject),
    )
  } catch (error) {
    stop()
    throw error
  }
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
