import {
  initReceivingRatchet,
  initSendingRatchet,
  RatchetError,
  type RatchetState,
  securityCode,
  x3dhInitiator,
  x3dhJoiner,
  type X3dhKeys,
} from "@smpkit/ratchet"
import { equalBytes, type Random } from "@smpkit/crypto"
import type { Changes } from "../changes.ts"
import type { DuplexConnection, Session } from "../connection.ts"
import type { Context } from "../context.ts"
import { AgentError } from "../errors.ts"
import { keysHash } from "../handshake.ts"
import { prepare } from "../outgoing.ts"
import { hybridNotices, takesPart } from "../post-quantum/setting.ts"
import type { Outgoing } from "../records.ts"
import { newKeys, prepareRatchetKey } from "./ratchet-key.ts"
import type { PeerRatchetKey } from "./state.ts"

/**
 * The ratchet of both sides' new keys (agent-protocol.md, "Ratchet re-synchronisation", step 3): the side with the lower hash is the one that receives first.
 * Nothing of a KEM is in its first keys; with `postQuantum` the sending side proposes its own in the next header.
 */
function newRatchet(
  own: X3dhKeys,
  peer: PeerRatchetKey,
  { postQuantum, random }: { readonly postQuantum: boolean; readonly random: Random },
): RatchetState {
  const { version } = peer
  const publicKeys = { key1: own.key1.publicKey, key2: own.key2.publicKey }
  try {
    if (compare(keysHash(publicKeys), keysHash(peer)) <= 0) {
      const secrets = x3dhInitiator(own, peer)
      return initReceivingRatchet({ version, secrets, keyPair: own.key2, postQuantum })
    }
    const secrets = x3dhJoiner(own, peer)
    return initSendingRatchet({ version, secrets, peerKey: peer.key2, random })
  } catch (error) {
    if (RatchetError.is(error, "VERSION"))
      throw new AgentError("A_VERSION", "New keys of another end-to-end version.", { cause: error })
    if (error instanceof RatchetError)
      throw new AgentError("A_CRYPTO", "New keys of the other side that cannot be used.", { cause: error })
    throw error
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i])
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0)
}

/**
 * Replaces the ratchet by one of the other side's new keys and our own, which are sent first unless the other side's answer them. Ours are kept until something
 * has come over the new ratchet: keys that come before go with the same ones, so that sides which began anew several times agree. The connection is not verified any more,
 * and may send again if it came back from a copy. Throws `AgentError` A_VERSION, A_CRYPTO, POST_QUANTUM.
 */
export function replaceRatchet(
  context: Context,
  c: DuplexConnection,
  session: Session,
  peer: PeerRatchetKey,
): Changes {
  const postQuantum = takesPart(c.postQuantum, c.agentVersion, peer.version)
  const { own: kept, processed } = c.resync
  const own = kept ?? newKeys(context, c, peer.version)
  const ratchet = newRatchet(own, peer, { postQuantum, random: context.random })
  const outgoing: Outgoing[] = []
  let next: Session = { ...session, ratchet }
  // Keys that were sent before may be lost: whoever asks anew has to get them.
  if (c.ratchetSync !== "started") {
    const key = prepareRatchetKey(context, c, next, peer.version, own)
    outgoing.push(key.item)
    next = key.session
  }
  const hash = keysHash(peer)
  const connection: DuplexConnection = {
    ...c,
    ratchetSync: "agreed",
    failures: 0,
    verified: false,
    sendLocked: false,
    resync: {
      own,
      asked: undefined,
      processed: processed.some((other) => equalBytes(other, hash)) ? processed : [...processed, hash],
    },
  }
  if (ratchet.sending !== undefined) {
    const ready = prepare(context, connection, next, {
      type: "EREADY",
      lastDecrypted: session.lastReceivedId,
    })
    outgoing.push(ready.item)
    next = ready.session
  }
  return {
    connection,
    session: next,
    outgoing,
    notices: [
      {
        type: "ratchetSync",
        connectionId: c.id,
        state: "agreed",
        oldCode: securityCode(session.ratchet.ad),
        newCode: securityCode(ratchet.ad),
      },
      ...hybridNotices(c.id, session.ratchet, ratchet),
    ],
  }
}
