// What the benchmark of the ratchet uses of the packages, as it was built.

export {
  aesGcmOpen,
  aesGcmSeal,
  dh,
  generateKeyPair,
  hkdfSha512,
  sntrup761,
  systemRandom,
} from "../../packages/crypto/dist/index.js"
export {
  decrypt,
  encrypt,
  generateX3dhKeys,
  initReceivingRatchet,
  initSendingRatchet,
  ratchetParametersOf,
  ratchetReplyOf,
  x3dhInitiator,
  x3dhJoiner,
} from "../../packages/ratchet/dist/index.js"
