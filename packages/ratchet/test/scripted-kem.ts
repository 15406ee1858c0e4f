import { type Bytes, toHex } from "@smpkit/codec"
import { type Encapsulation, type Kem, type KemSecret, sntrup761 } from "@smpkit/crypto"

/** What one step made, as it was recorded: a new key pair, and a secret for the peer's key where it accepted one. */
export interface RecordedStep {
  readonly secretKey: Bytes
  readonly accepted:
    { readonly peerKey: Bytes; readonly secret: Bytes; readonly ciphertext: Bytes } | undefined
}

/** Gives recorded key pairs and secrets in their order; decapsulates as ever, but for keys whose secret half is not recorded. */
export class ScriptedKem implements Kem {
  readonly publicKeySize = sntrup761.publicKeySize
  readonly secretKeySize = sntrup761.secretKeySize
  readonly ciphertextSize = sntrup761.ciphertextSize
  readonly sharedSecretSize = sntrup761.sharedSecretSize
  readonly publicKeyOf = sntrup761.publicKeyOf
  readonly #pairs: Bytes[]
  readonly #accepted: NonNullable<RecordedStep["accepted"]>[]
  readonly #known: ReadonlyMap<string, Bytes>

  /** `known` holds secrets by the hexadecimal digits of their ciphertexts. */
  constructor(steps: readonly RecordedStep[], known: ReadonlyMap<string, Bytes> = new Map()) {
    this.#pairs = steps.map((step) => step.secretKey)
    this.#accepted = steps.flatMap(({ accepted }) => (accepted === undefined ? [] : [accepted]))
    this.#known = known
  }

  /** What nobody has asked for yet. */
  get left(): number {
    return this.#pairs.length + this.#accepted.length
  }

  readonly generateKeyPair = (): { readonly publicKey: Bytes; readonly secretKey: Bytes } => {
    const secretKey = this.#pairs.shift()
    if (secretKey === undefined) throw new Error("a KEM key pair after the end of the script")
    return { publicKey: sntrup761.publicKeyOf(secretKey), secretKey }
  }

  readonly encapsulate = (publicKey: Uint8Array): Encapsulation => {
    const next = this.#accepted.shift()
    if (next === undefined || toHex(next.peerKey) !== toHex(publicKey)) {
      throw new Error("a KEM secret for a key that the script does not have next")
    }
    return { ciphertext: next.ciphertext, sharedSecret: next.secret.slice() as KemSecret }
  }

  readonly decapsulate = (secretKey: Uint8Array, ciphertext: Uint8Array): KemSecret => {
    const known = this.#known.get(toHex(ciphertext))
    return known === undefined ? sntrup761.decapsulate(secretKey, ciphertext) : (known.slice() as KemSecret)
  }
}
