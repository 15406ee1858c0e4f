import type { ByteStream } from "../byte-stream.ts"
import { type Clock, systemClock } from "../clock.ts"
import { withDeadline } from "../deadline.ts"

export interface ConnectWebSocketOptions {
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock
  readonly timeoutMs?: number
}

/** What differs between Node and a browser; `subject` begins the sentences of errors. */
export interface Platform<Socket> {
  readonly open: (url: string | URL, subject: string) => Socket
  readonly opened: (socket: Socket, subject: string) => Promise<ByteStream>
  /** Gives up a socket in whatever state it is. */
  readonly stop: (socket: Socket) => void
}

// channel.md, "Limits": an interactive client's time.
const connectTimeoutMs = 15_000

/** Connects by the platform's sockets, within a time and as long as the signal allows it. */
export async function connectBy<Socket>(
  { open, opened, stop }: Platform<Socket>,
  url: string | URL,
  { signal, clock = systemClock, timeoutMs = connectTimeoutMs }: ConnectWebSocketOptions,
): Promise<ByteStream> {
  signal?.throwIfAborted()
  const subject = `cannot connect to ${url}`
  const socket = open(url, subject)
  const giveUp = (): void => {
    stop(socket)
  }
  try {
    return await withDeadline({ clock, timeoutMs, signal, what: `connecting to ${url}` }, giveUp, () =>
      opened(socket, subject),
    )
  } catch (error) {
    giveUp()
    throw error
  }
}
