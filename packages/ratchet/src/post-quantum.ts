import { bool, type Codec, optional, struct } from "@smpkit/codec"
import type { KemSecret } from "@smpkit/crypto"
import { kemVersion } from "./e2e-version.ts"
import { type KemCiphertext, type KemParameter, kemCiphertext } from "./kem.ts"
import {
  acceptKem,
  generateKemKeys,
  type KemKeyPair,
  kemKeyPair,
  type KemKeys,
  type KemOptions,
} from "./kem-keys.ts"

// double-ratchet.md, "KEM step" and "Turning PQ on and off".

/** Whether a KEM secret is in the keys of a direction. */
export interface Hybrid {
  readonly sending: boolean
  readonly receiving: boolean
}

/** The post-quantum part of a state. Whether the chains that exist now include a KEM secret, `sending` and `receiving` tell. */
export interface PostQuantum extends Hybrid {
  /** Headers have room for a KEM; never turned off again. */
  readonly supported: boolean
  /** Whether this side proposes and accepts at the next ratchet step. */
  readonly enabled: boolean
  readonly keys: KemKeys | undefined
}

const postQuantumOff: PostQuantum = {
  supported: false,
  enabled: false,
  sending: false,
  receiving: false,
  keys: undefined,
}

/** The part of a ratchet that begins, for the side that begins without a chain of the peer. */
export function initialPostQuantum(
  version: number,
  enabled: boolean,
  keys: KemKeys | undefined,
): PostQuantum {
  if (version >= kemVersion) return { ...postQuantumOff, supported: enabled, enabled, keys }
  if (keys?.accepted !== undefined) throw new RangeError("a KEM secret in a ratchet of a version without one")
  return postQuantumOff
}

/** With what the application wants from now on; `undefined` changes nothing. What has begun stays: it takes effect at the next ratchet step. */
export function withPreference(
  state: PostQuantum,
  version: number,
  preference: boolean | undefined,
): PostQuantum {
  const enabled = preference ?? state.enabled
  const supported = state.supported || (version >= kemVersion && enabled)
  return enabled === state.enabled && supported === state.supported ? state : { ...state, supported, enabled }
}

/** What the KEM gives to a new sending chain. */
export interface KemAnswer {
  readonly postQuantum: PostQuantum
  /** For the caller to wipe; `undefined` where the chain is not hybrid. */
  readonly secret: KemSecret | undefined
}

/**
 * The sending half of a KEM step, after `received` has begun a new chain of the peer. `state.receiving` tells whether that chain is hybrid.
 * Without a field of the peer, keys that were proposed in vain are dropped, and post-quantum agreement ends unless the application asks again.
 */
export function answerKem(
  state: PostQuantum,
  version: number,
  received: KemParameter | undefined,
  options: KemOptions,
): KemAnswer {
  const { supported, receiving } = state
  const on = state.enabled && version >= kemVersion
  const proposes = on && received === undefined && state.keys === undefined
  const accepted = on && received !== undefined ? acceptKem(received.key, options) : undefined
  const keys =
    proposes || accepted !== undefined
      ? { ...generateKemKeys(options), accepted: accepted?.ciphertext }
      : undefined
  const sending = accepted !== undefined
  const enabled = receiving || sending || keys !== undefined
  return {
    postQuantum: {
      supported: supported || (version >= kemVersion && enabled),
      enabled,
      sending,
      receiving,
      keys,
    },
    secret: accepted?.secret,
  }
}

const keys = struct<{ readonly pair: KemKeyPair; readonly accepted: KemCiphertext | undefined }>({
  pair: kemKeyPair,
  accepted: optional(kemCiphertext),
})
const kemKeys: Codec<KemKeys> = {
  write: (w, v) => {
    keys.write(w, { pair: v, accepted: v.accepted })
  },
  read: (r) => {
    const { pair, accepted } = keys.read(r)
    return { ...pair, accepted }
  },
}

function inState(keys: Codec<KemKeys>): Codec<PostQuantum> {
  return struct<PostQuantum>({
    supported: bool,
    enabled: bool,
    sending: bool,
    receiving: bool,
    keys: optional(keys),
  })
}

/** In a state: 5 bytes, and 1764 or 2805 more with keys. */
export const postQuantum: Codec<PostQuantum> = inState(kemKeys)

/** The same as the first release wrote it, which had no keys. */
export const postQuantumWithoutKeys: Codec<PostQuantum> = inState({
  write: () => {
    throw new TypeError("a layout that is only read")
  },
  read: (r) => r.fail("KEM keys in a layout that has none"),
})
