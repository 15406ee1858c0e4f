import { type Bytes, toHex } from "@smpkit/codec"
import { decodePublicKey, keyPairOf, PrivateKey, type PublicKey } from "@smpkit/crypto"
import type { Connector } from "@smpkit/client"
import {
  type AuthKey,
  type BrokerMessage,
  type Command,
  encodeBatches,
  encodeBrokerMessage,
  encodeTransmission,
  parseBatch,
  parseCommand,
  parseTransmission,
  signedBytes,
  verifyAuthorization,
} from "@smpkit/smp"
import { type CloseReason, type Received, type SmpSession, TransportError } from "@smpkit/transport"
import type { Vector } from "@smpkit/testkit"
import type { Recording } from "./recording.ts"

const none: Bytes = new Uint8Array(0)

/** A command that the agent sent, as its server sees it. */
export interface Arrived {
  readonly session: ReplaySession
  readonly corrId: Bytes
  readonly entityId: Bytes
  /** `wrong`: by no key that the queue has. */
  readonly authorization: "none" | "right" | "wrong"
  readonly command: Command
  readonly bytes: Bytes
  /** Commands of one block have the same number. */
  readonly block: number
}

/** The recording's server: answers nothing by itself, verifies every authorization, and keeps what came until the replay takes it. */
export class ReplayServer implements Connector {
  readonly arrived: Arrived[] = []
  readonly #recording: Recording
  readonly #subscribers = new Map<string, ReplaySession>()
  readonly #sessions = new Set<ReplaySession>()
  /** Keys that may authorize commands about an entity. */
  readonly #keys = new Map<string, readonly AuthKey[]>()
  #blocks = 0

  constructor(recording: Recording) {
    this.#recording = recording
    const keyOf = (v: Vector): AuthKey => decodePublicKey(v.bytes(), ["ed25519"])
    for (const queue of recording.queues()) {
      this.#keys.set(queue.at("recipientId").text(), queue.at("recipientKeys").items().map(keyOf))
      this.#keys.set(queue.at("senderId").text(), [queue.find("senderKey") ?? []].flat().map(keyOf))
    }
  }

  async connect(): Promise<SmpSession> {
    await Promise.resolve()
    const session = new ReplaySession(this.#recording, (content) => {
      this.#take(session, content)
    })
    this.#sessions.add(session)
    return session
  }

  /** Ends all sessions, as the recorded server did. */
  drop(): void {
    for (const session of this.#sessions) session.end({ type: "error", code: "NETWORK", message: "dropped" })
    this.#sessions.clear()
  }

  /** The session that was subscribed to a queue last. */
  subscriber(recipientId: Bytes): ReplaySession {
    const session = this.#subscribers.get(toHex(recipientId))
    if (session === undefined) throw new Error("nobody has subscribed to a queue")
    return session
  }

  /** A queue was made, and is subscribed to. */
  subscribe(recipientId: Bytes, session: ReplaySession): void {
    this.#subscribers.set(toHex(recipientId), session)
  }

  /** The key of an entity from now on. */
  setKey(entityId: string, key: AuthKey): void {
    this.#keys.set(entityId, [key])
  }

  #take(session: ReplaySession, content: Bytes): void {
    const block = this.#blocks++
    for (const item of parseBatch(content)) {
      const { version, sessionId } = session
      const { corrId, entityId, command: bytes, authorization } = parseTransmission(version, sessionId, item)
      const command = parseCommand(version, bytes)
      if (command.type === "NEW") this.setKey("", command.authKey)
      if (command.type === "SUB") this.#subscribers.set(toHex(entityId), session)
      if (command.type === "SKEY" || command.type === "LKEY") this.setKey(toHex(entityId), command.senderKey)
      const signed = signedBytes(sessionId, { corrId, entityId, command: bytes })
      const fits = (this.#keys.get(toHex(entityId)) ?? []).some((key) =>
        verifyAuthorization(key, authorization, session.serverKey, corrId, signed),
      )
      const kind = authorization.length === 0 ? "none" : fits ? "right" : "wrong"
      this.arrived.push({ session, corrId, entityId, authorization: kind, command, bytes, block })
    }
  }
}

/** A session of the recorded version, with recorded session id and key. */
export class ReplaySession implements SmpSession {
  readonly version: number
  readonly sessionId: Bytes
  readonly serverSessionKey: PublicKey<"x25519"> | undefined
  readonly serverSessionPrivate = undefined
  /** For the server's side of this session. */
  readonly serverKey: PrivateKey<"x25519"> | undefined
  readonly maxContentSize = 16_384
  readonly closed: Promise<CloseReason>
  readonly #take: (content: Bytes) => void
  readonly #received: Received[] = []
  #wake: () => void = () => undefined
  #settle: (reason: CloseReason) => void = () => undefined
  #over = false

  constructor(recording: Recording, take: (content: Bytes) => void) {
    const recorded = recording.file.at("connections", 0)
    this.version = recorded.at("version").number()
    this.sessionId = recorded.at("sessionId").bytes()
    const key = new PrivateKey("x25519", recorded.at("serverSessionPrivate").bytes())
    this.serverKey = this.version < 7 ? undefined : key
    this.serverSessionKey = this.serverKey && keyPairOf(this.serverKey).publicKey
    this.#take = take
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  async send(content: Bytes): Promise<void> {
    await Promise.resolve()
    if (this.#over) throw new TransportError("CLOSED", "the session is over")
    this.#take(content)
  }

  push(corrId: Bytes, entityId: Bytes, message: BrokerMessage): void {
    const command = encodeBrokerMessage(this.version, message)
    const transmission = encodeTransmission(this.version, this.sessionId, {
      authorization: none,
      corrId,
      entityId,
      command,
    })
    for (const content of encodeBatches([transmission])) this.#received.push({ type: "content", content })
    this.#wake()
  }

  async receive(): Promise<Received | undefined> {
    while (this.#received.length === 0 && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#received.shift()
  }

  end(reason: CloseReason): void {
    if (this.#over) return
    this.#over = true
    this.#settle(reason)
    this.#wake()
  }

  async close(): Promise<void> {
    await Promise.resolve()
    this.end({ type: "local" })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
