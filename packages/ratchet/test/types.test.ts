import type { Bytes } from "@smpkit/codec"
import type { KeyPair } from "@smpkit/crypto"
import {
  type ChainKey,
  decrypt,
  type HeaderKey,
  initReceivingRatchet,
  type initSendingRatchet,
  type KemCiphertext,
  type KemPublicKey,
  type MessageKey,
  type RatchetParameters,
  type RatchetParametersUri,
  type RatchetState,
  type RootKey,
  x3dhInitiator,
  type X3dhKeys,
  type X3dhSecrets,
} from "@smpkit/ratchet"
import { expect, test } from "vitest"
import { deriveChainStep, deriveRootStep } from "../src/chains.ts"
import { openHeader, type SealedHeader } from "../src/header.ts"

// Each marked line must not compile; `tsc -p tsconfig.test.json` says so when one does. Nothing here runs.
function mixUps(has: {
  rootKey: RootKey
  chainKey: ChainKey
  headerKey: HeaderKey
  messageKey: MessageKey
  bytes: Bytes
  state: RatchetState
  keys: X3dhKeys
  x25519: KeyPair<"x25519">
  uri: RatchetParametersUri
  parameters: RatchetParameters
  secrets: X3dhSecrets
  sealed: SealedHeader
  kemKey: KemPublicKey
}): void {
  // @ts-expect-error a chain key is no root key
  deriveRootStep(has.chainKey, has.bytes)
  // @ts-expect-error a root key is no chain key
  deriveChainStep(has.rootKey)
  // @ts-expect-error bytes are no chain key
  deriveChainStep(has.bytes)
  // @ts-expect-error a message key opens no header
  openHeader(has.messageKey, has.bytes, has.sealed)
  // @ts-expect-error nor does a chain key
  openHeader(has.chainKey, has.bytes, has.sealed)
  // @ts-expect-error keys of X25519 agree on nothing here
  const keys: X3dhKeys = { key1: has.x25519, key2: has.x25519 }
  // @ts-expect-error nor do they begin a ratchet
  initReceivingRatchet({ version: 3, secrets: has.secrets, keyPair: has.x25519 })
  // @ts-expect-error the peer's key is one of X448
  const peer: Parameters<typeof initSendingRatchet>[0]["peerKey"] = has.x25519.publicKey
  // @ts-expect-error the initiator gets agreed parameters, with one version
  x3dhInitiator(has.keys, has.uri)
  // @ts-expect-error a reply may hold an accepted KEM key, a link may not
  const uri: RatchetParametersUri = { ...has.parameters, versions: has.uri.versions }
  // @ts-expect-error a KEM public key is no ciphertext
  const ciphertext: KemCiphertext = has.kemKey
  // @ts-expect-error time is an argument
  decrypt(has.state, has.bytes, { random: { bytes: () => has.bytes } })
  // @ts-expect-error a state is a value
  has.state.sent = 1
  // @ts-expect-error so is every part of it
  has.state.skipped.length = 0
  expect([keys, peer, uri, ciphertext]).toBeDefined()
}

test("mix-ups that the compiler refuses", () => {
  expect(mixUps).toBeTypeOf("function")
})
