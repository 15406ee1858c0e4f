import { type Bytes, type Codec, concatBytes, fromHex, longBytes, WireError } from "@smpkit/codec"
import {
  CryptoError,
  decodePublicKey,
  encodePublicKey,
  type KeyPair,
  keySizes,
  type PublicKey,
  sign,
  type SignAlg,
  verify,
} from "@smpkit/crypto"

// encoding.md, "Keys, secrets, signatures": the signed object.

/** Keys that are signed by a certificate's key: of the session (`x25519`) or of a service (`ed25519`). */
export type SessionAlg = "x25519" | "ed25519"

/** A key with the signature of an X.509 key over it, not yet verified. */
export interface SignedKey<A extends SessionAlg = "x25519"> {
  readonly key: PublicKey<A>
  readonly signatureAlg: SignAlg
  readonly signature: Bytes
}

// SEQUENCE { SEQUENCE { SPKI }, SEQUENCE { OID }, BIT STRING }: the SPKI has 44 bytes for both inner algorithms, so all before the signature is fixed.
const wrapper = fromHex("302c")
const spkiSize = 44
const layouts: Readonly<Record<SignAlg, { readonly head: Bytes; readonly middle: Bytes }>> = {
  ed25519: { head: fromHex("3078"), middle: fromHex("300506032b6570034100") },
  ed448: { head: fromHex("3081aa"), middle: fromHex("300506032b6571037300") },
}
const signAlgs: readonly SignAlg[] = ["ed25519", "ed448"]

/** What the signature covers: the SPKI inside its extra SEQUENCE. */
function signedBytes(key: PublicKey): Bytes {
  return concatBytes(wrapper, encodePublicKey(key))
}

/** Signs a session key with the key of a leaf certificate. */
export function signKey<A extends SessionAlg>(key: PublicKey<A>, signer: KeyPair<SignAlg>): SignedKey<A> {
  return { key, signatureAlg: signer.publicKey.alg, signature: sign(signer, signedBytes(key)) }
}

/** Whether a key was signed by the holder of `signer`. */
export function isSignedBy(signed: SignedKey<SessionAlg>, signer: PublicKey<SignAlg>): boolean {
  return signed.signatureAlg === signer.alg && verify(signer, signedBytes(signed.key), signed.signature)
}

/** `str16` of a signed key in DER. Reading answers `WireError` for anything but the exact DER of a key of `alg`. */
export function signedKeyOf<A extends SessionAlg>(alg: A): Codec<SignedKey<A>> {
  return {
    write: (w, { key, signatureAlg, signature }) => {
      const { head, middle } = layouts[signatureAlg]
      longBytes.write(w, concatBytes(head, signedBytes(key), middle, signature))
    },
    read: (r) => {
      const start = r.offset
      const fail = (message: string): never => {
        throw new WireError(message, start)
      }
      const der = longBytes.read(r)
      const found = signAlgs.find((name) => {
        const { head, middle } = layouts[name]
        const keyAt = head.length + wrapper.length
        return (
          der.length === keyAt + spkiSize + middle.length + keySizes[name].signature &&
          hasAt(der, head, 0) &&
          hasAt(der, wrapper, head.length) &&
          hasAt(der, middle, keyAt + spkiSize)
        )
      })
      if (found === undefined) return fail("not a signed key")
      const { head, middle } = layouts[found]
      const keyAt = head.length + wrapper.length
      return {
        key: keyIn(der.subarray(keyAt, keyAt + spkiSize), alg, fail),
        signatureAlg: found,
        signature: der.slice(keyAt + spkiSize + middle.length),
      }
    },
  }
}

function keyIn<A extends SessionAlg>(
  spki: Uint8Array,
  alg: A,
  fail: (message: string) => never,
): PublicKey<A> {
  try {
    return decodePublicKey(spki, [alg])
  } catch (error) {
    if (CryptoError.is(error, "KEY")) return fail(error.message)
    throw error
  }
}

function hasAt(bytes: Uint8Array, part: Uint8Array, at: number): boolean {
  return part.every((byte, i) => bytes[at + i] === byte)
}

/** `str16` of a signed X25519 session key. */
export const signedKey: Codec<SignedKey> = signedKeyOf("x25519")
