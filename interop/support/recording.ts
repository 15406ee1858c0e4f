import { type Bytes, toHex } from "@smpkit/codec"
import { decodePublicKey, generateKeyPair } from "@smpkit/crypto"
import type { X3dhKeys } from "@smpkit/ratchet"
import { parseServerAddress, type QueueInfo, type QueueMode, type ServerAddress } from "@smpkit/smp"
import { loadVectors, seededRandom, type Vector } from "@smpkit/testkit"
import type { Session } from "../../packages/agent/src/connection.ts"
import type { ReceiveQueue, SendQueue } from "../../packages/agent/src/queues.ts"
import { pairOf, recordedRatchet, recordedX3dh } from "./recorded-state.ts"

/** One agent's side of one connection, as far as its rows in the recording say at a moment. */
export interface Party {
  readonly conn: string
  readonly agent: string
  receive: ReceiveQueue | undefined
  send: SendQueue | undefined
  x3dh: X3dhKeys | undefined
  session: Session | undefined
}

/** A file of `conversations/`, with what several tests look up in it. */
export class Recording {
  readonly name: string
  readonly file: Vector
  readonly steps: readonly Vector[]
  readonly server: ServerAddress
  /** Rows of receive queues and of send queues by sender id: the last ones, with the secrets that were made meanwhile. */
  readonly #receiveRows = new Map<string, Vector>()
  readonly #sendRows = new Map<string, Vector>()
  readonly #agents = new Map<string, string>()

  constructor(name: string) {
    this.name = name
    this.file = loadVectors(`conversations/${name}`)
    this.steps = this.file.at("steps").items()
    const { hosts, port, keyHash } = parseServerAddress(this.file.at("server", "address").text())
    this.server = { hosts, port, keyHash }
    for (const step of this.steps) {
      const state = step.find("state")
      if (state === undefined) continue
      for (const row of rows(state, "rcvQueues")) this.#receiveRows.set(row.at("snd_id").text(), row)
      for (const row of rows(state, "sndQueues")) this.#sendRows.set(row.at("snd_id").text(), row)
      for (const row of rows(state, "connections"))
        this.#agents.set(row.at("conn_id").text(), step.at("agent").text())
    }
  }

  /** The connection that receives from a queue, or sends to it. */
  connOf(role: "receiver" | "sender", senderId: string): string {
    return this.row(role, senderId).at("conn_id").text()
  }

  /** The queue `q1`, `q2`… of a step. */
  queue(step: Vector): Vector {
    const name = step.at("queue").text()
    const queue = this.file
      .at("queues")
      .items()
      .find((one) => one.at("queue").text() === name)
    if (queue === undefined) throw new Error(`${step.path}: no such queue`)
    return queue
  }

  queues(): readonly Vector[] {
    return this.file.at("queues").items()
  }

  version(step: Vector): number {
    return this.#connection(step).at("version").number()
  }

