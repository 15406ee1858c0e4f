import { type Bytes, toHex } from "@smpkit/codec"
import { openAgentMessage, openQueueMessage } from "@smpkit/agent"
import type { AuthKey } from "@smpkit/smp"
import { seededRandom, type Vector } from "@smpkit/testkit"
import type { Session } from "../../packages/agent/src/connection.ts"
import type { QueuePeer } from "../../packages/agent/src/queues.ts"
import type { Followed } from "./follow.ts"
import type { Recording } from "./recording.ts"
import type { Arrived } from "./replay-server.ts"
import { flagOf } from "./steps.ts"

/**
 * What must be the same in a command of ours and in the recorded one: all of it but the key of SKEY, which is our own; of SEND, whether it is authorized,
 * flag, private header and ratchet message. Where our ratchet key is another one, `reader` is the recorded other side, and its plaintext is compared.
 */
export class Contents {
  readonly #recording: Recording
  readonly #followed: Followed
  readonly #reader: Session | undefined
  /** Secrets that confirmations of ours made, by sender id: the recorded ones do not fit any more. */
  readonly #peers = new Map<string, QueuePeer>()
  readonly #onSenderKey: (senderId: string, key: AuthKey) => void

  /** `onSenderKey`: a confirmation of ours has told the recipient our key. */
  constructor(
    recording: Recording,
    followed: Followed,
    reader: Session | undefined,
    onSenderKey: (senderId: string, key: AuthKey) => void,
  ) {
    this.#onSenderKey = onSenderKey
    this.#recording = recording
    this.#followed = followed
    this.#reader = reader
  }

  ours({ command, authorization, bytes }: Arrived, step: Vector): string {
    if (authorization === "wrong") return `${command.type} by a wrong key`
    if (command.type === "SKEY") return "SKEY"
    if (command.type !== "SEND") return toHex(bytes)
    const senderId = step.at("entityId").text()
    const queue = this.#recording.receiveQueue(senderId)
    const peer = this.#peers.get(senderId) ?? queue.peer
    const { envelope, header, newPeer } = openQueueMessage({ ...queue, peer }, command.body)
    if (newPeer !== undefined) this.#peers.set(senderId, newPeer)
    if (header.type === "K") this.#onSenderKey(senderId, header.senderKey)
    const sealed = "sealed" in envelope ? envelope.sealed : new Uint8Array(0)
    const inner = this.#isShortened(step) ? "" : `${header.type} ${this.#plain(sealed)}`
    return `${start(authorization === "right", command.notification)} ${envelope.type} ${inner}`
  }

  recorded(step: Vector): string {
    const tag = step.at("tag").text()
    if (tag === "SKEY") return "SKEY"
    if (tag !== "SEND") return step.at("command").text()
    const known = start(step.at("authorization").bytes().length > 0, flagOf(step))
    const body = this.#followed.bodies.get(step.at("i").number())
    if (body === undefined) return `${known} AgentConfirmation `
    const queue = this.#recording.receiveQueue(step.at("entityId").text())
    const { envelope, header } = openQueueMessage(queue, body)
    const sealed = "sealed" in envelope ? envelope.sealed : new Uint8Array(0)
    return `${known} ${envelope.type} ${header.type} ${this.#plain(sealed)}`
  }

  #isShortened(step: Vector): boolean {
    return !this.#followed.bodies.has(step.at("i").number())
  }

  #plain(sealed: Bytes): string {
    if (this.#reader === undefined) return toHex(sealed)
    const opened = openAgentMessage(this.#reader, sealed, { random: seededRandom("reader"), now: 0 })
    if (opened.type !== "message") return opened.type
    const { sndMsgId, integrity, hash, message } = opened
    return `${sndMsgId} ${integrity.type} ${toHex(hash)} ${message.type}`
  }
}

function start(authorized: boolean, notification: boolean): string {
  return `${authorized ? "authorized" : "bare"} ${notification ? "T" : "F"}`
}
