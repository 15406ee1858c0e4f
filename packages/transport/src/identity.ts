import { type Bytes, toBase64Url } from "@smpkit/codec"
import { equalBytes, type KeyPair, type PublicKey, sha256, type SignAlg, verify } from "@smpkit/crypto"
import { type Certificate, parseCertificate } from "./certificate.ts"
import { TransportError } from "./errors.ts"

// smp-transport.md, "Certificates and what is verified"; channel.md, "Checks"; security.md Q16.

/** What a server needs to prove who it is: certificates (DER, leaf first), the leaf's key, and the hash that its address carries. */
export interface ServerIdentity {
  readonly chain: readonly Bytes[]
  readonly leafKey: KeyPair<SignAlg>
  readonly keyHash: Bytes
}

/** SHA-256 of a certificate's DER. */
export function fingerprint(certificate: Uint8Array): Bytes {
  return sha256(certificate)
}

/** An identity of its parts. Throws `TransportError CERTIFICATE` when the chain does not hold or the key is not the leaf's; dates are not examined. */
export function serverIdentity(chain: readonly Bytes[], leafKey: KeyPair<SignAlg>): ServerIdentity {
  const identity = identityCertificate(chain)
  const { publicKey } = checkedIssuers(chain)[0]
  if (publicKey.alg !== leafKey.publicKey.alg || !equalBytes(publicKey.raw, leafKey.publicKey.raw))
    throw new TransportError("CERTIFICATE", "the private key does not belong to the server's certificate")
  return { chain, leafKey, keyHash: fingerprint(identity) }
}

/** A chain that was verified. */
export interface VerifiedChain {
  readonly leafKey: PublicKey<SignAlg>
}

/**
 * Verifies a server's chain for the identity of its address, at `now` (milliseconds). The identity is the second certificate, which is compared before
 * anything is parsed. Throws `TransportError FINGERPRINT`, which names both fingerprints, or `CERTIFICATE`.
 */
export function verifyChain(
  chain: readonly Bytes[],
  { keyHash, now }: { readonly keyHash: Uint8Array; readonly now: number },
): VerifiedChain {
  checkFingerprint(chain, keyHash)
  const parsed = checkedIssuers(chain)
  checkDates(parsed, now)
  return { leafKey: parsed[0].publicKey }
}

/** Throws `TransportError CERTIFICATE` unless every certificate but the last, which is the anchor of the walk, is valid at `now`. */
export function checkDates(parsed: readonly Certificate[], now: number): void {
  for (const [i, { notBefore, notAfter }] of parsed.slice(0, -1).entries()) {
    const which = i === 0 ? "the server's certificate" : `certificate ${i + 1} of the server's chain`
    if (now < notBefore)
      throw new TransportError("CERTIFICATE", `${which} is not valid before ${day(notBefore)}`)
    if (now > notAfter) throw new TransportError("CERTIFICATE", `${which} expired on ${day(notAfter)}`)
  }
}

/** Verifies what `verifyChain` does, without dates: for a chain that repeats one whose dates were examined. */
export function verifyRepeatedChain(chain: readonly Bytes[], keyHash: Uint8Array): VerifiedChain {
  checkFingerprint(chain, keyHash)
  return { leafKey: checkedIssuers(chain)[0].publicKey }
}

/** Whether the identity certificate of a chain has this hash; nothing is parsed. */
export function hasFingerprint(chain: readonly Bytes[], keyHash: Uint8Array): boolean {
  return equalBytes(fingerprint(identityCertificate(chain)), keyHash)
}

/** Throws `TransportError FINGERPRINT` unless the identity certificate of a chain has this hash, `CERTIFICATE` when there is none. */
function checkFingerprint(chain: readonly Bytes[], keyHash: Uint8Array): void {
  if (hasFingerprint(chain, keyHash)) return
  throw new TransportError("FINGERPRINT", otherServer(chain, keyHash))
}

/** The sentence for a server that is not the one of the address, with both fingerprints. */
export function otherServer(chain: readonly Bytes[], keyHash: Uint8Array): string {
  const received = fingerprint(identityCertificate(chain))
  return `the server is not the one of the address: expected fingerprint ${toBase64Url(keyHash)}, received ${toBase64Url(received)}`
}

function identityCertificate(chain: readonly Bytes[]): Bytes {
  const identity = chain[1]
  if (identity === undefined || chain.length > 4)
    throw new TransportError("CERTIFICATE", `a chain of ${chain.length} certificates, where 2 to 4 belong`)
  return identity
}

/** The chain parsed: each certificate is issued by the next one, and each issuer that is not the last may issue. Throws `TransportError CERTIFICATE`. */
export function checkedIssuers(chain: readonly Bytes[]): readonly [Certificate, ...Certificate[]] {
  const [leaf, ...issuers] = chain.map(parseCertificate)
  if (leaf === undefined) throw new TransportError("CERTIFICATE", "a chain without certificates")
  if (leaf.version !== 3)
    throw new TransportError("CERTIFICATE", "the server's certificate is not of X.509 version 3")
  let subject = leaf
  for (const [below, issuer] of issuers.entries()) {
    if (!isIssuedBy(subject, issuer))
      throw new TransportError(
        "CERTIFICATE",
        `certificate ${below + 1} of the chain is not issued by the next one`,
      )
    if (below < issuers.length - 1 && !mayIssue(issuer, below))
      throw new TransportError(
        "CERTIFICATE",
        `certificate ${below + 2} of the chain may not issue the one before it`,
      )
    subject = issuer
  }
  return [leaf, ...issuers]
}

function isIssuedBy(subject: Certificate, issuer: Certificate): boolean {
  return (
    equalBytes(subject.issuer, issuer.subject) &&
    subject.signatureAlg === issuer.publicKey.alg &&
    verify(issuer.publicKey, subject.signed, subject.signature)
  )
}

/** `below`: how many certificates of authorities stand under this one. */
function mayIssue({ version, basicConstraints, canSignCertificates }: Certificate, below: number): boolean {
  return (
    version === 3 &&
    basicConstraints?.ca === true &&
    (basicConstraints.pathLength ?? below) >= below &&
    canSignCertificates !== false
  )
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
