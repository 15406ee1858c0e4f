import type { EventLoop } from "../turns.ts"

/** Node's event loop. */
export const eventLoop: EventLoop = {
  now: () => performance.now(),
  next: (f) => {
    setImmediate(f)
  },
}
