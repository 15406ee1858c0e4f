import type { WebSocket } from "ws"
import type { Clock } from "../clock.ts"

// Proxies, and the networks of phones, forget a connection on which nothing was said for a minute.
const intervalMs = 25_000
const mayMiss = 2

/**
 * Pings a client of the server's for as long as its WebSocket is open, so that a quiet connection lives below what usual proxies allow, and a client that is gone is found: one that answers
 * neither of two pings is closed when the third is due. Nobody hears a client whose bytes wait because their reader is busy: that is not held against it.
 */
export function keepAlive(socket: WebSocket, clock: Clock): void {
  let missed = 0
  let timer: Disposable | undefined
  const heard = (): void => {
    missed = 0
  }
  const tick = (): void => {
    if (socket.isPaused) missed = 0
    else if (missed >= mayMiss) {
      socket.terminate()
      return
    }
    missed += 1
    socket.ping()
    timer = clock.setTimer(intervalMs, tick)
  }
  timer = clock.setTimer(intervalMs, tick)
  socket.on("pong", heard)
  socket.on("message", heard)
  socket.once("close", () => timer?.[Symbol.dispose]())
}
