import { type Codec, optional, struct } from "@smpkit/codec"
import { generateKeyPair, type Kem, type KeyPair, type Random } from "@smpkit/crypto"
import { generateKemKeys, type KemKeyPair, kemKeyPair } from "./kem-keys.ts"
import { x448KeyPair } from "./key-pair.ts"

/** The key pairs that one side brings to the key agreement. */
export interface X3dhKeys {
  readonly key1: KeyPair<"x448">
  readonly key2: KeyPair<"x448">
  /** What the side that speaks first proposes, and what the other one proposes or gives beside its acceptance. */
  readonly kem?: KemKeyPair | undefined
}

const pairs = struct<Omit<X3dhKeys, "kem">>({ key1: x448KeyPair, key2: x448KeyPair })

/** For the sealed store, as the first release wrote it: private keys in clear. Keys with a KEM key: `RangeError`. */
export const x3dhKeys: Codec<X3dhKeys> = {
  write: (w, v) => {
    if (v.kem !== undefined) throw new RangeError("a KEM key in a layout that has none")
    pairs.write(w, v)
  },
  read: (r) => pairs.read(r),
}

/** For the sealed store, with the KEM keys. */
export const hybridX3dhKeys: Codec<X3dhKeys> = struct<X3dhKeys>({
  key1: x448KeyPair,
  key2: x448KeyPair,
  kem: optional(kemKeyPair),
})

/** New keys; with KEM keys where `postQuantum` asks for them, which takes 7 ms. */
export function generateX3dhKeys(
  random: Random,
  { postQuantum = false, kem }: { readonly postQuantum?: boolean; readonly kem?: Kem } = {},
): X3dhKeys {
  const keys = { key1: generateKeyPair("x448", random), key2: generateKeyPair("x448", random) }
  return postQuantum ? { ...keys, kem: generateKemKeys({ random, kem }) } : keys
}
