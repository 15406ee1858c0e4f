import {
  type Codec,
  optional,
  type Reader,
  struct,
  u16,
  type VersionRange,
  versionRange,
  type Writer,
} from "@smpkit/codec"
import { type PublicKey, x448PublicKey } from "@smpkit/crypto"
import { e2eVersions, kemVersion } from "./e2e-version.ts"
import { type KemParameter, kemParameter, type KemProposal, kemProposal } from "./kem.ts"
import { kemParameterOf, kemProposalOf } from "./kem-keys.ts"
import type { X3dhSecrets } from "./x3dh.ts"
import type { X3dhKeys } from "./x3dh-keys.ts"

// double-ratchet.md, "E2E ratchet parameters".

interface Keys<K extends KemParameter> {
  readonly key1: PublicKey<"x448">
  readonly key2: PublicKey<"x448">
  readonly kem: K | undefined
}

/** What a side sends of its X3DH keys once the version is agreed. */
export interface RatchetParameters<K extends KemParameter = KemParameter> extends Keys<K> {
  readonly version: number
}

/** The same in a link, with all versions that its creator speaks. */
export interface RatchetParametersUri extends Keys<KemProposal> {
  readonly versions: VersionRange
}

function parametersCodec<K extends KemParameter>(kem: Codec<K>): Codec<RatchetParameters<K>> {
  const withKem = optional(kem)
  return {
    write: (w: Writer, v: RatchetParameters<K>): void => {
      w.u16(v.version)
      x448PublicKey.write(w, v.key1)
      x448PublicKey.write(w, v.key2)
      if (v.version >= kemVersion) withKem.write(w, v.kem)
      else if (v.kem !== undefined) throw new RangeError("a KEM key in parameters of a version without one")
    },
    read: (r: Reader): RatchetParameters<K> => {
      const version = u16.read(r)
      const key1 = x448PublicKey.read(r)
      const key2 = x448PublicKey.read(r)
      return { version, key1, key2, kem: version >= kemVersion ? withKem.read(r) : undefined }
    },
  }
}

/** Parameters of a reply (AgentConfirmation). Any version is read; `x3dhInitiator` refuses a wrong one. */
export const ratchetParameters: Codec<RatchetParameters> = parametersCodec(kemParameter)

/** Parameters of a side that speaks first (AgentRatchetKey): an accepted KEM key is `WireError`. */
export const proposedRatchetParameters: Codec<RatchetParameters<KemProposal>> = parametersCodec(kemProposal)

/** Binary form of a link's parameters (in the fixed data of short links). */
export const ratchetParametersUri: Codec<RatchetParametersUri> = struct({
  versions: versionRange,
  key1: x448PublicKey,
  key2: x448PublicKey,
  kem: optional(kemProposal),
})

/** The parameters that tell a peer these keys, before anything is agreed. A KEM key is proposed, where the version has room for one. */
export function ratchetParametersOf(version: number, keys: X3dhKeys): RatchetParameters<KemProposal> {
  const kem = version >= kemVersion ? kemProposalOf(keys.kem) : undefined
  return { version, key1: keys.key1.publicKey, key2: keys.key2.publicKey, kem }
}

/** The parameters with which a joiner answers, after `x3dhJoiner`: its KEM key, proposed or with the acceptance of the initiator's. */
export function ratchetReplyOf(version: number, keys: X3dhKeys, { kem }: X3dhSecrets): RatchetParameters {
  const proposed = ratchetParametersOf(version, keys)
  return kem?.accepted === undefined ? proposed : { ...proposed, kem: kemParameterOf(kem) }
}

/** The parameters that a link with these keys holds. */
export function ratchetParametersUriOf(keys: X3dhKeys): RatchetParametersUri {
  const kem = kemProposalOf(keys.kem)
  return { versions: e2eVersions, key1: keys.key1.publicKey, key2: keys.key2.publicKey, kem }
}
