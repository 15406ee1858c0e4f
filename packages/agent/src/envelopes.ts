import { type Bytes, type Codec, longBytes, optional, rest, struct } from "@smpkit/codec"
import {
  type KemProposal,
  proposedRatchetParameters,
  type RatchetParameters,
  ratchetParameters,
} from "@smpkit/ratchet"

/** What a per-queue box holds after its private header (agent-protocol.md, "AgentMsgEnvelope"). `version` is the agent version. */
export type AgentEnvelope =
  | {
      readonly type: "AgentConfirmation"
      readonly version: number
      readonly parameters: RatchetParameters | undefined
      readonly sealed: Bytes
    }
  | { readonly type: "AgentMsgEnvelope"; readonly version: number; readonly sealed: Bytes }
  | { readonly type: "AgentInvitation"; readonly version: number; readonly link: Bytes; readonly info: Bytes }
  | {
      readonly type: "AgentRatchetKey"
      readonly version: number
      readonly parameters: RatchetParameters<KemProposal>
      readonly info: Bytes
    }

const confirmation = struct({ parameters: optional(ratchetParameters), sealed: rest })
const invitation = struct({ link: longBytes, info: rest })
const ratchetKey = struct({ parameters: proposedRatchetParameters, info: rest })

const tags: Readonly<Record<AgentEnvelope["type"], number>> = {
  AgentConfirmation: 0x43,
  AgentMsgEnvelope: 0x4d,
  AgentInvitation: 0x49,
  AgentRatchetKey: 0x52,
}

/** Codec of envelopes; `decode` it, so that nothing may follow. */
export const agentEnvelope: Codec<AgentEnvelope> = {
  write: (w, e) => {
    w.u16(e.version)
    w.u8(tags[e.type])
    switch (e.type) {
      case "AgentConfirmation":
        confirmation.write(w, e)
        return
      case "AgentMsgEnvelope":
        rest.write(w, e.sealed)
        return
      case "AgentInvitation":
        invitation.write(w, e)
        return
      case "AgentRatchetKey":
        ratchetKey.write(w, e)
        return
      default:
        return e satisfies never
    }
  },
  read: (r) => {
    const version = r.u16()
    switch (r.u8()) {
      case tags.AgentConfirmation:
        return { type: "AgentConfirmation", version, ...confirmation.read(r) }
      case tags.AgentMsgEnvelope:
        return { type: "AgentMsgEnvelope", version, sealed: rest.read(r) }
      case tags.AgentInvitation:
        return { type: "AgentInvitation", version, ...invitation.read(r) }
      case tags.AgentRatchetKey:
        return { type: "AgentRatchetKey", version, ...ratchetKey.read(r) }
      default:
        return r.fail("an unknown envelope")
    }
  },
}

/** Padded lengths before ratchet encryption (agent-protocol.md, "Padded lengths"). */
export function paddedLengths(
  postQuantum: boolean,
  version: number,
): { readonly info: number; readonly message: number } {
  return postQuantum && version >= 5 ? { info: 11106, message: 13618 } : { info: 14832, message: 15840 }
}
