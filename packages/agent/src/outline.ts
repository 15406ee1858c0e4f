import type { Bytes } from "@smpkit/codec"
import type { Connection } from "./connection.ts"
import type { ServerUse, ServerUses } from "./servers-in-use.ts"

/** What is in memory of every connection, so that all can be looked through without reading them. */
export interface Outline {
  readonly state: Connection["state"]
  /** Of its queues, but for those that it moves to. */
  readonly uses: readonly ServerUse[]
  /** The beginning of the sender id in its link; see `mayHaveLink`. */
  readonly linkMark: number | undefined
}

export function outlineOf(servers: ServerUses, c: Connection): Outline {
  return { state: c.state, uses: servers.ofConnection(c), linkMark: linkMarkOf(c) }
}

/** `false` where the link of the connection has another sender id for certain. */
export function mayHaveLink({ linkMark }: Outline, senderId: Bytes): boolean {
  return linkMark === markOf(senderId)
}

function linkMarkOf(c: Connection): number | undefined {
  if (c.role === "initiator") return "receive" in c ? markOf(c.receive.senderId) : undefined
  return "send" in c ? markOf(c.send.info.senderId) : undefined
}

function markOf(id: Bytes): number {
  return id.subarray(0, 3).reduce((mark, byte) => 256 * mark + byte, 0)
}