  #connection(step: Vector): Vector {
    const number = step.at("conn").number()
    const connections = this.file.at("connections").items()
    const connection = connections.find((one) => one.at("conn").number() === number)
    if (connection === undefined) throw new Error(`${step.path}: no such connection`)
    return connection
  }

  /** What a connection's rows up to a step say; nothing before its first row. */
  partyAt(conn: string, stepIndex: number): Party {
    const party: Party = {
      conn,
      agent: this.#agents.get(conn) ?? "",
      receive: undefined,
      send: undefined,
      x3dh: undefined,
      session: undefined,
    }
    for (const step of this.steps.slice(0, stepIndex + 1)) this.#apply(party, step)
    return party
  }

  #apply(party: Party, step: Vector): void {
    const state = step.find("state")
    if (state === undefined) return
    const own = (table: string): Vector | undefined =>
      rows(state, table).find((row) => row.at("conn_id").text() === party.conn)
    const receive = own("rcvQueues")
    if (receive !== undefined) party.receive = this.#receiveQueueOf(receive)
    const send = own("sndQueues")
    if (send !== undefined) party.send = this.sendQueue(send.at("snd_id").text())
    const ratchet = own("ratchets")
    const connection = own("connections")
    if (ratchet !== undefined) {
      party.x3dh = recordedX3dh(ratchet)
      const recorded = ratchet.find("ratchet_state")
      if (recorded !== undefined && connection !== undefined) party.session = sessionOf(recorded, connection)
    }
  }

  /** Whether the recorded agent had post-quantum encryption on for a connection, as its last row says. */
  isPostQuantum(conn: string): boolean {
    const row = this.steps
      .flatMap((step) => step.find("state") ?? [])
      .flatMap((state) => rows(state, "connections"))
      .findLast((one) => one.at("conn_id").text() === conn)
    return row?.find("pq_support")?.number() === 1
  }

  /** A receive queue at its end, with the secret that a confirmation made. */
  receiveQueue(senderId: string): ReceiveQueue {
    const row = this.#receiveRows.get(senderId)
    if (row === undefined) throw new Error(`${this.name}: no receiver of a queue`)
    return this.#receiveQueueOf(row)
  }

  #receiveQueueOf(row: Vector): ReceiveQueue {
    const secret = row.find("e2e_dh_secret")?.bytes()
    const senderId = row.at("snd_id")
    const peerKey = this.#sendRows.get(senderId.text())?.at("e2e_pub_key").bytes()
    return {
      server: this.server,
      recipientId: row.at("rcv_id").bytes(),
      senderId: senderId.bytes(),
      mode: modeOf(row),
      recipientKey: pairOf(row.at("rcv_private_key").bytes(), "ed25519"),
      serverSecret: row.at("rcv_dh_secret").bytes(),
      dhKey: pairOf(row.at("e2e_priv_key").bytes(), "x25519"),
      peer:
        secret === undefined || peerKey === undefined
          ? undefined
          : { key: decodePublicKey(peerKey, ["x25519"]).raw, secret },
      securing: { type: "none" },
    }
  }

  /** The queue as its sender has it. The private half of the queue layer's key is not recorded; the secret that it makes is. */
  sendQueue(senderId: string): SendQueue {
    const row = this.#sendRows.get(senderId)
    if (row === undefined) throw new Error(`${this.name}: no sender of a queue`)
    const publicKey = decodePublicKey(row.at("e2e_pub_key").bytes(), ["x25519"])
    return {
      info: this.queueInfo(senderId),
      authKey: pairOf(row.at("snd_private_key").bytes(), "ed25519"),
      dhKey: { publicKey, privateKey: generateKeyPair("x25519", seededRandom(senderId)).privateKey },
      secret: row.at("e2e_dh_secret").bytes(),
      secured: true,
    }
  }

  /** A receive queue's address as a confirmation tells it. */
  queueInfo(senderId: string): QueueInfo {
    const row = this.#receiveRows.get(senderId)
    if (row === undefined) throw new Error(`${this.name}: no receiver of a queue`)
    return {
      version: 4,
      server: this.server,
      senderId: row.at("snd_id").bytes(),
      dhKey: pairOf(row.at("e2e_priv_key").bytes(), "x25519").publicKey,
      mode: modeOf(row),
    }
  }

  /** Whether a queue is an address, whose senders keep nothing of it. */
  isAddress(senderId: string): boolean {
    return this.receiveQueue(senderId).mode === "contact"
  }

  /** The key agreement keys of a connection that has made an invitation; `undefined` for one that has joined. */
  x3dhOf(conn: string): X3dhKeys | undefined {
    const row = this.steps
      .flatMap((step) => rows(step.find("state") ?? step, "ratchets"))
      .find((one) => one.at("conn_id").text() === conn && recordedX3dh(one) !== undefined)
    return row && recordedX3dh(row)
  }

  /** The row of a connection's receive queue, or send queue, that says most. */
  row(role: "receiver" | "sender", senderId: string): Vector {
    const row = (role === "receiver" ? this.#receiveRows : this.#sendRows).get(senderId)
    if (row === undefined) throw new Error(`${this.name}: no ${role} of a queue`)
    return row
  }

  /** The queue that a connection receives from. */
  senderIdOf(conn: string): string {
    for (const [senderId, row] of this.#receiveRows) if (row.at("conn_id").text() === conn) return senderId
    throw new Error(`${this.name}: ${conn} has no queue`)
  }

  /** The queue that a connection sends to. */
  sentTo(conn: string): string {
    for (const [senderId, row] of this.#sendRows) if (row.at("conn_id").text() === conn) return senderId
    throw new Error(`${this.name}: ${conn} sends to no queue`)
  }

  /** All connections of an agent at a step. */
  partiesAt(agent: string, stepIndex: number): readonly Party[] {
    return [...this.#agents]
      .filter(([, owner]) => owner === agent)
      .map(([conn]) => this.partyAt(conn, stepIndex))
      .filter(({ receive }) => receive !== undefined)
  }

  /** Whose connection to the server a transmission came or went on. */
  agentOf(step: Vector): string {
    return this.#connection(step).at("agent").text()
  }

  /** Which A_MSG of a connection after a step, counted from 0, has a number of the recorded application; `undefined` for a receipt. */
  messageNumber(conn: string, msgId: number, stepIndex: number): number | undefined {
    const events = this.steps
      .slice(stepIndex + 1)
      .flatMap((step) => step.find("event") ?? [])
      .filter((event) => event.find("ev")?.text() === "MSG" && event.at("conn").text() === conn)
    const at = events.findIndex((event) => event.at("msgId").number() === msgId)
    return at < 0 ? undefined : at
  }

  /** What a connection's first state after a step has in it. */
  nextSession(conn: string, stepIndex: number): Session | undefined {
    const later = this.steps.findIndex(
      (step, i) => i > stepIndex && hasRow(step, "ratchets", conn) && hasRow(step, "connections", conn),
    )
    return later < 0 ? undefined : this.partyAt(conn, later).session
  }

  /** What the agents told their applications. */
  events(): readonly Vector[] {
    return this.steps.flatMap((step) => step.find("event") ?? [])
  }

  /** Ratchet key pairs of a connection in the order in which they were made, as raw private keys. */
  ratchetKeys(conn: string): readonly Bytes[] {
    const keys = new Map<string, Bytes>()
    this.steps.forEach((step, i) => {
      if (!hasRow(step, "ratchets", conn)) return
      const { session } = this.partyAt(conn, i)
      const raw = session?.ratchet.keyPair.privateKey.use((key) => new Uint8Array(key))
      if (raw !== undefined) keys.set(toHex(raw), raw)
    })
    return [...keys.values()]
  }
}

function rows(state: Vector, table: string): readonly Vector[] {
  return state.find(table)?.items() ?? []
}

function hasRow(step: Vector, table: string, conn: string): boolean {
  const state = step.find("state")
  return state !== undefined && rows(state, table).some((row) => row.at("conn_id").text() === conn)
}

function modeOf(row: Vector): QueueMode | undefined {
  const letter = row.find("queue_mode")?.text()
  return letter === "M" ? "messaging" : letter === "C" ? "contact" : undefined
}

function sessionOf(ratchet: Vector, connection: Vector): Session {
  return {
    ratchet: recordedRatchet(ratchet),
    lastReceivedId: connection.at("last_external_snd_msg_id").number(),
    lastReceivedHash: connection.at("last_rcv_msg_hash").bytes(),
    lastSentId: connection.at("last_internal_snd_msg_id").number(),
    lastSentHash: connection.at("last_snd_msg_hash").bytes(),
    nextMessageId: 1,
  }
}
