import type { ServerAddress } from "@smpkit/smp"
import type { QueueSwitch } from "../events.ts"
import { serverText } from "../failures.ts"
import type { Notice } from "../notice.ts"

/** A step of a move, told to the application: `server` is that of the new queue. */
export function switched(
  connectionId: string,
  direction: QueueSwitch["direction"],
  phase: QueueSwitch["phase"],
  server: ServerAddress,
): Notice {
  return { type: "queueSwitched", connectionId, direction, phase, server: serverText(server) }
}

/** A move that has ended without a new queue: the old one stays in use. `server` is that of the queue that failed. */
export function switchFailed(connectionId: string, server: ServerAddress, why: string): Notice {
  return {
    type: "error",
    connectionId,
    code: "SWITCH_FAILED",
    message: `The queue was not moved, and the old one stays in use: ${why}`,
    server: serverText(server),
  }
}
