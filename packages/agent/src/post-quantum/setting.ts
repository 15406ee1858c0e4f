import { hybridOf, type RatchetState } from "@smpkit/ratchet"
import { AgentError } from "../errors.ts"
import type { ConnectionCommon } from "../connection.ts"
import type { Notice } from "../notice.ts"
import { mayEncrypt } from "../resynchronize/may-encrypt.ts"
import { postQuantumVersion } from "../version.ts"

// agent-protocol.md, "PQ settings of a connection"; security.md Q6.

/** What an application asks of a connection, once: `required` neither sends nor accepts application messages without it. */
export type PostQuantumSetting = "off" | "on" | "required"

/** The end-to-end version from which the ratchet has room for a KEM. */
const kemVersion = 3

/** Whether a connection with this setting and these agreed versions takes part. Throws `AgentError POST_QUANTUM` where it has to and cannot. */
export function takesPart(setting: PostQuantumSetting, agentVersion: number, e2eVersion: number): boolean {
  const possible = agentVersion >= postQuantumVersion && e2eVersion >= kemVersion
  if (setting === "required" && !possible) {
    throw new AgentError(
      "POST_QUANTUM",
      "The other side's release has no post-quantum encryption, which this connection requires: ask for an update, or make a connection that does not require it.",
    )
  }
  return setting !== "off" && possible
}

/** What the application wishes of a message: passed with every one, as a peer that did not take part once has ended it on our side. */
export function wishOf(c: {
  readonly postQuantum: PostQuantumSetting
  readonly agentVersion: number
}): boolean {
  return c.postQuantum !== "off" && c.agentVersion >= postQuantumVersion
}

/** Whether application messages may leave; otherwise they are held. */
export function mayLeave(c: ConnectionCommon, ratchet: RatchetState): boolean {
  return mayEncrypt(c, ratchet) && (c.postQuantum !== "required" || isHybrid(ratchet))
}

/** Whether what goes either way has a KEM secret in its keys. */
export function isHybrid(ratchet: RatchetState): boolean {
  const { sending, receiving } = hybridOf(ratchet)
  return sending && receiving
}

/** A change of whether a direction is hybrid, in either way: it is never silent. */
export function hybridNotices(
  connectionId: string,
  before: RatchetState,
  after: RatchetState,
): readonly Extract<Notice, { readonly type: "postQuantumChanged" }>[] {
  const [old, now] = [hybridOf(before), hybridOf(after)]
  if (old.sending === now.sending && old.receiving === now.receiving) return []
  return [{ type: "postQuantumChanged", connectionId, ...now }]
}
