import type { Bytes } from "@smpkit/codec"
import {
  type Alg,
  type AuthAlg,
  type BoxKey,
  boxKey,
  boxNonce,
  CryptoError,
  dh,
  equalBytes,
  type KeyPair,
  openBox,
  type PrivateKey,
  type PublicKey,
  sealBox,
  sha512,
  sign,
  verify,
} from "@smpkit/crypto"

// smp-commands.md, "Authorization".

/** A key that authorizes commands about a queue. */
export type AuthKey = PublicKey<AuthAlg>

/** How a transmission is authorized; its length tells. */
export type AuthorizationKind = "none" | AuthAlg | "invalid"

export function authorizationKind(authorization: Uint8Array): AuthorizationKind {
  switch (authorization.length) {
    case 0:
      return "none"
    case 64:
      return "ed25519"
    case 114:
      return "ed448"
    case 80:
      return "x25519"
    default:
      return "invalid"
  }
}

/**
 * A signature over `signed`, or an authenticator where the key is an X25519 key: its hash, sealed for the server under `corrId`.
 * An X25519 key needs the server's session key (version 7 and later), else `RangeError`. Throws `CryptoError DH` for an unusable one.
 */
export function authorize(
  keyPair: KeyPair<AuthAlg>,
  serverSessionKey: PublicKey<"x25519"> | undefined,
  corrId: Uint8Array,
  signed: Uint8Array,
): Bytes {
  if (isPairOf(keyPair, "ed25519", "ed448")) return sign(keyPair, signed)
  if (!isPairOf(keyPair, "x25519")) throw new RangeError("a key that authorizes nothing")
  if (serverSessionKey === undefined) throw new RangeError("an authenticator needs the server's session key")
  return withBoxKey(keyPair.privateKey, serverSessionKey, (key) =>
    sealBox(key, boxNonce(corrId), sha512(signed)),
  )
}

/** Whether `authorization` was made with the private half of `key` for exactly `signed`; `false` for another kind of authorization. */
export function verifyAuthorization(
  key: AuthKey,
  authorization: Uint8Array,
  serverSessionPrivate: PrivateKey<"x25519"> | undefined,
  corrId: Uint8Array,
  signed: Uint8Array,
): boolean {
  if (authorizationKind(authorization) !== key.alg) return false
  if (isKeyOf(key, "ed25519", "ed448")) return verify(key, signed, authorization)
  if (!isKeyOf(key, "x25519") || serverSessionPrivate === undefined) return false
  return opensTo(key, serverSessionPrivate, authorization, corrId, sha512(signed))
}

function opensTo(
  key: PublicKey<"x25519">,
  serverSessionPrivate: PrivateKey<"x25519">,
  authenticator: Uint8Array,
  corrId: Uint8Array,
  hash: Bytes,
): boolean {
  try {
    const opened = withBoxKey(serverSessionPrivate, key, (k) => openBox(k, boxNonce(corrId), authenticator))
    return equalBytes(opened, hash)
  } catch (error) {
    if (error instanceof CryptoError) return false
    throw error
  }
}

function withBoxKey<T>(ours: PrivateKey<"x25519">, theirs: PublicKey<"x25519">, use: (key: BoxKey) => T): T {
  const secret = dh(ours, theirs)
  const key = boxKey(secret)
  secret.fill(0)
  try {
    return use(key)
  } finally {
    key.fill(0)
  }
}

function isPairOf<A extends Alg>(pair: KeyPair, ...algs: readonly A[]): pair is KeyPair<A> {
  return (algs as readonly Alg[]).includes(pair.privateKey.alg)
}

function isKeyOf<A extends Alg>(key: PublicKey, ...algs: readonly A[]): key is PublicKey<A> {
  return (algs as readonly Alg[]).includes(key.alg)
}
