import { type Bytes, concatBytes, fromHex, utf8 } from "@smpkit/codec"
import { backend } from "#backend"
import { aesTagSize } from "./aes-gcm.ts"
import { CryptoError } from "./errors.ts"
import type { XWing } from "./x-wing.ts"

/** What a message is sealed for; both sides must agree on it. */
export interface HpkeContext {
  readonly info: Uint8Array
  readonly aad: Uint8Array
}

/**
 * One message sealed to an X-Wing public key: HPKE (RFC 9180, "Encryption to a Public Key"), base mode, single shot, with
 * X-Wing (0x647a), HKDF-SHA256 (0x0001) and AES-256-GCM (0x0002). `randomness` has 64 bytes, for this call alone.
 * `enc` has 1,120 bytes, `sealed` 16 more than the plaintext. Throws `CryptoError KEY` for a public key that is not usable.
 */
export function hpkeSealBase(
  xWing: XWing,
  message: HpkeContext & {
    readonly publicKey: Uint8Array
    readonly plaintext: Uint8Array
    readonly randomness: Uint8Array
  },
): { readonly enc: Bytes; readonly sealed: Bytes } {
  const { ciphertext: enc, sharedSecret } = xWing.encapsulate(message.publicKey, message.randomness)
  const { key, nonce } = keySchedule(sharedSecret, message.info)
  const sealed = backend.aesGcmSeal(key, nonce, message.aad, message.plaintext)
  key.fill(0)
  return { enc, sealed }
}

/** Opens what `hpkeSealBase` sealed to the public key of `seed`; `undefined` when it does not open, for whatever reason. */
export function hpkeOpenBase(
  xWing: XWing,
  message: HpkeContext & {
    readonly seed: Uint8Array
    readonly enc: Uint8Array
    readonly sealed: Uint8Array
  },
): Bytes | undefined {
  if (message.sealed.length < aesTagSize) return undefined
  const sharedSecret = decapsulate(xWing, message.seed, message.enc)
  if (sharedSecret === undefined) return undefined
  const { key, nonce } = keySchedule(sharedSecret, message.info)
  const plaintext = backend.aesGcmOpen(key, nonce, message.aad, message.sealed)
  key.fill(0)
  return plaintext
}

function decapsulate(xWing: XWing, seed: Uint8Array, enc: Uint8Array): Bytes | undefined {
  try {
    return xWing.decapsulate(seed, enc)
  } catch (error) {
    if (CryptoError.is(error, "CIPHERTEXT")) return undefined
    throw error
  }
}

const empty = new Uint8Array(0)
const suite = concatBytes(utf8("HPKE"), fromHex("647a00010002"))
const version = utf8("HPKE-v1")
const baseMode = Uint8Array.of(0)

/** RFC 9180, "Creating the Encryption Context", base mode. Wipes the shared secret. */
function keySchedule(sharedSecret: Bytes, info: Uint8Array): { readonly key: Bytes; readonly nonce: Bytes } {
  const context = concatBytes(
    baseMode,
    labeledExtract(empty, "psk_id_hash", empty),
    labeledExtract(empty, "info_hash", info),
  )
  const secret = labeledExtract(sharedSecret, "secret", empty)
  sharedSecret.fill(0)
  const key = labeledExpand(secret, "key", context, 32)
  const nonce = labeledExpand(secret, "base_nonce", context, 12)
  secret.fill(0)
  return { key, nonce }
}

function labeledExtract(salt: Uint8Array, label: string, ikm: Uint8Array): Bytes {
  return backend.hmac("sha256", salt, version, suite, utf8(label), ikm)
}

/** At most 32 bytes: one block of HKDF-Expand. */
function labeledExpand(secret: Uint8Array, label: string, info: Uint8Array, length: 12 | 32): Bytes {
  const block = backend.hmac(
    "sha256",
    secret,
    Uint8Array.of(0, length),
    version,
    suite,
    utf8(label),
    info,
    Uint8Array.of(1),
  )
  return block.slice(0, length)
}
