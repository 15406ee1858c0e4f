export type { ChainKey, HeaderKey, InitialKeys, MessageKey, RootKey } from "./chains.ts"
export { decrypt, type Decrypted, type DecryptOptions, type SkippedChanges } from "./decrypt.ts"
export { e2eVersions } from "./e2e-version.ts"
export { encrypt, type Encrypted, type EncryptOptions, hasKemRoom } from "./encrypt.ts"
export { RatchetError, type RatchetErrorCode } from "./errors.ts"
export {
  type KemAcceptance,
  type KemCiphertext,
  type KemParameter,
  type KemProposal,
  type KemPublicKey,
  kemSizes,
} from "./kem.ts"
export type { KemKeyPair, KemKeys, KemOptions } from "./kem-keys.ts"
export { formatRatchetParametersUri, parseRatchetParametersUri } from "./parameters-text.ts"
export {
  proposedRatchetParameters,
  type RatchetParameters,
  ratchetParameters,
  ratchetParametersOf,
  type RatchetParametersUri,
  ratchetParametersUri,
  ratchetParametersUriOf,
  ratchetReplyOf,
} from "./parameters.ts"
export type { Hybrid, PostQuantum } from "./post-quantum.ts"
export { securityCode } from "./security-code.ts"
export { type SkippedKey, type SkippedLimits, skippedLimits, type SkippedRun } from "./skipped-keys.ts"
export {
  hybridOf,
  initReceivingRatchet,
  initSendingRatchet,
  type RatchetState,
  ratchetState,
  type ReceivingChain,
  type SendingChain,
} from "./state.ts"
export { generateX3dhKeys, hybridX3dhKeys, type X3dhKeys, x3dhKeys } from "./x3dh-keys.ts"
export { type PeerKeys, x3dhInitiator, x3dhJoiner, type X3dhSecrets } from "./x3dh.ts"
