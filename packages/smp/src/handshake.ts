import {
  bool,
  type Bytes,
  type Codec,
  concatBytes,
  fromHex,
  longBytes,
  nonEmptyList,
  optional,
  pair,
  type Reader,
  rest,
  shortBytes,
  u16,
  type VersionRange,
  versionRange,
  WireError,
} from "@smpkit/codec"
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
  x25519PublicKey,
} from "@smpkit/crypto"

// smp-transport.md, "SMP handshake"; encoding.md, "Keys, secrets, signatures".

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

/** Certificates in DER, leaf first; nothing about them is verified. */
export type CertificateChain = readonly [Bytes, ...Bytes[]]
export const certificateChain: Codec<CertificateChain> = nonEmptyList(longBytes)

/** A chain, and a session key that its leaf signed (not verified). */
export interface CertifiedKey<A extends SessionAlg = "x25519"> {
  readonly chain: CertificateChain
  readonly signedKey: SignedKey<A>
}

function certifiedKeyOf<A extends SessionAlg>(alg: A): Codec<CertifiedKey<A>> {
  const parts = pair(certificateChain, signedKeyOf(alg))
  return {
    write: (w, v) => {
      parts.write(w, [v.chain, v.signedKey])
    },
    read: (r) => {
      const [chain, key] = parts.read(r)
      return { chain, signedKey: key }
    },
  }
}

/** `CertChainPubKey` with an X25519 key. */
export const certifiedKey: Codec<CertifiedKey> = certifiedKeyOf("x25519")
const serviceCertifiedKey = certifiedKeyOf("ed25519")

/** The first version with session keys: a server whose range reaches it sends one. */
export const sessionKeyVersion = 7

/** What a server says first. `certifiedKey` is absent below version 7, and when its part does not parse. */
export interface ServerHello {
  readonly versions: VersionRange
  readonly sessionId: Bytes
  readonly certifiedKey: CertifiedKey | undefined
}

/** The server's hello; bytes after it are ignored. Writing throws `RangeError` for a key where the range ends below 7. */
export const serverHello: Codec<ServerHello> = {
  write: (w, v) => {
    versionRange.write(w, v.versions)
    shortBytes.write(w, v.sessionId)
    if (v.certifiedKey === undefined) return
    if (v.versions.max < sessionKeyVersion) throw new RangeError("a session key below version 7")
    certifiedKey.write(w, v.certifiedKey)
  },
  read: (r) => {
    const versions = versionRange.read(r)
    const sessionId = shortBytes.read(r)
    const key = versions.max < sessionKeyVersion ? undefined : r.attempt(certifiedKey.read)
    r.skip(r.left)
    return { versions, sessionId, certifiedKey: key }
  },
}

/** `M` messaging, `N` notifier, `P` proxy. */
export type ServiceRole = "M" | "N" | "P"

/** A client that is a service, with its certificates and its key for the session. */
export interface ServiceHello {
  readonly role: ServiceRole
  readonly certifiedKey: CertifiedKey<"ed25519">
}

const serviceHello: Codec<ServiceHello> = {
  write: (w, v) => {
    w.u8(v.role.charCodeAt(0))
    serviceCertifiedKey.write(w, v.certifiedKey)
  },
  read: (r) => ({ role: serviceRole(r), certifiedKey: serviceCertifiedKey.read(r) }),
}

function serviceRole(r: Reader): ServiceRole {
  const role = String.fromCharCode(r.u8())
  return role === "M" || role === "N" || role === "P" ? role : r.fail("not a service role")
}

const optionalService = optional(serviceHello)

/** The client's answer. Which parts travel depends on `version`: the key from 7, `proxy` from 14, `service` from 16. */
export interface ClientHello {
  readonly version: number
  readonly keyHash: Bytes
  readonly sessionKey: PublicKey<"x25519"> | undefined
  readonly proxy: boolean
  readonly service: ServiceHello | undefined
}

/**
 * The client's hello; bytes after it are ignored. The session key has no marker: where no X25519 key can be read, there is none.
 * Writing throws `RangeError` for a part that the version does not have.
 */
export const clientHello: Codec<ClientHello> = {
  write: (w, v) => {
    u16.write(w, v.version)
    shortBytes.write(w, v.keyHash)
    if (v.sessionKey !== undefined) {
      if (v.version < sessionKeyVersion) throw new RangeError("a session key below version 7")
      x25519PublicKey.write(w, v.sessionKey)
    }
    if (v.version >= 14) bool.write(w, v.proxy)
    if (v.version >= 16) optionalService.write(w, v.service)
    else if (v.service !== undefined) throw new RangeError("a service below version 16")
  },
  read: (r) => {
    const version = u16.read(r)
    const keyHash = shortBytes.read(r)
    const hello: ClientHello = {
      version,
      keyHash,
      sessionKey: version < sessionKeyVersion ? undefined : r.attempt(x25519PublicKey.read),
      proxy: version >= 14 && bool.read(r),
      service: version >= 16 ? optionalService.read(r) : undefined,
    }
    r.skip(r.left)
    return hello
  },
}

/** The server's answer to a service: its id, or why not, in the text form of transport errors. */
export type ServiceResponse =
  { readonly type: "R"; readonly serviceId: Bytes } | { readonly type: "E"; readonly error: string }

/** The answer to a service's hello; bytes after an id are ignored. */
export const serviceResponse: Codec<ServiceResponse> = {
  write: (w, v) => {
    w.u8(v.type.charCodeAt(0))
    if (v.type === "R") shortBytes.write(w, v.serviceId)
    else w.bytes(Uint8Array.from(v.error, (c) => c.charCodeAt(0) & 0x7f))
  },
  read: (r) => {
    const type = String.fromCharCode(r.u8())
    if (type === "R") {
      const serviceId = shortBytes.read(r)
      r.skip(r.left)
      return { type, serviceId }
    }
    return type === "E" ? { type, error: String.fromCharCode(...rest.read(r)) } : r.fail("neither R nor E")
  },
}
