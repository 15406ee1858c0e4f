import { type Bytes, concatBytes, fromHex } from "@smpkit/codec"
import {
  encodePublicKey,
  generateKeyPair,
  type KeyPair,
  type PublicKey,
  type Random,
  sha256,
  sign,
  type SignAlg,
} from "@smpkit/crypto"
import { parseCertificate } from "../certificate.ts"
import { TransportError } from "../errors.ts"
import {
  bits,
  der,
  derTrue,
  distinguishedName,
  namedBits,
  octets,
  oid,
  positive,
  sequence,
  time,
} from "./der-writer.ts"

// smp-transport.md, "Certificates and what is verified"; RFC 5280, "Certificate and Certificate Extensions Profile".

/** The keys and certificates (DER) of a new server. Its address is the hash of `caCertificate`; `caKey` signs new leaf certificates and is kept offline. */
export interface NewIdentity {
  readonly caKey: KeyPair<SignAlg>
  readonly caCertificate: Bytes
  readonly leafKey: KeyPair<SignAlg>
  readonly leafCertificate: Bytes
}

/** A new server's identity. `host` is the leaf's common name, which nobody verifies; `now` is in milliseconds. */
export function createIdentity(parts: {
  readonly host: string
  readonly now: number
  readonly random: Random
}): NewIdentity {
  return createIdentityOf("ed25519", parts)
}

/** The network has identities of two kinds; ours are of one, and tests make the other. */
export function createIdentityOf(
  alg: SignAlg,
  { host, now, random }: Parameters<typeof createIdentity>[0],
): NewIdentity {
  const caKey = generateKeyPair(alg, random)
  const caCertificate = authorityCertificate(caKey, now, random)
  return { caKey, caCertificate, ...createLeaf({ caKey, caCertificate, host, now, random }) }
}

/** A new leaf key and its certificate under an identity that exists. Throws `TransportError CERTIFICATE` when the key is not the identity's. */
export function createLeaf({
  caKey,
  caCertificate,
  host,
  now,
  random,
}: {
  readonly caKey: KeyPair<SignAlg>
  readonly caCertificate: Bytes
  readonly host: string
  readonly now: number
  readonly random: Random
}): { readonly leafKey: KeyPair<SignAlg>; readonly leafCertificate: Bytes } {
  const { subject, publicKey } = parseCertificate(caCertificate)
  if (!encodePublicKey(publicKey).every((byte, i) => byte === encodePublicKey(caKey.publicKey)[i]))
    throw new TransportError("CERTIFICATE", "the identity key does not belong to the identity certificate")
  const leafKey = generateKeyPair(caKey.publicKey.alg, random)
  const notBefore = now - toleranceMs
  const leafCertificate = certificate({
    random,
    issuer: subject,
    issuerKey: caKey,
    // A common name has at most 64 characters.
    subject: distinguishedName([commonName, host.slice(0, 64)]),
    key: leafKey.publicKey,
    notBefore,
    notAfter: notBefore + leafLifeMs,
    extensions: [
      extension("551d13", true, sequence()),
      extension("551d0f", true, namedBits(0, 1, 4)), // digitalSignature, nonRepudiation, keyAgreement
      extension("551d25", false, sequence(oid("2b06010505070301"))), // serverAuth
      extension("551d0e", false, octets(keyId(leafKey.publicKey))),
      extension("551d23", false, sequence(der(0x80, keyId(caKey.publicKey)))),
    ],
  })
  return { leafKey, leafCertificate }
}

const dayMs = 86_400_000
/** security.md Q16: a leaf lives at most one year. */
const leafLifeMs = 365 * dayMs
const authorityLifeMs = 999_999 * dayMs
// Verifiers allow no tolerance, and their clocks differ from ours.
const toleranceMs = 3_600_000

const commonName = "550403"
const organization = "55040a"
const signatureAlgs: Readonly<Record<SignAlg, Bytes>> = {
  ed25519: sequence(oid("2b6570")),
  ed448: sequence(oid("2b6571")),
}

function authorityCertificate(key: KeyPair<SignAlg>, now: number, random: Random): Bytes {
  const name = distinguishedName([commonName, "SMP server CA"], [organization, "SimpleX"])
  const notBefore = now - toleranceMs
  return certificate({
    random,
    issuer: name,
    issuerKey: key,
    subject: name,
    key: key.publicKey,
    notBefore,
    notAfter: notBefore + authorityLifeMs,
    extensions: [
      extension("551d13", true, sequence(derTrue)),
      extension("551d0f", true, namedBits(5, 6)), // keyCertSign, cRLSign
      extension("551d0e", false, octets(keyId(key.publicKey))),
    ],
  })
}

interface Content {
  readonly random: Random
  readonly issuer: Uint8Array
  readonly issuerKey: KeyPair<SignAlg>
  readonly subject: Uint8Array
  readonly key: PublicKey<SignAlg>
  readonly notBefore: number
  readonly notAfter: number
  readonly extensions: readonly Uint8Array[]
}

function certificate(content: Content): Bytes {
  const { random, issuer, issuerKey, subject, key, notBefore, notAfter, extensions } = content
  const algorithm = signatureAlgs[issuerKey.publicKey.alg]
  const signed = sequence(
    der(0xa0, positive(Uint8Array.of(2))), // version 3
    positive(serialNumber(random)),
    algorithm,
    issuer,
    sequence(time(notBefore), time(notAfter)),
    subject,
    encodePublicKey(key),
    der(0xa3, sequence(...extensions)),
  )
  return sequence(signed, algorithm, bits(sign(issuerKey, signed)))
}

function serialNumber(random: Random): Bytes {
  const serial = random.bytes(20)
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f)
  return serial
}

const noFlag = fromHex("")

function extension(id: string, critical: boolean, value: Uint8Array): Bytes {
  return sequence(oid(id), critical ? derTrue : noFlag, octets(value))
}

/** Any name that is unique to the key will do (RFC 5280, "Subject Key Identifier"). */
function keyId(key: PublicKey): Bytes {
  return sha256(concatBytes(key.raw)).slice(0, 20)
}
