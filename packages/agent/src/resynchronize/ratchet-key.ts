import { encode, utf8 } from "@smpkit/codec"
import { sha256 } from "@smpkit/crypto"
import { generateX3dhKeys, ratchetParametersOf, type X3dhKeys } from "@smpkit/ratchet"
import type { DuplexConnection, Session } from "../connection.ts"
import type { Context } from "../context.ts"
import { agentEnvelope } from "../envelopes.ts"
import { agentContent } from "../messages.ts"
import type { Outgoing } from "../records.ts"
import { takesPart } from "../post-quantum/setting.ts"
import { boxEnvelope } from "../seal.ts"
import { agentVersions } from "../version.ts"

/** New keys for a re-synchronisation in a version that both sides speak. Throws `AgentError POST_QUANTUM`. */
export function newKeys({ random }: Context, c: DuplexConnection, version: number): X3dhKeys {
  return generateX3dhKeys(random, { postQuantum: takesPart(c.postQuantum, c.agentVersion, version) })
}

/**
 * AgentRatchetKey with these keys, sealed for the other side's queue, and the session behind it: it has a number of its own, and the next message names
 * the hash of its content, which is one byte.
 */
export function prepareRatchetKey(
  { random, clock }: Context,
  c: DuplexConnection,
  session: Session,
  version: number,
  keys: X3dhKeys,
): { readonly session: Session; readonly item: Outgoing } {
  const info = encode(agentContent, { type: "AgentRatchetInfo", info: utf8("") })
  const envelope = encode(agentEnvelope, {
    type: "AgentRatchetKey",
    version: agentVersions.max,
    parameters: ratchetParametersOf(version, keys),
    info,
  })
  const sndMsgId = session.lastSentId + 1
  return {
    session: { ...session, lastSentId: sndMsgId, lastSentHash: sha256(info) },
    item: {
      type: "AgentRatchetKey",
      sndMsgId,
      messageId: undefined,
      created: clock.now(),
      notification: true,
      signed: true,
      body: boxEnvelope(c.send, envelope, random),
    },
  }
}
