import {
  type Bytes,
  type Codec,
  decode,
  encode,
  fixed,
  ignored,
  longBytes,
  optional,
  Reader,
  shortBytes,
  u16,
  u32,
  WireError,
} from "@smpkit/codec"
import {
  aesGcmOpen,
  aesGcmSeal,
  aesTagSize,
  CryptoError,
  pad,
  type PublicKey,
  unpad,
  x448PublicKey,
} from "@smpkit/crypto"
import { type HeaderKey, ivSize } from "./chains.ts"
import { assertE2eVersion, kemVersion } from "./e2e-version.ts"
import { RatchetError } from "./errors.ts"
import { type KemParameter, kemParameter } from "./kem.ts"

// double-ratchet.md, "Encryption and byte layout".

/** Message numbers are u32; the last one stays unused, so that a count of messages fits as well. */
export const maxMessageNumber = 0xfffffffe

/** The plain header of a message. */
export interface RatchetHeader {
  readonly maxVersion: number
  /** The sender's ratchet key (DHRs). */
  readonly key: PublicKey<"x448">
  readonly kem: KemParameter | undefined
  readonly previousSent: number
  readonly number: number
}

const kemInHeader = optional(kemParameter)

/** The plain header; the version is that of the sealed header around it. Bytes after the number are ignored. */
export function ratchetHeader(version: number): Codec<RatchetHeader> {
  return {
    write: (w, v) => {
      w.u16(v.maxVersion)
      x448PublicKey.write(w, v.key)
      if (version >= kemVersion) kemInHeader.write(w, v.kem)
      w.u32(v.previousSent)
      w.u32(v.number)
    },
    read: (r) => {
      const maxVersion = u16.read(r)
      const key = x448PublicKey.read(r)
      const kem = version >= kemVersion ? kemInHeader.read(r) : undefined
      const header = { maxVersion, key, kem, previousSent: u32.read(r), number: u32.read(r) }
      ignored.read(r)
      return header
    },
  }
}

/** `emHeader`: version in clear, IV, ciphertext and tag of the padded header. */
export interface SealedHeader {
  readonly version: number
  readonly iv: Bytes
  readonly tag: Bytes
  readonly ciphertext: Bytes
}

const tagBytes = fixed(aesTagSize)
const ivBytes = fixed(ivSize)

/** Lengths of two bytes from version 3 on; when read, a first byte below 32 says so, as no header is shorter or that long. */
function headerBytes(version: number): Codec<Bytes> {
  return {
    write: (version >= kemVersion ? longBytes : shortBytes).write,
    read: (r) => ((r.peek() ?? 0) < 32 ? longBytes : shortBytes).read(r),
  }
}

export const sealedHeader: Codec<SealedHeader> = {
  write: (w, v) => {
    w.u16(v.version)
    ivBytes.write(w, v.iv)
    tagBytes.write(w, v.tag)
    headerBytes(v.version).write(w, v.ciphertext)
  },
  read: (r) => {
    const version = u16.read(r)
    const iv = ivBytes.read(r)
    const tag = tagBytes.read(r)
    return { version, iv, tag, ciphertext: headerBytes(version).read(r) }
  },
}

/** The length to which a header is padded: room for a KEM ciphertext and key where post-quantum agreement is supported. */
export function paddedHeaderLength(version: number, postQuantumSupported: boolean): number {
  return version >= kemVersion && postQuantumSupported ? 2310 : 88
}

/** Seals a header; what is answered is `emHeader`. */
export function sealHeader(
  header: RatchetHeader,
  {
    version,
    paddedLength,
    key,
    iv,
    ad,
  }: {
    readonly version: number
    readonly paddedLength: number
    readonly key: HeaderKey
    readonly iv: Bytes
    readonly ad: Bytes
  },
): Bytes {
  const sealed = aesGcmSeal(key, iv, ad, pad(encode(ratchetHeader(version), header), paddedLength))
  const tag = sealed.slice(sealed.length - aesTagSize)
  return encode(sealedHeader, { version, iv, tag, ciphertext: sealed.slice(0, sealed.length - aesTagSize) })
}

/** A message cut into its parts, none of them opened. */
export interface UnverifiedMessage {
  readonly headerBytes: Bytes
  readonly header: SealedHeader
  /** Ciphertext and tag in the order in which AES-GCM takes them. */
  readonly body: Bytes
}

/** Cuts a message. Throws `RatchetError MESSAGE`. */
export function parseMessage(message: Uint8Array): UnverifiedMessage {
  return asMessageError(() => {
    const r = new Reader(message)
    const bytes = headerBytes(kemVersion).read(r)
    const header = decode(sealedHeader, bytes)
    assertE2eVersion(header.version)
    r.skip(aesTagSize)
    // The wire has the tag first.
    const body = new Uint8Array(message.length - r.offset + aesTagSize)
    body.set(message.subarray(r.offset))
    body.set(message.subarray(r.offset - aesTagSize, r.offset), message.length - r.offset)
    return { headerBytes: bytes, header, body }
  })
}

/** Puts a message together from `emHeader` and ciphertext ++ tag. */
export function formatMessage(version: number, header: Bytes, body: Bytes): Bytes {
  const prefix = version >= kemVersion ? 2 : 1
  const message = new Uint8Array(prefix + header.length + body.length)
  message[prefix - 1] = header.length & 0xff
  if (prefix === 2) message[0] = header.length >> 8
  message.set(header, prefix)
  const bodyAt = prefix + header.length
  message.set(body.subarray(body.length - aesTagSize), bodyAt)
  message.set(body.subarray(0, body.length - aesTagSize), bodyAt + aesTagSize)
  return message
}

/** The header, if this key opens it. Throws `RatchetError MESSAGE` for one that opens and is malformed. */
export function openHeader(key: HeaderKey, ad: Bytes, sealed: SealedHeader): RatchetHeader | undefined {
  const bytes = new Uint8Array(sealed.ciphertext.length + aesTagSize)
  bytes.set(sealed.ciphertext)
  bytes.set(sealed.tag, sealed.ciphertext.length)
  let padded: Bytes
  try {
    padded = aesGcmOpen(key, sealed.iv, ad, bytes)
  } catch (error) {
    if (CryptoError.is(error, "DECRYPT")) return undefined
    throw error
  }
  return asMessageError(() => decode(ratchetHeader(sealed.version), unpad(padded)))
}

function asMessageError<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof WireError || CryptoError.is(error, "PADDING") || RatchetError.is(error, "VERSION")) {
      throw new RatchetError("MESSAGE", "not a ratchet message", undefined, { cause: error })
    }
    throw error
  }
}
