import { type Bytes, type Codec, fixed, optional, struct, u16, u32 } from "@smpkit/codec"
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
import { rawX448PublicKey, x448KeyPair } from "./key-pair.ts"
import {
  type Hybrid,
  initialPostQuantum,
  type PostQuantum,
  postQuantum,
  postQuantumWithoutKeys,
} from "./post-quantum.ts"
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

/**
 * The joiner's ratchet, which can send at once: hybrid, if the key agreement was. `peerKey` is the initiator's second key. Post-quantum agreement is
 * on with KEM keys of the joiner, and off without. Throws `RatchetError VERSION`.
 */
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
  const step = deriveRootStep(secrets.rootKey, secret, secrets.kemSecret)
  secret.fill(0)
  const { kem, hybrid } = secrets
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
    postQuantum: { ...initialPostQuantum(version, kem !== undefined, kem), sending: hybrid },
    skipped: [],
  }
}

/**
 * The initiator's ratchet, which sends only after it has received. `keyPair` is its second pair. `enabled` says whether it accepts and proposes KEM
 * keys; unless given, it does where the key agreement was hybrid. Throws `RatchetError VERSION`.
 */
export function initReceivingRatchet({
  version,
  maxVersion = e2eVersions.max,
  secrets,
  keyPair,
  postQuantum: enabled = secrets.hybrid,
}: InitOptions & { readonly keyPair: KeyPair<"x448">; readonly postQuantum?: boolean }): RatchetState {
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
    postQuantum: initialPostQuantum(version, enabled, secrets.kem),
    skipped: [],
  }
}

/** Whether what this state sends, and what the newest chain of the peer brings, has a KEM secret in its keys. */
export function hybridOf({ postQuantum: { sending, receiving } }: RatchetState): Hybrid {
  return { sending, receiving }
}

function fields(part: Codec<PostQuantum>): Codec<RatchetState> {
  return struct({
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
    postQuantum: part,
    skipped: skippedRuns,
  })
}

/** The layout that a store holds now; a later one gets another number. */
const layout = 2
const current = fields(postQuantum)
const firstRelease = fields(postQuantumWithoutKeys)

/**
 * A state in the sealed store: all its secrets in clear, about 600 bytes, 2,800 more with KEM keys, and 52 for each skipped key.
 * States of the first release are read as well.
 */
export const ratchetState: Codec<RatchetState> = {
  write: (w, v) => {
    w.u8(layout)
    current.write(w, v)
  },
  read: (r) => {
    switch (r.u8()) {
      case layout:
        return current.read(r)
      case 1:
        return firstRelease.read(r)
      default:
        return r.fail("a ratchet state of another layout")
    }
  },
}
