export { AesGcmKey, aesGcmOpen, aesGcmSeal, aesTagSize } from "./aes-gcm.ts"
export { argon2Ceiling, argon2Floor, argon2id, type Argon2Parameters } from "./argon2id.ts"
export {
  boxKey,
  type BoxKey,
  boxNonce,
  boxNonceSize,
  boxTagSize,
  openBox,
  openPaddedBox,
  sealBox,
  sealBoxInPlace,
  sealPaddedBox,
} from "./box.ts"
export { type Brand, dh, type SharedSecret } from "./diffie-hellman.ts"
export { CryptoError, type CryptoErrorCode } from "./errors.ts"
export { equalBytes, hkdfSha256, hkdfSha512, hmacSha256, sha256, sha3_256, sha3_384, sha512 } from "./hash.ts"
export { type HpkeContext, hpkeOpenBase, hpkeSealBase } from "./hpke.ts"
export {
  type AuthAlg,
  authPublicKey,
  decodePrivateKey,
  decodePublicKey,
  ed25519PublicKey,
  encodePrivateKey,
  encodePublicKey,
  publicKeyCodec,
  x25519PublicKey,
  x448PublicKey,
} from "./key-encoding.ts"
export {
  type Alg,
  type DhAlg,
  generateKeyPair,
  type KeyPair,
  keyPairOf,
  keySizes,
  PrivateKey,
  PublicKey,
  type SignAlg,
} from "./keys.ts"
export { pad, unpad } from "./padding.ts"
export { type Random, systemRandom } from "./random.ts"
export { sign, verify } from "./signature.ts"
export { loadXWing, type XWing, type XWingEncapsulation, xWingSizes } from "./x-wing.ts"
export { type Encapsulation, type Kem, type KemKeyPair, type KemSecret, sntrup761 } from "./sntrup761.ts"
