import type { RatchetState } from "@smpkit/ratchet"
import type { ConnectionCommon } from "../connection.ts"

/**
 * Whether something new may be encrypted: not with the ratchet of a restored copy (security.md Q2), nor with one that the other side gives up as soon as it reads
 * our new keys, nor before the side that sends first has sent (agent-protocol.md, "Ratchet re-synchronisation").
 */
export function mayEncrypt(c: ConnectionCommon, ratchet: RatchetState): boolean {
  return !c.sendLocked && c.ratchetSync !== "started" && ratchet.sending !== undefined
}

/**
 * Whether a message of the handshake may be answered with the next one: with the ratchet of a restored copy only where what came has begun a new chain of ours, whose
 * random key no other copy has. Whoever wrote it decides about that, so it is looked at each time.
 */
export function mayAnswer(c: ConnectionCommon, before: RatchetState, after: RatchetState): boolean {
  return !c.sendLocked || after.keyPair !== before.keyPair
}
