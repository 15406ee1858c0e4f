import { type Bytes, type Codec, longBytes, mapped, type Reader, struct, type Writer } from "@smpkit/codec"
import type { Brand } from "@smpkit/crypto"

// double-ratchet.md, "E2E ratchet parameters": the KEM field of parameters and headers. The KEM is sntrup761.

export const kemSizes = { publicKey: 1158, privateKey: 1763, ciphertext: 1039, secret: 32 } as const

export type KemPublicKey = Brand<Bytes, "KemPublicKey">
export type KemCiphertext = Brand<Bytes, "KemCiphertext">

/** `str16` of exactly `size` bytes. */
function sized<T extends Bytes>(size: number, what: string): Codec<T> {
  return mapped(
    longBytes,
    (v, fail) => (v.length === size ? (v as unknown as T) : fail(`not ${what} of ${size} bytes`)),
    (v) => {
      if (v.length !== size) throw new RangeError(`${what} has ${size} bytes`)
      return v
    },
  )
}

const kemPublicKey: Codec<KemPublicKey> = sized(kemSizes.publicKey, "a KEM public key")
export const kemCiphertext: Codec<KemCiphertext> = sized(kemSizes.ciphertext, "a KEM ciphertext")

/** A public key of its raw bytes; `undefined` for a wrong length. */
export function kemPublicKeyOf(raw: Bytes): KemPublicKey | undefined {
  return raw.length === kemSizes.publicKey ? (raw as KemPublicKey) : undefined
}

/** A key that the peer may encapsulate to. */
export interface KemProposal {
  readonly type: "P"
  readonly key: KemPublicKey
}

/** A ciphertext for the peer's key, and a new key of the sender. */
export interface KemAcceptance {
  readonly type: "A"
  readonly ciphertext: KemCiphertext
  readonly key: KemPublicKey
}

export type KemParameter = KemProposal | KemAcceptance

const proposalFields = struct<Omit<KemProposal, "type">>({ key: kemPublicKey })
const acceptanceFields = struct<Omit<KemAcceptance, "type">>({ ciphertext: kemCiphertext, key: kemPublicKey })

export const kemParameter: Codec<KemParameter> = {
  write: (w: Writer, v: KemParameter): void => {
    w.u8(v.type.charCodeAt(0))
    switch (v.type) {
      case "P":
        proposalFields.write(w, v)
        return
      case "A":
        acceptanceFields.write(w, v)
        return
      default:
        v satisfies never
    }
  },
  read: (r: Reader): KemParameter => {
    const tag = r.u8()
    if (tag === 0x50) return { type: "P", ...proposalFields.read(r) }
    return tag === 0x41 ? { type: "A", ...acceptanceFields.read(r) } : r.fail("neither P nor A")
  },
}

/** The parameter of a side that speaks first: it may propose only. */
export const kemProposal: Codec<KemProposal> = mapped(
  kemParameter,
  (v, fail) => (v.type === "P" ? v : fail("an accepted KEM key where only a proposal may stand")),
  (v) => v,
)
