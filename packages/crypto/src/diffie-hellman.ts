import type { Bytes } from "@smpkit/codec"
import { backend } from "#backend"
import { CryptoError } from "./errors.ts"
import { isZero } from "./key-checks.ts"
import type { DhAlg, PrivateKey, PublicKey } from "./keys.ts"

declare const brand: unique symbol
/** A type that only one function makes. */
export type Brand<T, B extends string> = T & { readonly [brand]: B }
/** The raw result of a key agreement: 32 bytes (X25519) or 56 (X448). */
export type SharedSecret = Brand<Bytes, "SharedSecret">

/** X25519 or X448 (RFC 7748). Throws `CryptoError DH` where the result is all zero. */
export function dh<A extends DhAlg>(ours: PrivateKey<A>, theirs: PublicKey<NoInfer<A>>): SharedSecret {
  const alg: DhAlg = ours.alg
  const secret = ours.use((raw) => backend[alg].derive(raw, theirs.raw))
  if (secret === undefined || isZero(secret)) throw new CryptoError("DH", "a key agreement without a secret")
  return secret as SharedSecret
}
