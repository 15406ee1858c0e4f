import type { Bytes } from "@smpkit/codec"
import { backend } from "#backend"
import { isUsable } from "./key-checks.ts"
import { type KeyPair, keySizes, type PublicKey, type SignAlg } from "./keys.ts"

/** Ed25519 or Ed448 signature (RFC 8032, no prehash, no context): 64 or 114 bytes. */
export function sign(key: KeyPair<SignAlg>, message: Uint8Array): Bytes {
  return key.privateKey.use((seed) => backend[key.privateKey.alg].sign(seed, key.publicKey.raw, message))
}

const order448 = 2n ** 446n - 13818066809895115352007386748515426880336692474882178609894547503885n

/**
 * Whether a signature is one of this key over this message. Strict: the scalar is below the order of the group, R is reduced and
 * not of small order. Ed25519 takes the equation without the cofactor, Ed448 the one with it, on every platform.
 */
export function verify(key: PublicKey<SignAlg>, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== keySizes[key.alg].signature) return false
  // For Ed25519 the backends are strict by themselves. OpenSSL checks S of Ed448 too, but the rule is ours (security.md Q11),
  // and about R of small order OpenSSL and noble differ.
  if (key.alg === "ed448") {
    if (!isUsable("ed448", signature.subarray(0, 57))) return false
    let s = 0n
    for (let i = 113; i >= 57; i--) s = (s << 8n) | BigInt(signature[i] ?? 0)
    if (s >= order448) return false
  }
  return backend[key.alg].verify(key.raw, message, signature)
}
