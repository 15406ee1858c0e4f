import { type Bytes, type Codec, concatBytes, fromHex, mapped, shortBytes } from "@smpkit/codec"
import { CryptoError } from "./errors.ts"
import { type Alg, keySizes, PrivateKey, PublicKey } from "./keys.ts"

// encoding.md, "Keys, secrets, signatures": DER is a fixed prefix and the raw key.
const prefixes: { readonly [A in Alg]: { readonly spki: Bytes; readonly pkcs8: Bytes } } = {
  ed25519: { spki: fromHex("302a300506032b6570032100"), pkcs8: fromHex("302e020100300506032b657004220420") },
  ed448: { spki: fromHex("3043300506032b6571033a00"), pkcs8: fromHex("3047020100300506032b6571043b0439") },
  x25519: { spki: fromHex("302a300506032b656e032100"), pkcs8: fromHex("302e020100300506032b656e04220420") },
  x448: { spki: fromHex("3042300506032b656f033900"), pkcs8: fromHex("3046020100300506032b656f043a0438") },
}
const algs = Object.keys(prefixes) as Alg[]

/** DER SubjectPublicKeyInfo. */
export function encodePublicKey(key: PublicKey): Bytes {
  return concatBytes(prefixes[key.alg].spki, key.raw)
}

/** A key of DER SubjectPublicKeyInfo. Throws `CryptoError KEY`, also for an algorithm that is not in `allowed`. */
export function decodePublicKey<A extends Alg = Alg>(der: Uint8Array, allowed?: readonly A[]): PublicKey<A> {
  const alg = algOf(der, "spki", "publicKey")
  if (allowed !== undefined && !(allowed as readonly Alg[]).includes(alg)) {
    throw new CryptoError("KEY", `an ${alg} key where ${allowed.join(" or ")} belongs`)
  }
  return new PublicKey(alg as A, der.subarray(prefixes[alg].spki.length))
}

/** DER PKCS8. The caller wipes it. */
export function encodePrivateKey(key: PrivateKey): Bytes {
  return key.use((raw) => concatBytes(prefixes[key.alg].pkcs8, raw))
}

/** A key of DER PKCS8. Throws `CryptoError KEY`. */
export function decodePrivateKey<A extends Alg = Alg>(
  der: Uint8Array,
  allowed?: readonly A[],
): PrivateKey<A> {
  const alg = algOf(der, "pkcs8", "privateKey")
  if (allowed !== undefined && !(allowed as readonly Alg[]).includes(alg))
    throw new CryptoError("KEY", "a key of another kind")
  return new PrivateKey(alg as A, der.subarray(prefixes[alg].pkcs8.length))
}

function algOf(der: Uint8Array, form: "spki" | "pkcs8", size: "publicKey" | "privateKey"): Alg {
  const alg = algs.find((a) => {
    const prefix = prefixes[a][form]
    return der.length === prefix.length + keySizes[a][size] && prefix.every((byte, i) => byte === der[i])
  })
  if (alg === undefined) throw new CryptoError("KEY", "not a key in DER of one of the four curves")
  return alg
}

/** `str8` of DER SubjectPublicKeyInfo; reading answers `WireError` for any other key. */
export function publicKeyCodec<A extends Alg>(...allowed: readonly A[]): Codec<PublicKey<A>> {
  return mapped(
    shortBytes,
    (der, fail) => {
      try {
        return decodePublicKey(der, allowed)
      } catch (error) {
        if (CryptoError.is(error, "KEY")) return fail(error.message)
        throw error
      }
    },
    encodePublicKey,
  )
}

export const x25519PublicKey: Codec<PublicKey<"x25519">> = publicKeyCodec("x25519")
export const x448PublicKey: Codec<PublicKey<"x448">> = publicKeyCodec("x448")
export const ed25519PublicKey: Codec<PublicKey<"ed25519">> = publicKeyCodec("ed25519")

/** Keys that may authorize queue commands. */
export type AuthAlg = "ed25519" | "ed448" | "x25519"
export const authPublicKey: Codec<PublicKey<AuthAlg>> = publicKeyCodec<AuthAlg>("ed25519", "ed448", "x25519")
