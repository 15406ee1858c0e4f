/** Bytes that own their memory, as in `@smpkit/codec`. */
type Bytes = Uint8Array<ArrayBuffer>

/** What a platform provides: raw bytes in, raw bytes out, synchronously. Lengths are checked by the callers in this package. */
export interface ReadyAesGcm {
  /** With the tag apart: nothing of a platform's output is copied. */
  readonly sealDetached: (
    iv: Uint8Array,
    aad: Uint8Array,
    message: Uint8Array,
  ) => { readonly ciphertext: Bytes; readonly tag: Bytes }
  /** `undefined` when the tag does not fit. */
  readonly open: (iv: Uint8Array, aad: Uint8Array, sealed: Uint8Array) => Bytes | undefined
}

export interface CryptoBackend {
  readonly randomBytes: (length: number) => Bytes
  readonly x25519: DiffieHellman
  readonly x448: DiffieHellman
  readonly ed25519: Signer
  readonly ed448: Signer
  readonly hsalsa20: (key: Uint8Array, input: Uint8Array) => Bytes
  /** NaCl secretbox: tag (16) ++ ciphertext. */
  readonly secretbox: (key: Uint8Array, nonce: Uint8Array, message: Uint8Array) => Bytes
  /** The same over the bytes of `box` after the first 16, which get the tag. */
  readonly secretboxInPlace: (key: Uint8Array, nonce: Uint8Array, box: Uint8Array) => void
  /** `undefined` when the tag does not fit. */
  readonly openSecretbox: (key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array) => Bytes | undefined
  /** AES-256-GCM: ciphertext ++ tag (16). */
  readonly aesGcmSeal: (key: Uint8Array, iv: Uint8Array, aad: Uint8Array, message: Uint8Array) => Bytes
  readonly aesGcmOpen: (
    key: Uint8Array,
    iv: Uint8Array,
    aad: Uint8Array,
    sealed: Uint8Array,
  ) => Bytes | undefined
  /** A key made ready for many messages. */
  readonly aesGcm: (key: Uint8Array) => ReadyAesGcm
  readonly hash: (name: HashName, ...parts: readonly Uint8Array[]) => Bytes
  readonly shake256: (input: Uint8Array, length: number) => Bytes
  readonly hmac: (name: "sha256" | "sha512", key: Uint8Array, ...parts: readonly Uint8Array[]) => Bytes
  readonly hkdf: (
    name: "sha256" | "sha512",
    ikm: Uint8Array,
    salt: Uint8Array,
    info: Uint8Array,
    length: number,
  ) => Bytes
  readonly argon2id: (
    password: Uint8Array,
    salt: Uint8Array,
    passes: number,
    memoryBytes: number,
    length: number,
  ) => Bytes
  /** Equal in constant time; lengths are equal. */
  readonly equal: (a: Uint8Array, b: Uint8Array) => boolean
  /** Loaded when it is asked for: only the channel needs it. */
  readonly loadMlKem768: () => Promise<MlKem768>
}

export type HashName = "sha256" | "sha384" | "sha512" | "sha3-256" | "sha3-384"

/** `derive` answers `undefined` where the platform refuses the peer's key. */
export interface DiffieHellman {
  readonly publicKey: (privateKey: Uint8Array) => Bytes
  readonly derive: (privateKey: Uint8Array, publicKey: Uint8Array) => Bytes | undefined
}

export interface Signer {
  readonly publicKey: (seed: Uint8Array) => Bytes
  /** `publicKey` is that of `seed`. */
  readonly sign: (seed: Uint8Array, publicKey: Uint8Array, message: Uint8Array) => Bytes
  readonly verify: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean
}

/** ML-KEM-768 (FIPS 203) without randomness of its own. Keys and ciphertexts have the right lengths; `encapsulate` gets a checked key. */
export interface MlKem768 {
  /** From d ++ z, 64 bytes: a public key of 1,184 bytes and a secret key of 2,400. */
  readonly keyPair: (seed: Uint8Array) => { readonly publicKey: Bytes; readonly secretKey: Bytes }
  /** From 32 random bytes: a ciphertext of 1,088 bytes and a secret of 32. */
  readonly encapsulate: (
    publicKey: Uint8Array,
    randomness: Uint8Array,
  ) => { readonly ciphertext: Bytes; readonly sharedSecret: Bytes }
  /** A ciphertext that was not made for this key gives another secret, not an error. */
  readonly decapsulate: (secretKey: Uint8Array, ciphertext: Uint8Array) => Bytes
}
