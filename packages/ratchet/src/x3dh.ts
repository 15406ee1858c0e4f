import { type Bytes, concatBytes } from "@smpkit/codec"
import { dh, type Kem, type KemSecret, type PublicKey } from "@smpkit/crypto"
import { deriveInitialKeys, type InitialKeys, joinSecrets } from "./chains.ts"
import { assertE2eVersion } from "./e2e-version.ts"
import { RatchetError } from "./errors.ts"
import type { KemParameter } from "./kem.ts"
import { acceptKem, type KemKeys, type KemOptions, receivedSecret } from "./kem-keys.ts"
import type { RatchetParameters } from "./parameters.ts"
import type { X3dhKeys } from "./x3dh-keys.ts"

// double-ratchet.md, "Key agreement (X3DH)".

/** What both sides have after the key agreement. */
export interface X3dhSecrets extends InitialKeys {
  /** Raw first key of the joiner, raw first key of the initiator; `securityCode` is made of it. */
  readonly ad: Bytes
  /** Whether a KEM secret is in them: the joiner accepted the initiator's KEM key. */
  readonly hybrid: boolean
  /** The KEM keys that this side's ratchet begins with. */
  readonly kem?: KemKeys | undefined
  /** The joiner's KEM secret, which its first chain includes as well. */
  readonly kemSecret?: KemSecret | undefined
}

/** What one side needs of the other side's parameters. */
export interface PeerKeys {
  readonly key1: PublicKey<"x448">
  readonly key2: PublicKey<"x448">
  readonly kem: KemParameter | undefined
}

/**
 * The side whose parameters were sent first (the creator of the invitation, "Rcv"). Own KEM keys that the joiner did not accept are dropped, and
 * `hybrid` says so. `kemOfTest` replays a recording. Throws `RatchetError` VERSION or KEM_STATE for the joiner's parameters.
 */
export function x3dhInitiator(own: X3dhKeys, joiner: RatchetParameters, kemOfTest?: Kem): X3dhSecrets {
  assertE2eVersion(joiner.version)
  const secret = receivedSecret(own.kem, joiner.kem, kemOfTest)
  const kem =
    own.kem !== undefined && joiner.kem?.type === "A"
      ? { ...own.kem, accepted: joiner.kem.ciphertext }
      : undefined
  const keys = agree(
    secret,
    dh(own.key1.privateKey, joiner.key2),
    dh(own.key2.privateKey, joiner.key1),
    dh(own.key2.privateKey, joiner.key2),
  )
  secret?.fill(0)
  return {
    ...keys,
    ad: concatBytes(joiner.key1.raw, own.key1.publicKey.raw),
    hybrid: secret !== undefined,
    kem,
  }
}

/**
 * The side that answers with its parameters (the joiner, "Snd"). With own KEM keys and `accept` it accepts the initiator's KEM key; without `accept`
 * (a re-synchronisation), or where the initiator has none, its own key stays a proposal. Throws `RatchetError KEM_STATE`.
 */
export function x3dhJoiner(own: X3dhKeys, initiator: PeerKeys, accept?: KemOptions): X3dhSecrets {
  if (initiator.kem?.type === "A") {
    throw new RatchetError("KEM_STATE", "an accepted KEM key from the side that speaks first")
  }
  const accepted =
    own.kem !== undefined && initiator.kem !== undefined && accept !== undefined
      ? acceptKem(initiator.kem.key, accept)
      : undefined
  const kem = own.kem && { ...own.kem, accepted: accepted?.ciphertext }
  const keys = agree(
    accepted?.secret,
    dh(own.key2.privateKey, initiator.key1),
    dh(own.key1.privateKey, initiator.key2),
    dh(own.key2.privateKey, initiator.key2),
  )
  return {
    ...keys,
    ad: concatBytes(own.key1.publicKey.raw, initiator.key1.raw),
    hybrid: accepted !== undefined,
    kem,
    kemSecret: accepted?.secret,
  }
}

function agree(kemSecret: Bytes | undefined, ...secrets: readonly Bytes[]): InitialKeys {
  const joined = joinSecrets(...secrets, kemSecret)
  const keys = deriveInitialKeys(joined)
  for (const secret of [joined, ...secrets]) secret.fill(0)
  return keys
}
