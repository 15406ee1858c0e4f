import { type Bytes, type Codec, fixed, optional, struct } from "@smpkit/codec"
import {
  hybridX3dhKeys,
  type KemProposal,
  proposedRatchetParameters,
  type RatchetParameters,
  type X3dhKeys,
} from "@smpkit/ratchet"
import { letters } from "../queues.ts"

/**
 * Whether two ratchets are in step (agent-protocol.md, "Ratchet re-synchronisation"). `allowed`: a message did not decrypt, and sending goes on
 * (security.md Q3); `required`: several in a row. `started`: own new keys were sent, the other side's have not come. `agreed`: the new ratchet exists, nothing
 * has come over it.
 */
export type RatchetSync = "ok" | "allowed" | "required" | "started" | "agreed"

export const ratchetSync: Codec<RatchetSync> = letters({
  ok: "O",
  allowed: "A",
  required: "R",
  started: "S",
  agreed: "G",
})

/** What the other side sent as AgentRatchetKey. */
export type PeerRatchetKey = RatchetParameters<KemProposal>

export interface Resync {
  /** What was sent, in `started` and until something has come over the new ratchet. */
  readonly own: X3dhKeys | undefined
  /** The other side's keys that wait for the application to call `synchronizeRatchet` (security.md Q1). */
  readonly asked: PeerRatchetKey | undefined
  /** SHA-256 of the keys of all that were answered, as long as the connection lives (security.md Q3). */
  readonly processed: readonly Bytes[]
}

export const noResync: Resync = { own: undefined, asked: undefined, processed: [] }

/** More re-synchronisations than this one connection does not go through: nothing honest needs them. */
export const maxProcessed = 1000

const hashes: Codec<readonly Bytes[]> = {
  write: (w, v) => {
    w.u16(v.length)
    for (const hash of v) fixed(32).write(w, hash)
  },
  read: (r) => {
    const length = r.u16()
    if (32 * length > r.left) return r.fail("more hashes than the record holds")
    return Array.from({ length }, () => r.take(32))
  },
}

export const resync: Codec<Resync> = struct<Resync>({
  own: optional(hybridX3dhKeys),
  asked: optional(proposedRatchetParameters),
  processed: hashes,
})
