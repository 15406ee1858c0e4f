import type { Bytes } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import type { LinkData } from "@smpkit/smp"
import {
  type Done,
  type QueueRecord,
  type QueueStep,
  type Refused,
  senderMaySecure,
  type StepResult,
} from "./queue.ts"
import type { StoredKey } from "./stored-key.ts"

// The rules of a queue's link data as pure steps (smp-commands.md, "LSET, LDEL", "LKEY, LGET" and the table of queue modes).

const done: Done = { type: "OK" }
const authError: Refused = { type: "ERR", error: { type: "AUTH" } }
const unchanged = <R>(outcome: R): StepResult<R> => ({ changes: [], outcome })

/** The answer to LKEY and LGET. */
export type Linked = { readonly type: "LNK"; readonly senderId: Bytes } & LinkData

/** LSET: link data for the queue, or another user part under the same link id and fixed part. */
export function setLink(linkId: Bytes, data: LinkData): QueueStep<Done | Refused> {
  return {
    run: ({ record, linkData, linkTaken }) => {
      if (!mayHaveLink(record) || linkTaken(linkId)) return unchanged(authError)
      const stored = linkData()
      const fits =
        record.linkId === undefined ||
        stored === undefined ||
        (equalBytes(record.linkId, linkId) && equalBytes(stored.fixed, data.fixed))
      return fits ? { changes: [{ type: "link", linkId, data }], outcome: done } : unchanged(authError)
    },
  }
}

/** LDEL. */
export const removeLink: QueueStep<Done> = {
  run: ({ record }) => ({
    changes: record.linkId === undefined ? [] : [{ type: "unlink" }],
    outcome: done,
  }),
}

/** LKEY: sets the sender's key as SKEY does, and tells the link data; the same key again gets them again. */
export function secureByLink(senderKey: StoredKey): QueueStep<Linked | Refused> {
  return {
    run: ({ record, linkData }) => {
      const data = linkData()
      if (data === undefined || !senderMaySecure(record, senderKey)) return unchanged(authError)
      const outcome: Linked = { type: "LNK", senderId: record.senderId, ...data }
      if (record.senderKey !== undefined) return unchanged(outcome)
      return { changes: [{ type: "record", record: { ...record, senderKey } }], outcome }
    },
  }
}

/** LGET. */
export const readLink: QueueStep<Linked | Refused> = {
  run: ({ record, linkData }) => {
    const data = linkData()
    if (data === undefined || !isPublicLink(record)) return unchanged(authError)
    return unchanged({ type: "LNK", senderId: record.senderId, ...data })
  },
}

/** Whether anybody with the link may read it: an address, or a queue without a mode that nobody has secured. */
export function isPublicLink({ mode, senderKey }: QueueRecord): boolean {
  return mode === "contact" || (mode === undefined && senderKey === undefined)
}

function mayHaveLink({ mode, senderKey }: QueueRecord): boolean {
  return mode === "contact" || senderKey === undefined
}
