import type { Bytes } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"

/** What ids and hashes say about the messages before this one: a hint for the user, never an error. */
export type Integrity =
  | { readonly type: "ok" }
  | { readonly type: "skipped"; readonly from: number; readonly to: number }
  | { readonly type: "duplicate" }
  | { readonly type: "badId"; readonly previous: number }
  | { readonly type: "badHash" }

/** The last message of the other side that was received: its own id and the hash of its plaintext. */
export interface LastReceived {
  readonly id: number
  readonly hash: Bytes
}

/** Compares a message's header with the last one received (agent-protocol.md, "Agent messages", integrity table). */
export function integrityOf(
  last: LastReceived,
  { sndMsgId, prevMsgHash }: { readonly sndMsgId: number; readonly prevMsgHash: Bytes },
): Integrity {
  if (sndMsgId === last.id) return { type: "duplicate" }
  if (sndMsgId < last.id) return { type: "badId", previous: last.id }
  if (sndMsgId > last.id + 1) return { type: "skipped", from: last.id + 1, to: sndMsgId - 1 }
  return equalBytes(prevMsgHash, last.hash) ? { type: "ok" } : { type: "badHash" }
}
