import { type Bytes, fromBase64Url, toHex, utf8 } from "@smpkit/codec"
import { boxKey, type Random, sha256 } from "@smpkit/crypto"
import {
  type AgentContent,
  decryptContent,
  type Integrity,
  openAgentMessage,
  openQueueMessage,
  type QueueMessage,
} from "@smpkit/agent"
import { encodeBrokerMessage, openMessageBody, type ReceivedMessage } from "@smpkit/smp"
import type { Vector } from "@smpkit/testkit"
import type { Session } from "../../packages/agent/src/connection.ts"
import { readConfirmation } from "../../packages/agent/src/handshake.ts"
import { deliveredBy, deliveryOf } from "./delivery.ts"
import { plainRatchet } from "./recorded-state.ts"
import type { Party, Recording } from "./recording.ts"
import { type MadeAgain, Sending } from "./sending.ts"

/** What one recorded MSG held. */
export interface Opened {
  readonly step: Vector
  readonly conn: string
  readonly received: ReceivedMessage
  /** Absent for a quota marker. */
  readonly queueMessage?: QueueMessage
  readonly content?: AgentContent | undefined
  readonly sndMsgId?: number
  readonly hash?: Bytes
  readonly integrity?: Integrity
}

/** A state that our functions arrived at, beside the one that the recorded agent stored. */
export interface StatePair {
  readonly step: string
  readonly ours: object
  readonly recorded: object
}

/** An A_MSG that a recorded application sent, by the number that it got for it. */
export interface Sent {
  readonly sndMsgId: number
  readonly hash: Bytes
}

export interface Followed {
  /** Bodies of SEND by step: recorded ones, and shortened ones that were made again. */
  readonly bodies: ReadonlyMap<number, Bytes>
  readonly opened: readonly Opened[]
  readonly madeAgain: readonly MadeAgain[]
  /** MSGs put together again. */
  readonly rebuilt: readonly MadeAgain[]
  readonly states: readonly StatePair[]
  readonly sent: ReadonlyMap<string, Sent>
  /** Steps of SENDs whose body is neither recorded nor can be made again, and of MSGs without body or without recorded keys. */
  readonly unknown: readonly number[]
  readonly unread: readonly number[]
}

/** For a recording of which only commands are compared. */
export const unfollowed: Followed = {
  bodies: new Map(),
  opened: [],
  madeAgain: [],
  rebuilt: [],
  states: [],
  sent: new Map(),
  unknown: [],
  unread: [],
}

/** Goes through a recording with the agent's own functions, for both agents: makes again what was sent, opens what was received. */
export function follow(recording: Recording): Followed {
  return new Follower(recording).run()
}

class Follower {
  readonly #recording: Recording
  readonly #sending: Sending
  readonly #parties = new Map<string, Party>()
  readonly #opened: Opened[] = []
  readonly #rebuilt: MadeAgain[] = []
  readonly #states: StatePair[] = []
  readonly #unread: number[] = []
  readonly #sent = new Map<string, Sent>()
  readonly #unnamed = new Map<string, Sent>()

  constructor(recording: Recording) {
    this.#recording = recording
    this.#sending = new Sending(recording, (conn) => this.#party(conn))
  }

  run(): Followed {
    for (const [i, step] of this.#recording.steps.entries()) {
      const tag = step.find("tag")?.text()
      if (step.has("state")) this.#state(step, i)
      else if (step.has("app")) this.#app(step)
      else if (step.has("event")) this.#event(step.at("event"))
      else if (tag === "SEND") this.#sending.send(step, i)
      else if (tag === "MSG") this.#message(step, i)
    }
    const { bodies, madeAgain, unknown } = this.#sending
    return {
      bodies,
      madeAgain,
      unknown,
      opened: this.#opened,
      rebuilt: this.#rebuilt,
      states: this.#states,
      sent: this.#sent,
      unread: this.#unread,
    }
  }

