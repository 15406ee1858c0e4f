import {
  type Bytes,
  type Codec,
  concatBytes,
  decode,
  encode,
  fixed,
  struct,
  u16,
  u32,
  utf8,
  WireError,
} from "@smpkit/codec"
import {
  aesGcmOpen,
  aesGcmSeal,
  type Argon2Parameters,
  CryptoError,
  equalBytes,
  hkdfSha256,
  type Random,
  sha256,
} from "@smpkit/crypto"
import { StoreError } from "./errors.ts"

/** The only format there is; a later one gets the next number. */
export const storeFormat = 1

/** Derives the key that wraps the data key: Argon2id, and in tests something that costs nothing. */
export type DeriveKey = (
  passphrase: Bytes,
  salt: Bytes,
  parameters: Argon2Parameters,
) => Bytes | Promise<Bytes>

/** Stored in the clear: what is needed to turn a passphrase into the data key (security.md, Q12). */
interface Header {
  readonly format: number
  readonly storeId: Bytes
  readonly salt: Bytes
  readonly passes: number
  readonly memoryKiB: number
  readonly nonce: Bytes
  readonly wrappedKey: Bytes
}

const header: Codec<Header> = struct<Header>({
  format: u16,
  storeId: fixed(16),
  salt: fixed(16),
  passes: u32,
  memoryKiB: u32,
  nonce: fixed(12),
  wrappedKey: fixed(48),
})

/** All but the wrapped key is bound to it. */
function associatedData(h: Omit<Header, "nonce" | "wrappedKey">): Bytes {
  const empty = { nonce: new Uint8Array(12), wrappedKey: new Uint8Array(48) }
  return concatBytes(utf8("smpkit store header"), encode(header, { ...h, ...empty }))
}

/** What Argon2id gets: one form of a text that can be typed in several. Throws `StoreError EMPTY_PASSPHRASE`. */
export function passphraseBytes(passphrase: string, allowEmpty = false): Bytes {
  if (passphrase !== "" || allowEmpty) return utf8(passphrase.normalize("NFC"))
  throw new StoreError("EMPTY_PASSPHRASE", "the passphrase is empty; choose one, or say that it is meant")
}

/** The keys of an open store. They stay inside; wiped on dispose. */
export class KeyRing implements Disposable {
  readonly storeId: Bytes
  /** The header as stored: the fields and their SHA-256, which tells damage from a wrong passphrase. */
  readonly stored: Bytes
  readonly #header: Header
  readonly #wrappingKey: Bytes
  readonly #sealingKey: Bytes
  readonly #indexKey: Bytes
  readonly #digestKey: Bytes

  private constructor(h: Header, wrappingKey: Bytes, dataKey: Bytes) {
    this.storeId = h.storeId
    const fields = encode(header, h)
    this.stored = concatBytes(fields, sha256(fields))
    this.#header = h
    this.#wrappingKey = wrappingKey
    this.#sealingKey = hkdfSha256(dataKey, h.storeId, "smpkit store sealing key", 32)
    this.#indexKey = hkdfSha256(dataKey, h.storeId, "smpkit store index key", 32)
    this.#digestKey = hkdfSha256(dataKey, h.storeId, "smpkit store digest key", 32)
    dataKey.fill(0)
  }

  /** Keys for a new store. */
  static async create(
    passphrase: Bytes,
    parameters: Argon2Parameters,
    random: Random,
    deriveKey: DeriveKey,
  ): Promise<KeyRing> {
    const salt = random.bytes(16)
    const wrappingKey = await deriveKey(passphrase, salt, parameters)
    return KeyRing.#wrap(
      { format: storeFormat, storeId: random.bytes(16), salt, ...parameters },
      wrappingKey,
      random,
    )
  }

  /** The keys of a stored header. Throws `StoreError` `WRONG_PASSPHRASE`, `STORE_TAMPERED`, `STORE_FORMAT`. */
  static async open(stored: Bytes, passphrase: Bytes, deriveKey: DeriveKey): Promise<KeyRing> {
    const h = readHeader(stored)
    const { salt, passes, memoryKiB } = h
    const wrappingKey = await withinLimits(() => deriveKey(passphrase, salt, { passes, memoryKiB }))
    try {
      return new KeyRing(h, wrappingKey, aesGcmOpen(wrappingKey, h.nonce, associatedData(h), h.wrappedKey))
    } catch (error) {
      if (!CryptoError.is(error, "DECRYPT")) throw error
      throw new StoreError("WRONG_PASSPHRASE", "the passphrase does not open this store", { cause: error })
    }
  }

  static #wrap(h: Omit<Header, "nonce" | "wrappedKey">, wrappingKey: Bytes, random: Random): KeyRing {
    const dataKey = random.bytes(32)
    const nonce = random.bytes(12)
    const wrappedKey = aesGcmSeal(wrappingKey, nonce, associatedData(h), dataKey)
    return new KeyRing({ ...h, nonce, wrappedKey }, wrappingKey, dataKey)
  }

  /** The same store and passphrase with a new data key. */
  renewed(random: Random): KeyRing {
    return KeyRing.#wrap(this.#header, this.#wrappingKey.slice(), random)
  }

  /** Runs `f` with the three keys, lent for the call only. */
  use<T>(f: (keys: { readonly sealing: Bytes; readonly index: Bytes; readonly digest: Bytes }) => T): T {
    return f({ sealing: this.#sealingKey, index: this.#indexKey, digest: this.#digestKey })
  }

  toJSON(): string {
    return "[store keys]"
  }

  [Symbol.dispose](): void {
    for (const key of [this.#wrappingKey, this.#sealingKey, this.#indexKey, this.#digestKey]) key.fill(0)
  }
}

function readHeader(stored: Bytes): Header {
  const fields = stored.subarray(0, -32)
  if (stored.length < 32 || !equalBytes(sha256(fields), stored.subarray(-32))) throw damaged()
  const format = new DataView(stored.buffer, stored.byteOffset).getUint16(0)
  if (format !== storeFormat) {
    throw new StoreError(
      "STORE_FORMAT",
      `the store has format ${format}, this release reads ${storeFormat}: use a later one`,
    )
  }
  try {
    return decode(header, fields)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    throw damaged(error)
  }
}

/** Parameters outside floor and ceiling were not written by us. */
async function withinLimits(derive: () => Bytes | Promise<Bytes>): Promise<Bytes> {
  try {
    return await derive()
  } catch (error) {
    throw CryptoError.is(error, "PARAMETER") ? damaged(error) : error
  }
}

function damaged(cause?: unknown): StoreError<"STORE_TAMPERED"> {
  return new StoreError("STORE_TAMPERED", "the header of the store is damaged", { cause })
}
