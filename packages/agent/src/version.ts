import type { VersionRange } from "@smpkit/codec"

/** Agent protocol versions (agent-protocol.md, "Agent versions"). */
export const agentVersions: VersionRange = { min: 2, max: 7 }

/** From this version on a joiner may send messages before it has seen the initiator's answer. */
export const earlyMessagesVersion = 7

/** From this version on ratchets can be re-synchronised. */
export const resyncVersion = 3

/** From this version on delivery receipts are understood. */
export const receiptsVersion = 4

/** From this version on agents may use post-quantum encryption (agent-protocol.md, "PQ settings of a connection"). */
export const postQuantumVersion = 5