  #state(step: Vector, i: number): void {
    for (const row of step.at("state").find("connections")?.items() ?? []) {
      const conn = row.at("conn_id").text()
      const recorded = this.#recording.partyAt(conn, i)
      const ours = this.#party(conn).session
      if (ours !== undefined && recorded.session !== undefined)
        this.#states.push({ step: step.path, ours: plain(ours), recorded: plain(recorded.session) })
      this.#parties.set(conn, recorded)
    }
  }

  #app(step: Vector): void {
    const [verb = "", conn = "", third = "", ...words] = step.at("app").text().split(" ")
    if (verb === "allow") this.#sending.infos.set(conn, words.join(" "))
    if (verb === "send") {
      const sealed = this.#sending.enqueue(conn, { type: "A_MSG", body: utf8(words.join(" ")) }, true)
      if (sealed !== undefined) this.#unnamed.set(conn, sealed)
    }
    if (verb === "ack" && words[0] === "rcpt") {
      const { sndMsgId, hash } = this.#named(conn, Number(third))
      if (sndMsgId === undefined || hash === undefined) throw new Error(`${step.path}: no such message`)
      const receipt = { sndMsgId, msgHash: hash, info: utf8("") }
      this.#sending.enqueue(conn, { type: "A_RCVD", receipts: [receipt] }, false)
    }
  }

  #event(event: Vector): void {
    if (event.find("resp")?.text() !== "send") return
    const conn = event.at("conn").text()
    const sent = this.#unnamed.get(conn)
    if (sent !== undefined) this.#sent.set(`${conn} ${event.at("msgId").number()}`, sent)
  }

  /** The message that the application of a connection knows by a number. */
  #named(conn: string, msgId: number): Opened {
    const named = (e: Vector): boolean =>
      e.find("conn")?.text() === conn && e.has("brokerId") && e.at("msgId").number() === msgId
    const event = this.#recording.events().find(named)
    const opened = event && openedBy(this.#opened, event)
    if (opened === undefined) throw new Error(`${conn} has no message ${msgId}`)
    return opened
  }

  #message(step: Vector, i: number): void {
    const party = this.#party(
      this.#recording.connOf("receiver", this.#recording.queue(step).at("senderId").text()),
    )
    const { receive, conn } = party
    if (receive === undefined) throw new Error(`${step.path}: no queue`)
    const message = deliveredBy(step, this.#sending.bodies)
    if (message === undefined) {
      this.#unread.push(i)
      party.session = undefined
      party.receive = this.#recording.receiveQueue(toHex(receive.senderId))
      return
    }
    const msgId = step.at("msg", "msgId").bytes()
    const key = boxKey(receive.serverSecret)
    const delivery = deliveryOf(this.#recording, this.#sending.bodies, step)
    const command = encodeBrokerMessage(this.#recording.version(step), delivery)
    const recorded = step.at("commandSha256").text()
    this.#rebuilt.push({ step: step.path, ours: toHex(sha256(command)), recorded })
    const received = openMessageBody(key, msgId, delivery.body)
    if (received.type === "quota") {
      this.#opened.push({ step, conn, received })
      const { server, senderId } = receive
      this.#sending.enqueue(conn, { type: "A_QCONT", queue: { server, senderId } }, false)
      return
    }
    const inner = this.#open(party, openQueueMessage(receive, received.body))
    if (inner === undefined) this.#unread.push(i)
    else this.#opened.push({ step, conn, received, ...inner })
  }

  #open(party: Party, queueMessage: QueueMessage): Omit<Opened, "step" | "conn" | "received"> | undefined {
    const { receive, conn, session, x3dh } = party
    const { envelope, newPeer, header } = queueMessage
    const options = { random: this.#recordedRandom(conn, session), now: 0 }
    if (envelope.type === "AgentInvitation") return { queueMessage }
    if (receive !== undefined && newPeer !== undefined) party.receive = { ...receive, peer: newPeer }
    if (envelope.type === "AgentConfirmation" && x3dh !== undefined) {
      const {
        session: first,
        info,
        replyQueue,
      } = readConfirmation({ x3dh, postQuantum: "off" }, queueMessage, envelope, options)
      party.session = first
      const content = { type: "AgentConnInfoReply", queues: [replyQueue], info } as const
      return { queueMessage, content, hash: first.lastReceivedHash }
    }
    if (session === undefined) return undefined
    if (envelope.type === "AgentConfirmation") {
      const result = decryptContent(session.ratchet, envelope.sealed, options)
      if (result.type === "failed") throw result.error
      const { ratchet, content, hash } = result
      // The ratchet key that a joiner's HELLO was sent with is in no recorded state.
      const answered = { ...session, ratchet, lastReceivedId: 1, lastReceivedHash: hash }
      party.session = header.type === "K" ? undefined : answered
      return { queueMessage, content, hash }
    }
    if (envelope.type !== "AgentMsgEnvelope") throw new Error(`an envelope ${envelope.type}`)
    const result = openAgentMessage(session, envelope.sealed, options)
    if (result.type !== "message") throw new Error(`${conn}: ${result.type}`)
    const { sndMsgId, hash, integrity, message } = result
    party.session = result.session
    if (message.type === "HELLO" && party.agent === "alice") this.#sending.enqueue(conn, message, true)
    const content = {
      type: "AgentMessage",
      sndMsgId,
      prevMsgHash: session.lastReceivedHash,
      message,
    } as const
    return { queueMessage, content, sndMsgId, hash, integrity }
  }

  /** Gives the ratchet key that the recorded agent made next; anything else is asked for ids only. */
  #recordedRandom(conn: string, session: Session | undefined): Random {
    const keys = this.#recording.ratchetKeys(conn)
    const current = session?.ratchet.keyPair.privateKey.use(toHex)
    const next = keys[keys.findIndex((key) => toHex(key) === current) + 1]
    return {
      bytes: (length) => (length === next?.length ? next.slice() : new Uint8Array(length).fill(length)),
    }
  }

  #party(conn: string): Party {
    const known = this.#parties.get(conn) ?? this.#recording.partyAt(conn, -1)
    this.#parties.set(conn, known)
    return known
  }
}

/** The message that an event with a `brokerId` tells of. */
export function openedBy(opened: readonly Opened[], event: Vector): Opened | undefined {
  const smpId = toHex(fromBase64Url(event.at("brokerId").text()))
  return opened.find((one) => one.step.at("msg", "msgId").text() === smpId)
}

function plain({ ratchet, nextMessageId: _, ...ids }: Session): object {
  return { ...ids, ratchet: plainRatchet(ratchet) }
}
