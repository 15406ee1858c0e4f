import { type Bytes, toHex, utf8 } from "@smpkit/codec"
import { dh, sha256 } from "@smpkit/crypto"
import type { AgentMessage } from "@smpkit/agent"
import { encodeCommand, parseClientEnvelope } from "@smpkit/smp"
import type { Vector } from "@smpkit/testkit"
import type { Session } from "../../packages/agent/src/connection.ts"
import type { SendQueue } from "../../packages/agent/src/queues.ts"
import { sealConfirmation, type SealedMessage, sealMessage } from "../../packages/agent/src/seal.ts"
import { deriveRootStep } from "../../packages/ratchet/src/chains.ts"
import type { Party, Recording } from "./recording.ts"
import { bodyOf, constantRandom, hashOf, isConfirmation, nonceOf } from "./steps.ts"

interface Waiting {
  readonly session: Session
  readonly message: AgentMessage
  readonly notification: boolean
}

interface Made {
  readonly notification: boolean
  readonly body: Bytes
}

/** A SEND made again from the state of its sender: hashes of the whole command. */
export interface MadeAgain {
  readonly step: string
  readonly ours: string
  readonly recorded: string
}

/** What recorded agents sent, made again with the agent's functions, the recorded keys and nonces: byte for byte the same. */
export class Sending {
  readonly bodies: Map<number, Bytes> = new Map<number, Bytes>()
  readonly madeAgain: MadeAgain[] = []
  /** Steps of SENDs that are shortened and cannot be made again. */
  readonly unknown: number[] = []
  /** What connections were told to say in their confirmation. */
  readonly infos: Map<string, string> = new Map<string, string>()
  readonly #recording: Recording
  readonly #party: (conn: string) => Party
  readonly #waiting = new Map<string, Waiting[]>()

  constructor(recording: Recording, party: (conn: string) => Party) {
    this.#recording = recording
    this.#party = party
  }

  /** Numbers and encrypts at the moment when the application asks: the ratchet moves on now, the box comes when the message is sent. */
  enqueue(conn: string, message: AgentMessage, notification: boolean): SealedMessage | undefined {
    const party = this.#party(conn)
    const { session } = party
    if (session === undefined) return undefined
    const list = this.#waiting.get(conn) ?? []
    list.push({ session, message, notification })
    this.#waiting.set(conn, list)
    const sealed = this.#seal(conn, session, message, new Uint8Array(24))
    party.session = sealed.session
    return sealed
  }

  /** A recorded SEND: compares it with what we make in its place, and keeps its body. */
  send(step: Vector, i: number): void {
    const version = this.#recording.version(step)
    if (this.#recording.isAddress(step.at("entityId").text())) {
      // A request: its one-time key is in no state.
      const body = bodyOf(step, version)
      if (body === undefined) this.unknown.push(i)
      else this.bodies.set(i, body)
      return
    }
    const conn = this.#recording.connOf("sender", step.at("entityId").text())
    const recorded = bodyOf(step, version)
    if (recorded !== undefined) this.bodies.set(i, recorded)
    const made = isConfirmation(step)
      ? this.#confirmation(conn, recorded)
      : (this.#agentMessage(step, i, conn) ?? this.#joinersHello(step, i, conn))
    if (made === undefined) {
      if (recorded === undefined) this.unknown.push(i)
      return
    }
    const command = encodeCommand(version, { type: "SEND", ...made })
    this.madeAgain.push({ step: step.path, ours: toHex(sha256(command)), recorded: hashOf(step) })
    this.bodies.set(i, made.body)
  }

  #agentMessage(step: Vector, i: number, conn: string): Made | undefined {
    const list = this.#waiting.get(conn) ?? []
    const [next] = list
    if (next === undefined) return undefined
    // What was answered with QUOTA is sent again: the same ciphertext in another box.
    const answer = this.#recording.steps[i + 1]?.find("command")?.text()
    if (answer !== toHex(utf8("ERR QUOTA"))) list.shift()
    const { body } = this.#seal(conn, next.session, next.message, nonceOf(step))
    return { notification: next.notification, body }
  }

  /** An initiator's confirmation can be made again; the key agreement keys of a joiner are not recorded. */
  #confirmation(conn: string, recorded: Bytes | undefined): Made | undefined {
    const party = this.#party(conn)
    const { session } = party
    const info = this.infos.get(conn)
    if (info === undefined || session === undefined) return undefined
    const nonce = recorded === undefined ? new Uint8Array(24) : parseClientEnvelope(recorded).nonce
    const made = sealConfirmation(session.ratchet, this.#queue(conn), {
      agentVersion: 7,
      content: { type: "AgentConnInfo", info: utf8(info) },
      parameters: undefined,
      postQuantum: false,
      random: constantRandom(nonce),
    })
    party.session = { ...session, ratchet: made.ratchet, lastSentId: 1, lastSentHash: made.hash }
    return recorded === undefined ? undefined : { notification: true, body: made.body }
  }

  /**
   * The ratchet key of a joiner's HELLO is in no state of its own, but its chain is what the initiator receives with: both follow from the initiator's
   * root key and the joiner's public key, which the initiator's next state names.
   */
  #joinersHello(step: Vector, i: number, conn: string): Made | undefined {
    if (step.has("command")) return undefined
    const recipient = this.#recording.connOf("receiver", step.at("entityId").text())
    const initiator = this.#party(recipient).session
    const publicKey = this.#recording.nextSession(recipient, i)?.ratchet.sending?.peerKey
    if (initiator === undefined || publicKey === undefined) return undefined
    const { ratchet } = initiator
    const { chainKey } = deriveRootStep(ratchet.rootKey, dh(ratchet.keyPair.privateKey, publicKey))
    const session: Session = {
      ...initiator,
      ratchet: {
        ...ratchet,
        keyPair: { ...ratchet.keyPair, publicKey },
        sending: {
          peerKey: ratchet.keyPair.publicKey,
          chainKey,
          headerKey: ratchet.nextReceivingHeaderKey,
        },
        sent: 0,
        previousSent: 1,
      },
      lastSentId: 1,
      lastSentHash: initiator.lastReceivedHash,
    }
    return { notification: true, body: this.#seal(conn, session, { type: "HELLO" }, nonceOf(step)).body }
  }

  #seal(conn: string, session: Session, message: AgentMessage, nonce: Bytes): SealedMessage {
    const options = { agentVersion: 7, message, random: constantRandom(nonce) }
    return sealMessage(session, this.#queue(conn), options)
  }

  #queue(conn: string): SendQueue {
    return this.#recording.sendQueue(this.#recording.sentTo(conn))
  }
}
