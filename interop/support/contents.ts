import { type Bytes, decodeUtf8, formatVersionRange, toHex } from "@smpkit/codec"
import { dh } from "@smpkit/crypto"
import {
  type AgentMessage,
  openAgentMessage,
  openQueueMessage,
  parseLink,
  type QueueMessage,
} from "@smpkit/agent"
import { type AuthKey, type Command, parseCommand } from "@smpkit/smp"
import { seededRandom, type Vector } from "@smpkit/testkit"
import type { Session } from "../../packages/agent/src/connection.ts"
import { readConfirmation } from "../../packages/agent/src/handshake.ts"
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
  /** Our agent has said a key of its own. */
  #ownKeys = false
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
    if (command.type === "NEW") return newQueueText(command)
    if (command.type !== "SEND") return toHex(bytes)
    const senderId = step.at("entityId").text()
    const queue = this.#recording.receiveQueue(senderId)
    const peer = this.#peers.get(senderId) ?? queue.peer
    const { envelope, header, newPeer } = openQueueMessage({ ...queue, peer }, command.body)
    if (newPeer !== undefined) this.#peers.set(senderId, newPeer)
    if (header.type === "K") this.#onSenderKey(senderId, header.senderKey)
    const opened = { envelope, header, newPeer }
    this.#learnNewQueue(opened)
    const inner = this.#isShortened(step) ? "" : `${header.type} ${this.#content(opened, senderId)}`
    return `${start(authorization === "right", command.notification)} ${envelope.type} ${inner}`
  }

  recorded(step: Vector): string {
    const tag = step.at("tag").text()
    if (tag === "SKEY") return "SKEY"
    if (tag === "NEW")
      return newQueueText(parseCommand(this.#recording.version(step), step.at("command").bytes()))
    if (tag !== "SEND") return step.at("command").text()
    const known = start(step.at("authorization").bytes().length > 0, flagOf(step))
    const body = this.#followed.bodies.get(step.at("i").number())
    const senderId = step.at("entityId").text()
    if (body === undefined)
      return `${known} ${this.#recording.isAddress(senderId) ? "AgentInvitation" : "AgentConfirmation"} `
    const opened = openQueueMessage(this.#recording.receiveQueue(senderId), body)
    return `${known} ${opened.envelope.type} ${opened.header.type} ${this.#content(opened, senderId)}`
  }

  /** Where the keys of the key agreement are our own: what they carry. */
  #content(opened: QueueMessage, senderId: string): string {
    const { envelope } = opened
    if (envelope.type === "AgentInvitation") {
      const link = parseLink(decodeUtf8(envelope.link) ?? "")
      return `${envelope.version} ${link.type} ${formatVersionRange(link.versions)} ${link.queues[0].mode ?? "?"} ${toHex(envelope.info)}`
    }
    if (envelope.type === "AgentConfirmation" && envelope.parameters !== undefined) {
      const x3dh = this.#recording.x3dhOf(this.#recording.connOf("receiver", senderId))
      if (x3dh === undefined) throw new Error("a joiner's confirmation to somebody who made no invitation")
      const options = { random: seededRandom("reader"), now: 0 }
      const { agentVersion, replyQueue, info } = readConfirmation(
        { x3dh, postQuantum: "off" },
        opened,
        envelope,
        options,
      )
      return `${agentVersion} ${envelope.parameters.version} ${replyQueue.version} ${replyQueue.mode ?? "?"} ${toHex(info)}`
    }
    return this.#plain("sealed" in envelope ? envelope.sealed : new Uint8Array(0))
  }

  #isShortened(step: Vector): boolean {
    return !this.#followed.bodies.has(step.at("i").number())
  }

  #plain(sealed: Bytes): string {
    if (this.#reader === undefined) return toHex(sealed)
    const opened = openAgentMessage(this.#reader, sealed, { random: seededRandom("reader"), now: 0 })
    if (opened.type !== "message") return opened.type
    const { sndMsgId, integrity, hash, message } = opened
    // With a key of our own in it, the hash is another one, and with it that of all that follows.
    if (this.#ownKeys) return `${sndMsgId} ${message.type} ${placesOf(message)}`
    return `${sndMsgId} ${integrity.type} ${toHex(hash)} ${message.type}`
  }

  /** A QKEY of ours: what goes to the new queue is sealed and authorized with its keys. */
  #learnNewQueue({ envelope }: QueueMessage): void {
    if (this.#reader === undefined || envelope.type !== "AgentMsgEnvelope") return
    const opened = openAgentMessage(this.#reader, envelope.sealed, { random: seededRandom("reader"), now: 0 })
    if (opened.type !== "message" || opened.message.type !== "QKEY") return
    const [[{ senderId: id, dhKey }, authKey]] = opened.message.queues
    const senderId = toHex(id)
    const secret = dh(this.#recording.receiveQueue(senderId).dhKey.privateKey, dhKey)
    this.#peers.set(senderId, { key: dhKey.raw, secret })
    this.#onSenderKey(senderId, authKey)
    this.#ownKeys = true
  }
}

/** What a message holds besides keys. */
function placesOf(message: AgentMessage): string {
  switch (message.type) {
    case "A_MSG":
      return toHex(message.body)
    case "QKEY": {
      const [[{ version, senderId, mode }]] = message.queues
      return `${version} ${toHex(senderId)} ${mode ?? "?"}`
    }
    case "QTEST":
      return toHex(message.queues[0].senderId)
    default:
      return ""
  }
}

/** All of NEW but its keys. */
function newQueueText(command: Command): string {
  if (command.type !== "NEW") throw new Error(`${command.type} instead of NEW`)
  const { authKey, dhKey, basicAuth, subscribe, queueMode, linkData, notifier } = command
  const keys = `${authKey.alg} ${dhKey.alg} ${notifier === undefined ? "no notifier" : "notifier"} ${String(basicAuth)}`
  return `NEW ${keys} ${String(subscribe)} ${queueMode ?? "?"} ${linkData === undefined ? "no link" : "link"}`
}

function start(authorized: boolean, notification: boolean): string {
  return `${authorized ? "authorized" : "bare"} ${notification ? "T" : "F"}`
}
