import type { QueueInfo } from "../protocol.ts"
import type { QueueDescription } from "./agent-port.ts"
import { hostOf } from "./problems.ts"

/** The queues of one direction: the agent lists the one in use first, and behind it the other one of a move. */
export function queueInfos(queues: readonly QueueDescription[]): readonly QueueInfo[] {
  return queues.map(({ server, status }, index) => {
    const other = status === "draining" ? "last" : "next"
    return { host: hostOf(server), role: index === 0 ? "current" : other }
  })
}
