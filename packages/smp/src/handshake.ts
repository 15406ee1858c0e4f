import {
  bool,
  type Bytes,
  type Codec,
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
} from "@smpkit/codec"
import { type PublicKey, x25519PublicKey } from "@smpkit/crypto"
import { type SessionAlg, type SignedKey, signedKeyOf } from "./signed-key.ts"

// smp-transport.md, "SMP handshake".

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
