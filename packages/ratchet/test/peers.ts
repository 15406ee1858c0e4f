import { type Bytes, encode, toHex, utf8 } from "@smpkit/codec"
import { type Kem, type Random, sntrup761 } from "@smpkit/crypto"
import {
  decrypt,
  type Decrypted,
  encrypt,
  type Encrypted,
  generateX3dhKeys,
  hasKemRoom,
  hybridOf,
  initReceivingRatchet,
  initSendingRatchet,
  RatchetError,
  type RatchetErrorCode,
  ratchetParametersOf,
  ratchetReplyOf,
  ratchetState,
  type RatchetState,
  x3dhInitiator,
  x3dhJoiner,
} from "@smpkit/ratchet"
import { seededRandom } from "@smpkit/testkit"
import { expect } from "vitest"

export const paddedLength = 200

/** Who wants post-quantum agreement from the beginning; `link` puts the initiator's KEM key into its parameters. */
export interface Wishes {
  readonly link?: boolean
  readonly joiner?: boolean
  readonly initiator?: boolean
}

/** Two ratchets after the key agreement. */
export function newRatchets(
  seed = "ratchets",
  version = 3,
  maxVersion = version,
  wishes: Wishes = {},
): { readonly joiner: RatchetState; readonly initiator: RatchetState } {
  const random = seededRandom(seed)
  const initiatorKeys = generateX3dhKeys(random, { postQuantum: wishes.link === true })
  const joinerKeys = generateX3dhKeys(random, { postQuantum: wishes.joiner === true })
  const secrets = x3dhJoiner(joinerKeys, ratchetParametersOf(version, initiatorKeys), { random })
  return {
    joiner: initSendingRatchet({
      version,
      maxVersion,
      secrets,
      peerKey: initiatorKeys.key2.publicKey,
      random,
    }),
    initiator: initReceivingRatchet({
      version,
      maxVersion,
      secrets: x3dhInitiator(initiatorKeys, ratchetReplyOf(version, joinerKeys, secrets)),
      keyPair: initiatorKeys.key2,
      postQuantum: wishes.initiator === true,
    }),
  }
}

/** All of a state as hexadecimal digits. */
export const stateHex = (state: RatchetState): string => toHex(encode(ratchetState, state))

/** One side of a ratchet, with a check on every call that the state and the message that went in are as they were. */
export class Peer {
  state: RatchetState
  now = 0
  /** KEM key pairs made, and secrets encapsulated. */
  readonly kemCalls = { generated: 0, encapsulated: 0 }
  readonly #random: Random
  readonly #kem: Kem = {
    ...sntrup761,
    generateKeyPair: (random) => {
      this.kemCalls.generated++
      return sntrup761.generateKeyPair(random)
    },
    encapsulate: (key, random) => {
      this.kemCalls.encapsulated++
      return sntrup761.encapsulate(key, random)
    },
  }

  constructor(state: RatchetState, seed: string) {
    this.state = state
    this.#random = seededRandom(seed)
  }

  send(text: string, postQuantum?: boolean): Bytes {
    return this.encrypt(text, postQuantum).message
  }

  encrypt(text: string, postQuantum?: boolean): Encrypted {
    return unchanged(
      this.state,
      new Uint8Array(0),
      () => {
        const room = hasKemRoom(this.state, { postQuantum })
        const result = encrypt(this.state, utf8(text), paddedLength, { postQuantum })
        const { version } = this.state
        expect(result.message.length).toBe(paddedLength + (version === 2 ? 140 : room ? 2364 : 142))
        expect(result.directions).toEqual(hybridOf(this.state))
        expect(result.hybrid).toBe(result.directions.sending)
        return [result.state, result]
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
        const result = decrypt(this.state, message, { random: this.#random, now: this.now, kem: this.#kem })
        expect(result.directions).toEqual(hybridOf(result.state))
        const was = hybridOf(this.state)
        expect(result.changed).toEqual(
          (["sending", "receiving"] as const).filter((d) => was[d] !== result.directions[d]),
        )
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
  wishes?: Wishes,
): { joiner: Peer; initiator: Peer } {
  const { joiner, initiator } = newRatchets(seed, version, maxVersion, wishes)
  return { joiner: new Peer(joiner, "joiner"), initiator: new Peer(initiator, "initiator") }
}

export function connected(seed?: string, wishes?: Wishes): { joiner: Peer; initiator: Peer } {
  const peers = newPeers(seed, undefined, undefined, wishes)
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
