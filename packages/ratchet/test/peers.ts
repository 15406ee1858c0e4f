import { type Bytes, encode, toHex, utf8 } from "@smpkit/codec"
import type { Random } from "@smpkit/crypto"
import {
  decrypt,
  type Decrypted,
  encrypt,
  generateX3dhKeys,
  initReceivingRatchet,
  initSendingRatchet,
  RatchetError,
  type RatchetErrorCode,
  ratchetParametersOf,
  ratchetState,
  type RatchetState,
  x3dhInitiator,
  x3dhJoiner,
} from "@smpkit/ratchet"
import { seededRandom } from "@smpkit/testkit"
import { expect } from "vitest"

export const paddedLength = 200

/** Two ratchets after the key agreement. */
export function newRatchets(
  seed = "ratchets",
  version = 3,
  maxVersion = version,
): { readonly joiner: RatchetState; readonly initiator: RatchetState } {
  const random = seededRandom(seed)
  const initiatorKeys = generateX3dhKeys(random)
  const joinerKeys = generateX3dhKeys(random)
  return {
    joiner: initSendingRatchet({
      version,
      maxVersion,
      secrets: x3dhJoiner(joinerKeys, ratchetParametersOf(version, initiatorKeys)),
      peerKey: initiatorKeys.key2.publicKey,
      random,
    }),
    initiator: initReceivingRatchet({
      version,
      maxVersion,
      secrets: x3dhInitiator(initiatorKeys, ratchetParametersOf(version, joinerKeys)),
      keyPair: initiatorKeys.key2,
    }),
  }
}

/** All of a state as hexadecimal digits. */
export const stateHex = (state: RatchetState): string => toHex(encode(ratchetState, state))

/** One side of a ratchet, with a check on every call that the state and the message that went in are as they were. */
export class Peer {
  state: RatchetState
  now = 0
  readonly #random: Random

  constructor(state: RatchetState, seed: string) {
    this.state = state
    this.#random = seededRandom(seed)
  }

  send(text: string): Bytes {
    return unchanged(
      this.state,
      new Uint8Array(0),
      () => {
        const { state, message } = encrypt(this.state, utf8(text), paddedLength)
        return [state, message]
      },
      (state) => (this.state = state),
    )
  }

  sendMany(count: number, prefix = "m"): readonly Bytes[] {
    return Array.from({ length: count }, (_, i) => this.send(`${prefix}${i}`))
  }

  decrypt(message: Bytes): Decrypted {
    return unchanged(
      this.state,
      message,
      () => {
        const result = decrypt(this.state, message, { random: this.#random, now: this.now })
        return [result.state, result]
      },
      (state) => (this.state = state),
    )
  }

  receive(message: Bytes): string {
    return new TextDecoder().decode(this.decrypt(message).plaintext)
  }

  /** The error that this message gives; fails when it opens. The state stays. */
  refusal(message: Bytes): RatchetError {
    const before = stateHex(this.state)
    try {
      this.decrypt(message)
    } catch (error) {
      expect(error).toBeInstanceOf(RatchetError)
      expect(stateHex(this.state)).toBe(before)
      return error as RatchetError
    }
    throw new Error("the message was accepted")
  }

  code(message: Bytes): RatchetErrorCode {
    return this.refusal(message).code
  }
}

function unchanged<T>(
  state: RatchetState,
  message: Bytes,
  call: () => readonly [RatchetState, T],
  commit: (state: RatchetState) => void,
): T {
  const before = [stateHex(state), toHex(message)]
  try {
    const [next, result] = call()
    commit(next)
    return result
  } finally {
    expect([stateHex(state), toHex(message)]).toEqual(before)
  }
}

/** Two peers; `connected` has both sides able to send. */
export function newPeers(
  seed?: string,
  version?: number,
  maxVersion?: number,
): { joiner: Peer; initiator: Peer } {
  const { joiner, initiator } = newRatchets(seed, version, maxVersion)
  return { joiner: new Peer(joiner, "joiner"), initiator: new Peer(initiator, "initiator") }
}

export function connected(seed?: string): { joiner: Peer; initiator: Peer } {
  const peers = newPeers(seed)
  peers.initiator.receive(peers.joiner.send("hello"))
  peers.joiner.receive(peers.initiator.send("welcome"))
  return peers
}

/** An item that must be there. */
export function at<T>(items: readonly T[], index: number): T {
  const item = items[index]
  if (item === undefined) throw new RangeError(`no item ${index}`)
  return item
}
