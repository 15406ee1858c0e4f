import {
  agentContent,
  type AgentContent,
  agentEnvelope,
  type AgentMessage,
  paddedLengths,
} from "@smpkit/agent"
import { type Bytes, concatBytes, decode, encode, toHex, utf8 } from "@smpkit/codec"
import { boxKey, boxNonceSize, CryptoError, dh, PrivateKey, type Random, sha256 } from "@smpkit/crypto"
import {
  decrypt,
  encrypt,
  generateX3dhKeys,
  initReceivingRatchet,
  initSendingRatchet,
  type RatchetParameters,
  ratchetParametersOf,
  type RatchetState,
  securityCode,
  x3dhInitiator,
  x3dhJoiner,
} from "@smpkit/ratchet"
import { clientVersions, openClientMessage, parseClientEnvelope, sealClientMessage } from "@smpkit/smp"

const agentVersion = 7
const e2eVersion = 3

/**
 * The secret of a queue's box, for a thief of its recipient's private key: `stolen` holds that key and others, and `first` is the first body that the queue got, whose
 * head has the sender's public key.
 */
export function queueSecretOf(stolen: readonly Bytes[], first: Bytes): Bytes {
  const envelope = parseClientEnvelope(first)
  const { senderKey } = envelope
  if (senderKey === undefined) throw new Error("the first body of a queue names a key")
  for (const raw of stolen) {
    const secret = dh(new PrivateKey("x25519", raw.slice()), senderKey)
    try {
      openClientMessage(boxKey(secret), envelope)
      return secret
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
    }
  }
  throw new Error("none of the keys is that of the queue")
}

/** Eve with the secrets of both queues of a connection, but of no ratchet: she puts new keys of hers in the place of one side's. */
export class EveThief {
  readonly #random: Random
  /** Of the queue of the side that she cheats, and of the queue that this side sends to. */
  readonly #to: Bytes
  readonly #from: Bytes | undefined
  readonly #keys: ReturnType<typeof generateX3dhKeys>
  #ratchet: RatchetState | undefined

  constructor({ to, from, random }: { readonly to: Bytes; readonly from?: Bytes; readonly random: Random }) {
    this.#to = to
    this.#from = from
    this.#random = random
    this.#keys = generateX3dhKeys(random)
  }

  get securityCode(): string {
    return securityCode(this.#agreed().ad)
  }

  #agreed(): RatchetState {
    if (this.#ratchet === undefined) throw new Error("nobody has answered her keys")
    return this.#ratchet
  }

  /** AgentRatchetKey with her keys, as SEND has it. */
  forgedKeys(): Bytes {
    const parameters = ratchetParametersOf(e2eVersion, this.#keys)
    const info = encode(agentContent, { type: "AgentRatchetInfo", info: utf8("") })
    return this.#seal(
      encode(agentEnvelope, { type: "AgentRatchetKey", version: agentVersion, parameters, info }),
    )
  }

  #seal(payload: Bytes): Bytes {
    const nonce = this.#random.bytes(boxNonceSize)
    const envelope = { version: clientVersions.max, senderKey: undefined, nonce }
    return sealClientMessage(boxKey(this.#to), envelope, { header: { type: "_" }, payload })
  }

  /** A message in the ratchet that she has agreed on, as SEND has it. */
  message(sndMsgId: number, message: AgentMessage): Bytes {
    const content: AgentContent = { type: "AgentMessage", sndMsgId, prevMsgHash: new Uint8Array(32), message }
    const { state, message: sealed } = encrypt(
      this.#agreed(),
      encode(agentContent, content),
      paddedLengths(false, agentVersion).message,
    )
    this.#ratchet = state
    return this.#seal(encode(agentEnvelope, { type: "AgentMsgEnvelope", version: agentVersion, sealed }))
  }

  /** Whether the ratchet of both new keys lets her send first (agent-protocol.md, "Ratchet re-synchronisation", step 3). */
  get sendsFirst(): boolean {
    return this.#agreed().sending !== undefined
  }

  /** Reads what the other side sends: its keys, with which she makes a ratchet, and then its messages. */
  read(body: Bytes): AgentContent | "keys" {
    if (this.#from === undefined) throw new Error("she has not stolen the key of that queue")
    const { payload } = openClientMessage(boxKey(this.#from), parseClientEnvelope(body))
    const envelope = decode(agentEnvelope, payload)
    if (envelope.type === "AgentRatchetKey") {
      this.#ratchet = this.#agree(envelope.parameters)
      return "keys"
    }
    if (!("sealed" in envelope)) throw new Error(envelope.type)
    const { state, plaintext } = decrypt(this.#agreed(), envelope.sealed, { random: this.#random, now: 0 })
    this.#ratchet = state
    return decode(agentContent, plaintext)
  }

  #agree(peer: RatchetParameters): RatchetState {
    const own = this.#keys
    const mine = hashOf(own.key1.publicKey.raw, own.key2.publicKey.raw)
    const options = { version: e2eVersion, maxVersion: e2eVersion }
    if (mine < hashOf(peer.key1.raw, peer.key2.raw)) {
      const secrets = x3dhInitiator(own, { ...peer, kem: undefined })
      return initReceivingRatchet({ ...options, secrets, keyPair: own.key2 })
    }
    const secrets = x3dhJoiner(own, { ...peer, kem: undefined })
    return initSendingRatchet({ ...options, secrets, peerKey: peer.key2, random: this.#random })
  }
}

function hashOf(...keys: readonly [Bytes, Bytes]): string {
  return toHex(sha256(concatBytes(...keys)))
}
