import { type Bytes, toHex } from "@smpkit/codec"
import { CryptoError, decodePublicKey, type PublicKey, type SignAlg } from "@smpkit/crypto"
import { DerError, type DerElement, DerReader } from "./der.ts"
import { TransportError } from "./errors.ts"

// RFC 5280, "Basic Certificate Fields", as far as channel.md, "Checks" (the same rules as for TLS) looks at it.

/** A parsed certificate; nothing about it is verified. */
export interface Certificate {
  /** 1 or 3. */
  readonly version: number
  readonly signatureAlg: SignAlg
  /** DER of the names, compared byte for byte. */
  readonly issuer: Bytes
  readonly subject: Bytes
  /** Milliseconds since 1970-01-01 UTC, both included. */
  readonly notBefore: number
  readonly notAfter: number
  readonly publicKey: PublicKey<SignAlg>
  /** `undefined` without basicConstraints. */
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | undefined } | undefined
  /** `undefined` without keyUsage. */
  readonly canSignCertificates: boolean | undefined
  /** What the signature covers, and the signature. */
  readonly signed: Bytes
  readonly signature: Bytes
}

const sequence = 0x30
const integer = 0x02
const bitString = 0x03
const octetString = 0x04
const booleanTag = 0x01
const objectId = 0x06
const utcTime = 0x17
const generalizedTime = 0x18
const longestTime = "YYYYMMDDhhmmssZ".length

const algorithms = new Map<string, SignAlg>([
  ["06032b6570", "ed25519"],
  ["06032b6571", "ed448"],
])

/** Reads a certificate. Throws `TransportError CERTIFICATE` for DER that is not one, and for keys and signatures of any but the two algorithms. */
export function parseCertificate(der: Bytes): Certificate {
  try {
    return certificate(der)
  } catch (error) {
    if (error instanceof DerError || error instanceof CryptoError)
      throw new TransportError("CERTIFICATE", `a certificate that cannot be read: ${error.message}`)
    throw error
  }
}

function certificate(der: Bytes): Certificate {
  const file = new DerReader(der)
  const outer = file.enter(sequence)
  file.end()
  const signed = outer.next(sequence)
  const signatureAlg = algorithm(outer.next(sequence))
  const signature = wholeBytes(outer.next(bitString).content)
  outer.end()

  const r = new DerReader(signed.content)
  const version = versionOf(r.optional(0xa0))
  r.next(integer)
  if (algorithm(r.next(sequence)) !== signatureAlg) throw new DerError("two signature algorithms")
  const issuer = r.next(sequence).whole
  const validity = r.enter(sequence)
  const notBefore = time(validity)
  const notAfter = time(validity)
  validity.end()
  const subject = r.next(sequence).whole
  const publicKey = decodePublicKey<SignAlg>(r.next(sequence).whole, ["ed25519", "ed448"])
  r.optional(0x81)
  r.optional(0x82)
  const extensions = readExtensions(r.optional(0xa3), version)
  r.end()
  return {
    version,
    signatureAlg,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicKey,
    ...extensions,
    signed: signed.whole,
    signature,
  }
}

function versionOf(element: DerElement | undefined): number {
  if (element === undefined) return 1
  const r = new DerReader(element.content)
  const { content } = r.next(integer)
  r.end()
  if (content.length !== 1 || content[0] !== 2) throw new DerError("neither version 1 nor version 3")
  return 3
}

function algorithm(element: DerElement): SignAlg {
  const alg = algorithms.get(toHex(element.content))
  if (alg === undefined) throw new DerError("a signature that is neither Ed25519 nor Ed448")
  return alg
}

function wholeBytes(bits: Bytes): Bytes {
  if (bits[0] !== 0) throw new DerError("a bit string that does not end with a byte")
  return bits.subarray(1)
}

function time(r: DerReader): number {
  const general = r.peek() === generalizedTime
  const { content } = r.next(general ? generalizedTime : utcTime)
  // Longer than any form; a call does not take any number of arguments either.
  if (content.length > longestTime) throw new DerError("a time in no known form")
  const text = String.fromCharCode(...content)
  const match = (
    general ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
  ).exec(text)
  if (match === null) throw new DerError("a time in no known form")
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number)
  const fullYear = general ? year : year < 50 ? 2000 + year : 1900 + year
  const ms = Date.UTC(fullYear, month - 1, day, hour, minute, second)
  // Date.UTC rolls impossible dates over into the next month.
  const back = new Date(ms)
  if (
    back.getUTCMonth() !== month - 1 ||
    back.getUTCDate() !== day ||
    hour > 23 ||
    minute > 59 ||
    second > 59
  )
    throw new DerError("a date that does not exist")
  return ms
}

type Extensions = Pick<Certificate, "basicConstraints" | "canSignCertificates">

function readExtensions(element: DerElement | undefined, version: number): Extensions {
  let basicConstraints: Certificate["basicConstraints"]
  let canSignCertificates: boolean | undefined
  if (element !== undefined) {
    if (version !== 3) throw new DerError("extensions in version 1")
    const wrapper = new DerReader(element.content)
    const all = wrapper.enter(sequence)
    wrapper.end()
    const seen = new Set<string>()
    while (!all.atEnd) {
      const extension = all.enter(sequence)
      const id = toHex(extension.next(objectId).content)
      extension.optional(booleanTag)
      const value = extension.next(octetString).content
      extension.end()
      if (seen.has(id)) throw new DerError("an extension that comes twice")
      seen.add(id)
      if (id === "551d13") basicConstraints = constraints(value)
      if (id === "551d0f") canSignCertificates = certSign(value)
    }
  }
  return { basicConstraints, canSignCertificates }
}

function constraints(value: Bytes): Certificate["basicConstraints"] {
  const outer = new DerReader(value)
  const r = outer.enter(sequence)
  outer.end()
  const flag = r.optional(booleanTag)?.content
  const path = r.optional(integer)?.content
  r.end()
  if (flag !== undefined && (flag.length !== 1 || flag[0] !== 0xff))
    throw new DerError("a boolean of no DER form")
  if (path !== undefined && (path.length !== 1 || (path[0] ?? 0) > 0x7f))
    throw new DerError("a path length out of range")
  return { ca: flag !== undefined, pathLength: path?.[0] }
}

function certSign(value: Bytes): boolean {
  const r = new DerReader(value)
  const bits = r.next(bitString).content
  r.end()
  return ((bits[1] ?? 0) & 0x04) !== 0
}
