import { type Bytes, concatBytes } from "@smpkit/codec"
import { dh, type PublicKey } from "@smpkit/crypto"
import { deriveInitialKeys, type InitialKeys } from "./chains.ts"
import { assertE2eVersion } from "./e2e-version.ts"
import { assertNotAccepted, type KemParameter } from "./kem.ts"
import type { RatchetParameters } from "./parameters.ts"
import type { X3dhKeys } from "./x3dh-keys.ts"

// double-ratchet.md, "Key agreement (X3DH)".

/** What both sides have after the key agreement. */
export interface X3dhSecrets extends InitialKeys {
  /** Raw first key of the joiner, raw first key of the initiator; `securityCode` is made of it. */
  readonly ad: Bytes
}

/** What one side needs of the other side's parameters. */
export interface PeerKeys {
  readonly key1: PublicKey<"x448">
  readonly key2: PublicKey<"x448">
  readonly kem: KemParameter | undefined
}

/**
 * The side whose parameters were sent first (the creator of the invitation, "Rcv").
 * Throws `RatchetError` VERSION or KEM_STATE for the joiner's parameters.
 */
export function x3dhInitiator(own: X3dhKeys, joiner: RatchetParameters): X3dhSecrets {
  assertE2eVersion(joiner.version)
  assertNotAccepted(joiner.kem)
  return agree(
    concatBytes(joiner.key1.raw, own.key1.publicKey.raw),
    dh(own.key1.privateKey, joiner.key2),
    dh(own.key2.privateKey, joiner.key1),
    dh(own.key2.privateKey, joiner.key2),
  )
}

/** The side that answers with its parameters (the joiner, "Snd"). Throws `RatchetError KEM_STATE`. */
export function x3dhJoiner(own: X3dhKeys, initiator: PeerKeys): X3dhSecrets {
  assertNotAccepted(initiator.kem)
  return agree(
    concatBytes(own.key1.publicKey.raw, initiator.key1.raw),
    dh(own.key2.privateKey, initiator.key1),
    dh(own.key1.privateKey, initiator.key2),
    dh(own.key2.privateKey, initiator.key2),
  )
}

function agree(ad: Bytes, ...secrets: readonly Bytes[]): X3dhSecrets {
  const joined = concatBytes(...secrets)
  const keys = deriveInitialKeys(joined)
  for (const secret of [joined, ...secrets]) secret.fill(0)
  return { ad, ...keys }
}
