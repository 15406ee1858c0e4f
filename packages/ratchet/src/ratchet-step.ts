import { dh, generateKeyPair, type Kem } from "@smpkit/crypto"
import { deriveRootStep } from "./chains.ts"
import type { RatchetHeader } from "./header.ts"
import { type KemOptions, receivedSecret } from "./kem-keys.ts"
import { answerKem } from "./post-quantum.ts"
import type { RatchetState } from "./state.ts"

// double-ratchet.md, "Ratchet step", in its two halves: what reads the peer's new chain, and what answers with an own new chain.

/** With the chain that the peer began. Its KEM secret, if there is one, was made for the keys of the state. Throws `RatchetError KEM_STATE`. */
export function beginReceiving(
  state: RatchetState,
  header: RatchetHeader,
  kem: Kem | undefined,
): RatchetState {
  const kemSecret = receivedSecret(state.postQuantum.keys, header.kem, kem)
  const secret = dh(state.keyPair.privateKey, header.key)
  const step = deriveRootStep(state.rootKey, secret, kemSecret)
  secret.fill(0)
  kemSecret?.fill(0)
  return {
    ...state,
    rootKey: step.rootKey,
    receiving: { chainKey: step.chainKey, headerKey: state.nextReceivingHeaderKey },
    received: 0,
    nextReceivingHeaderKey: step.nextHeaderKey,
    postQuantum: { ...state.postQuantum, receiving: kemSecret !== undefined },
  }
}

/** With an own new chain, after `beginReceiving`. Here, and nowhere else in a conversation, KEM keys are made. */
export function beginSending(state: RatchetState, header: RatchetHeader, options: KemOptions): RatchetState {
  const { postQuantum, secret: kemSecret } = answerKem(state.postQuantum, state.version, header.kem, options)
  const keyPair = generateKeyPair("x448", options.random)
  const secret = dh(keyPair.privateKey, header.key)
  const step = deriveRootStep(state.rootKey, secret, kemSecret)
  secret.fill(0)
  kemSecret?.fill(0)
  return {
    ...state,
    keyPair,
    rootKey: step.rootKey,
    sending: { peerKey: header.key, chainKey: step.chainKey, headerKey: state.nextSendingHeaderKey },
    sent: 0,
    previousSent: state.sent,
    nextSendingHeaderKey: step.nextHeaderKey,
    postQuantum,
  }
}
