import { type Codec, struct } from "@smpkit/codec"
import { generateKeyPair, type KeyPair, type Random } from "@smpkit/crypto"
import { x448KeyPair } from "./key-pair.ts"

/** The two key pairs that one side brings to the key agreement. */
export interface X3dhKeys {
  readonly key1: KeyPair<"x448">
  readonly key2: KeyPair<"x448">
}

/** For the sealed store: private keys in clear. */
export const x3dhKeys: Codec<X3dhKeys> = struct({ key1: x448KeyPair, key2: x448KeyPair })

export function generateX3dhKeys(random: Random): X3dhKeys {
  return { key1: generateKeyPair("x448", random), key2: generateKeyPair("x448", random) }
}
