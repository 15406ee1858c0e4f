import { type Bytes, bool, type Codec, fixed, optional, struct, u16, u32, u8 } from "@smpkit/codec"
import { dh, generateKeyPair, type KeyPair, keySizes, type PublicKey, type Random } from "@smpkit/crypto"
import {
  type ChainKey,
  chainKey,
  deriveRootStep,
  type HeaderKey,
  headerKey,
  type RootKey,
  rootKey,
} from "./chains.ts"
import { assertE2eVersion, e2eVersions } from "./e2e-version.ts"
import {
  type KemAgreed,
  kemCiphertext,
  type KemKeys,
  kemPublicKey,
  kemSizes,
  type PostQuantum,
  postQuantumOff,
} from "./kem.ts"
import { rawX448PublicKey, x448KeyPair } from "./key-pair.ts"
import { type SkippedRun, skippedRuns } from "./skipped-keys.ts"
import type { X3dhSecrets } from "./x3dh.ts"

export interface SendingChain {
  /** The peer's ratchet key of this chain (DHRr). */
  readonly peerKey: PublicKey<"x448">
  readonly chainKey: ChainKey
  readonly headerKey: HeaderKey
}

export interface ReceivingChain {
  readonly chainKey: ChainKey
  readonly headerKey: HeaderKey
}

/**
 * All of one side of a ratchet (double-ratchet.md, "Ratchet state and initialisation"): a value. `encrypt` and `decrypt` answer
 * with a new one; whoever stores it before the ciphertext leaves, and never goes back to an older one, uses no message key twice.
 */
export interface RatchetState {
  /** The version that messages are written in; grows up to what both sides speak. */
  readonly version: number
  readonly maxVersion: number
  readonly ad: Bytes
  /** Own ratchet key pair (DHRs). */
  readonly keyPair: KeyPair<"x448">
  readonly rootKey: RootKey
  readonly sending: SendingChain | undefined
  readonly receiving: ReceivingChain | undefined
  /** Messages of the sending chain (Ns), of the receiving chain (Nr) and of the sending chain before (PN). */
  readonly sent: number
  readonly received: number
  readonly previousSent: number
  readonly nextSendingHeaderKey: HeaderKey
  readonly nextReceivingHeaderKey: HeaderKey
  readonly postQuantum: PostQuantum
  /** Keys of messages that did not arrive yet, oldest first. */
  readonly skipped: readonly SkippedRun[]
}

interface InitOptions {
  /** The agreed end-to-end version. */
  readonly version: number
  readonly secrets: X3dhSecrets
  /** The highest version that this side speaks; 3 unless a test says otherwise. */
  readonly maxVersion?: number
}

/** The joiner's ratchet, which can send at once. `peerKey` is the initiator's second key. Throws `RatchetError VERSION`. */
export function initSendingRatchet({
  version,
  maxVersion = e2eVersions.max,
  secrets,
  peerKey,
  random,
}: InitOptions & { readonly peerKey: PublicKey<"x448">; readonly random: Random }): RatchetState {
  assertE2eVersion(version)
  const keyPair = generateKeyPair("x448", random)
  const secret = dh(keyPair.privateKey, peerKey)
  const step = deriveRootStep(secrets.rootKey, secret)
  secret.fill(0)
  return {
    version,
    maxVersion,
    ad: secrets.ad,
    keyPair,
    rootKey: step.rootKey,
    sending: { peerKey, chainKey: step.chainKey, headerKey: secrets.headerKey },
    receiving: undefined,
    sent: 0,
    received: 0,
    previousSent: 0,
    nextSendingHeaderKey: step.nextHeaderKey,
    nextReceivingHeaderKey: secrets.nextHeaderKey,
    postQuantum: postQuantumOff,
    skipped: [],
  }
}

/** The initiator's ratchet, which sends only after it has received. `keyPair` is its second pair. Throws `RatchetError VERSION`. */
export function initReceivingRatchet({
  version,
  maxVersion = e2eVersions.max,
  secrets,
  keyPair,
}: InitOptions & { readonly keyPair: KeyPair<"x448"> }): RatchetState {
  assertE2eVersion(version)
  return {
    version,
    maxVersion,
    ad: secrets.ad,
    keyPair,
    rootKey: secrets.rootKey,
    sending: undefined,
    receiving: undefined,
    sent: 0,
    received: 0,
    previousSent: 0,
    nextSendingHeaderKey: secrets.nextHeaderKey,
    nextReceivingHeaderKey: secrets.headerKey,
    postQuantum: postQuantumOff,
    skipped: [],
  }
}

const kemKeys: Codec<KemKeys> = struct({
  publicKey: kemPublicKey,
  privateKey: fixed(kemSizes.privateKey),
  accepted: optional(
    struct<KemAgreed>({ peerKey: kemPublicKey, secret: fixed(kemSizes.secret), ciphertext: kemCiphertext }),
  ),
})

const fields: Codec<RatchetState> = struct({
  version: u16,
  maxVersion: u16,
  ad: fixed(2 * keySizes.x448.publicKey),
  keyPair: x448KeyPair,
  rootKey,
  sending: optional(struct<SendingChain>({ peerKey: rawX448PublicKey, chainKey, headerKey })),
  receiving: optional(struct<ReceivingChain>({ chainKey, headerKey })),
  sent: u32,
  received: u32,
  previousSent: u32,
  nextSendingHeaderKey: headerKey,
  nextReceivingHeaderKey: headerKey,
  postQuantum: struct<PostQuantum>({
    supported: bool,
    enabled: bool,
    sending: bool,
    receiving: bool,
    keys: optional(kemKeys),
  }),
  skipped: skippedRuns,
})

/** The layout that a store holds; a later one gets another number. */
const layout = 1

/** A state in the sealed store: all its secrets in clear, about 600 bytes and 52 for each skipped key. */
export const ratchetState: Codec<RatchetState> = {
  write: (w, v) => {
    w.u8(layout)
    fields.write(w, v)
  },
  read: (r) => (u8.read(r) === layout ? fields.read(r) : r.fail("a ratchet state of another layout")),
}
