import {
  type Bytes,
  type Codec,
  concatBytes,
  decode,
  encode,
  fixed,
  fromHex,
  list,
  longBytes,
  Reader,
  shortBytes,
  struct,
  u16,
  utf8,
  type VersionRange,
  versionRange,
} from "@smpkit/codec"
import { sha256 } from "@smpkit/crypto"
import type { RefusalName } from "./failure.ts"

// channel.md, "Constants" and "Handshake messages".

export const preambleSize = 76
export const helloSize = 8_192
export const keyMessageSize = 1_169
export const confirmSize = 49
export const refusalSize = 2

/** What this implementation speaks. */
export const channelVersions: VersionRange = { min: 1, max: 1 }

/** The magic that a preamble begins with: F5, "smpchan". */
export const magic: Bytes = fromHex("f5736d706368616e")
/** First bytes of the other messages. */
export const kinds = { hello: 0x48, key: 0x4b, confirm: 0x43, refusal: 0x52 } as const
/** What every label begins with. */
export const labelPrefix = "SMP channel 1, "

const kemKeySize = 1_216
const encSize = 1_120
const signatureSizes: readonly number[] = [64, 114]

/** P: what a client begins with. */
export interface Preamble {
  readonly versions: VersionRange
  readonly random: Bytes
  /** SHA-256 of the identity certificate that the client expects. */
  readonly identity: Bytes
}

const preambleFields: Codec<Preamble> = struct({
  versions: versionRange,
  random: fixed(32),
  identity: fixed(32),
})

export function encodePreamble(preamble: Preamble): Bytes {
  return concatBytes(magic, encode(preambleFields, preamble))
}

/** Reads a preamble whose magic was compared. Throws `WireError` for a range that ends before it begins. */
export function decodePreamble(bytes: Bytes): Preamble {
  return decode(preambleFields, bytes.subarray(magic.length))
}

/** H without signature and filler: what a server signs. */
export interface HelloBody {
  readonly versions: VersionRange
  readonly version: number
  readonly random: Bytes
  readonly kemKey: Bytes
  readonly chain: readonly Bytes[]
}

/** H as it came: nothing about it is verified. */
export interface UnverifiedHello extends HelloBody {
  /** What the signature covers besides the preamble. */
  readonly signed: Bytes
  readonly signature: Bytes
}

const helloBody: Codec<HelloBody> = struct({
  versions: versionRange,
  version: u16,
  random: fixed(32),
  kemKey: fixed(kemKeySize),
  chain: list(longBytes),
})

/** The signed part of H, with its first byte. */
export function encodeHelloBody(body: HelloBody): Bytes {
  return concatBytes(Uint8Array.of(kinds.hello), encode(helloBody, body))
}

/** All of H: the signed part, the signature, and zeros. Throws `RangeError` when the chain is too long, which a server finds out before it starts. */
export function encodeHello(signed: Bytes, signature: Bytes): Bytes {
  const used = signed.length + 1 + signature.length
  if (used > helloSize) throw new RangeError(`a hello of ${used} bytes`)
  const hello = new Uint8Array(helloSize)
  hello.set(signed)
  hello[signed.length] = signature.length
  hello.set(signature, signed.length + 1)
  return hello
}

/** Reads H, whose first byte was compared. Throws `WireError` for any other form. */
export function decodeHello(bytes: Bytes): UnverifiedHello {
  const r = new Reader(bytes)
  r.skip(1)
  const body = helloBody.read(r)
  if (body.chain.length < 2 || body.chain.length > 4)
    r.fail(`a chain of ${body.chain.length} certificates, where 2 to 4 belong`)
  const signed = bytes.subarray(0, r.offset)
  const signature = shortBytes.read(r)
  if (!signatureSizes.includes(signature.length)) r.fail(`a signature of ${signature.length} bytes`)
  if (bytes.subarray(r.offset).some((byte) => byte !== 0)) r.fail("a filler that is not zero")
  return { ...body, signed, signature }
}

const signatureContext = concatBytes(
  new Uint8Array(64).fill(0x20),
  utf8(`${labelPrefix}server hello`),
  Uint8Array.of(0),
)

/** What a server's certificate key signs: the context, and the hash of preamble and hello up to the signature. */
export function signedInput(preamble: Bytes, signed: Bytes): Bytes {
  return concatBytes(signatureContext, sha256(preamble, signed))
}

/** K: the encapsulated secret and the sealed session key. */
export interface KeyMessage {
  readonly enc: Bytes
  readonly sealed: Bytes
}

export function encodeKeyMessage({ enc, sealed }: KeyMessage): Bytes {
  return concatBytes(Uint8Array.of(kinds.key), enc, sealed)
}

/** Parts of a K of the right length, whose first byte was compared. */
export function decodeKeyMessage(bytes: Bytes): KeyMessage {
  return { enc: bytes.subarray(1, 1 + encSize), sealed: bytes.subarray(1 + encSize) }
}

const refusalCodes: Readonly<Record<RefusalName, number>> = { BUSY: 1, VERSION: 2, KEY: 3 }

export function encodeRefusal(name: RefusalName): Bytes {
  return Uint8Array.of(kinds.refusal, refusalCodes[name])
}

/** The name of a refusal's code, or the code where version 1 has no name for it. */
export function refusalName(code: number): RefusalName | number {
  for (const name of ["BUSY", "VERSION", "KEY"] as const) if (refusalCodes[name] === code) return name
  return code
}

/** Bytes that a chain may take in H under signatures of this size. */
export function chainRoom(signatureSize: number): number {
  return helloSize - 1_255 - 1 - signatureSize
}

/** Bytes of a chain in H, its lengths included. */
export function chainSize(chain: readonly Bytes[]): number {
  return chain.reduce((size, certificate) => size + 2 + certificate.length, 1)
}
