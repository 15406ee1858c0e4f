import { type Bytes, toBase64Url } from "@smpkit/codec"
import type { Connector } from "@smpkit/client"
import {
  boxKey,
  dh,
  equalBytes,
  generateKeyPair,
  type KeyPair,
  type PublicKey,
  type Random,
  sha3_384,
} from "@smpkit/crypto"
import {
  type BrokerMessage,
  type Command,
  type LinkData,
  encodeBatches,
  encodeBrokerMessage,
  encodeTransmission,
  parseBatch,
  parseCommand,
  parseTransmission,
  type QueueMode,
  sealMessageBody,
  type ServerAddress,
  type SmpVersion,
} from "@smpkit/smp"
import {
  type CloseReason,
  type Clock,
  type Received,
  type SmpSession,
  TransportError,
} from "@smpkit/transport"

const none: Bytes = new Uint8Array(0)

interface Queue {
  readonly recipientId: Bytes
  readonly senderId: Bytes
  readonly secret: Bytes
  readonly mode: QueueMode | undefined
  senderKey: string | undefined
  link: ({ readonly id: Bytes } & LinkData) | undefined
  readonly messages: { readonly id: Bytes; readonly body: Bytes }[]
  full: boolean
  subscriber: Session | undefined
  /** Delivered to the subscriber and not acknowledged. */
  outstanding: string | undefined
}

/** What a test sees or changes of the commands: answer instead of the server, or `undefined` to let it. */
export type Intercept = (
  command: Command,
  entityId: Bytes,
) => BrokerMessage | "drop" | "lose-answer" | "silence" | undefined

/** A server in memory with the queue rules that an agent meets; it believes every authorization. Sessions end when the test says so. */
export class FakeServer implements Connector {
  readonly address: ServerAddress
  readonly quota: number
  /** Makes queues whose sender may not set its key. */
  slow = false
  down = false
  tooOld = false
  /** What new sessions speak. */
  version: SmpVersion = 18
  intercept: Intercept = () => undefined
  /** How long a block of ours is on its way, in milliseconds. */
  delayMs: () => number = () => 0
  readonly log: string[] = []
  /** Kinds of the keys that KEY and SKEY brought. */
  readonly senderKeys: string[] = []
  readonly sends: { readonly entityId: Bytes; readonly authorized: boolean }[] = []
  readonly #random: Random
  readonly #clock: Clock
  readonly #queues = new Map<string, Queue>()
  /** Sender ids of NEW that do not follow from its correlation id. */
  readonly wrongSenderIds: Bytes[] = []
  readonly #sessions = new Set<Session>()

  constructor(
    name: string,
    { random, clock, quota = 128 }: { random: Random; clock: Clock; quota?: number },
  ) {
    this.address = { hosts: [name], port: "", keyHash: random.bytes(32) }
    this.#random = random
    this.#clock = clock
    this.quota = quota
  }

  get queues(): readonly Queue[] {
    return [...new Set(this.#queues.values())]
  }

  get sessionCount(): number {
    return this.#sessions.size
  }

  async connect(): Promise<SmpSession> {
    await Promise.resolve()
    if (this.down) throw new TransportError("NETWORK", "the server is down")
    if (this.tooOld) throw new TransportError("VERSION", "the server speaks SMP 4-5, this client 7-18")
    const session = new Session(this, generateKeyPair("x25519", this.#random))
    this.#sessions.add(session)
    return session
  }

  async travel(): Promise<void> {
    const ms = this.delayMs()
    if (ms > 0) await new Promise<void>((resolve) => this.#clock.setTimer(ms, resolve))
  }

  /** Ends all sessions, as a server that is killed. */
  drop(): void {
    for (const session of this.#sessions) session.end({ type: "error", code: "NETWORK", message: "dropped" })
  }

  ended(session: Session): void {
    this.#sessions.delete(session)
    for (const queue of this.#queues.values()) if (queue.subscriber === session) queue.subscriber = undefined
  }

  /** Forgets a queue with all that is in it. */
  remove(queue: Queue): void {
    this.#queues.delete(toBase64Url(queue.recipientId))
    this.#queues.delete(toBase64Url(queue.senderId))
  }

  /** Puts a message into a queue behind the sender's back. */
  inject(queue: Queue, body: Bytes): void {
    this.#store(queue, { type: "message", time: 0, notification: false, body })
  }

  handle(session: Session, { command, corrId, entityId, authorized }: Request): BrokerMessage | undefined {
    if (command.type === "SEND") this.sends.push({ entityId, authorized })
    if (command.type === "NEW" && command.linkData !== undefined) {
      const { senderId } = command.linkData
      if (!equalBytes(senderId, sha3_384(corrId).slice(0, 24))) this.wrongSenderIds.push(senderId)
    }
    this.log.push(command.type)
    const answer = this.intercept(command, entityId)
    if (answer === "drop") {
      session.end({ type: "error", code: "NETWORK", message: "dropped" })
      return undefined
    }
    if (answer === "silence") return undefined
    if (answer === "lose-answer") {
      this.#execute(session, command, entityId)
      session.end({ type: "error", code: "NETWORK", message: "dropped" })
      return undefined
    }
    return answer ?? this.#execute(session, command, entityId)
  }

  #execute(session: Session, command: Command, entityId: Bytes): BrokerMessage {
    if (command.type === "NEW") return this.#create(session, command)
    if (command.type === "PING") return { type: "PONG" }
    if (command.type === "LKEY" || command.type === "LGET") return this.#readLink(command, entityId)
    const queue = this.#queues.get(toBase64Url(entityId))
    if (queue === undefined) return auth
    switch (command.type) {
      case "SUB":
        queue.subscriber = session
        queue.outstanding = undefined
        this.#push(queue)
        return { type: "SOK", serviceId: undefined }
      case "ACK":
        return this.#acknowledge(session, queue, command.msgId)
      case "KEY":
        return this.#secure(queue, command.senderKey)
      case "SKEY":
        return queue.mode === "messaging" ? this.#secure(queue, command.senderKey) : auth
      case "DEL":
        this.remove(queue)
        return { type: "OK" }
      case "SEND":
        return this.#send(queue, command.body)
      case "LSET": {
        const { linkId: id, fixed, user } = command
        const other =
          queue.link !== undefined && !(equalBytes(queue.link.id, id) && equalBytes(queue.link.fixed, fixed))
        if (other || (queue.mode !== "contact" && queue.senderKey !== undefined)) return auth
        queue.link = { id, fixed, user }
        return { type: "OK" }
      }
      case "LDEL":
        queue.link = undefined
        return { type: "OK" }
      default:
        return { type: "ERR", error: { type: "CMD", reason: "PROHIBITED" } }
    }
  }

  #readLink(command: Command & { type: "LKEY" | "LGET" }, linkId: Bytes): BrokerMessage {
    const queue = this.queues.find(({ link }) => link !== undefined && equalBytes(link.id, linkId))
    if (queue?.link === undefined) return auth
    if (command.type === "LGET" ? queue.mode !== "contact" : queue.mode !== "messaging") return auth
    if (command.type === "LKEY") {
      const secured = this.#secure(queue, command.senderKey)
      if (secured.type === "ERR") return secured
    }
    const { fixed, user } = queue.link
    return { type: "LNK", senderId: queue.senderId, fixed, user }
  }

  #create(session: Session, command: Command & { type: "NEW" }): BrokerMessage {
    const keys = generateKeyPair("x25519", this.#random)
    const queue: Queue = {
      recipientId: this.#random.bytes(24),
      senderId: command.linkData?.senderId ?? this.#random.bytes(24),
      secret: dh(keys.privateKey, command.dhKey),
      mode: this.slow ? undefined : command.queueMode,
      senderKey: undefined,
      link: command.linkData && {
        id: command.linkData.linkId ?? this.#random.bytes(24),
        fixed: command.linkData.fixed,
        user: command.linkData.user,
      },
      messages: [],
      full: false,
      subscriber: command.subscribe ? session : undefined,
      outstanding: undefined,
    }
    this.#queues.set(toBase64Url(queue.recipientId), queue)
    this.#queues.set(toBase64Url(queue.senderId), queue)
    const { recipientId, senderId, mode } = queue
    const absent = { linkId: queue.link?.id, serviceId: undefined, notifier: undefined }
    return { type: "IDS", recipientId, senderId, serverDhKey: keys.publicKey, queueMode: mode, ...absent }
  }

  #secure(queue: Queue, key: PublicKey): BrokerMessage {
    this.senderKeys.push(key.alg)
    const text = toBase64Url(key.raw)
    if (queue.senderKey !== undefined && queue.senderKey !== text) return auth
    queue.senderKey = text
    return { type: "OK" }
  }

  #send(queue: Queue, body: Bytes): BrokerMessage {
    const time = Math.floor(this.#clock.now() / 1000)
    if (queue.full) return { type: "ERR", error: { type: "QUOTA" } }
    if (queue.messages.length >= this.quota) {
      queue.full = true
      this.#store(queue, { type: "quota", time })
      return { type: "ERR", error: { type: "QUOTA" } }
    }
    this.#store(queue, { type: "message", time, notification: false, body })
    return { type: "OK" }
  }

  #store(queue: Queue, message: Parameters<typeof sealMessageBody>[2]): void {
    const id = this.#random.bytes(24)
    queue.messages.push({ id, body: sealMessageBody(boxKey(queue.secret), id, message) })
    if (queue.messages.length === 1) this.#push(queue)
  }

  #push(queue: Queue): void {
    const [head] = queue.messages
    if (head === undefined || queue.subscriber === undefined || queue.outstanding !== undefined) return
    queue.outstanding = toBase64Url(head.id)
    queue.subscriber.push(none, queue.recipientId, { type: "MSG", msgId: head.id, body: head.body })
  }

  #acknowledge(session: Session, queue: Queue, msgId: Bytes): BrokerMessage {
    if (queue.subscriber !== session || queue.outstanding !== toBase64Url(msgId)) {
      return { type: "ERR", error: { type: "NO_MSG" } }
    }
    queue.messages.shift()
    queue.outstanding = undefined
    const [head] = queue.messages
    if (head === undefined) {
      queue.full = false
      return { type: "OK" }
    }
    queue.outstanding = toBase64Url(head.id)
    return { type: "MSG", msgId: head.id, body: head.body }
  }
}

/** A command as it came. */
interface Request {
  readonly corrId: Bytes
  readonly entityId: Bytes
  readonly command: Command
  readonly authorized: boolean
}

const auth: BrokerMessage = { type: "ERR", error: { type: "AUTH" } }

class Session implements SmpSession {
  readonly version: SmpVersion
  readonly sessionId: Bytes = new Uint8Array(32)
  readonly serverSessionKey: PublicKey<"x25519"> | undefined
  readonly serverSessionPrivate = undefined
  readonly maxContentSize = 16_384
  readonly closed: Promise<CloseReason>
  readonly #server: FakeServer
  readonly #received: (Received | undefined)[] = []
  #wake: () => void = () => undefined
  #settle: (reason: CloseReason) => void = () => undefined
  #over = false

  constructor(server: FakeServer, keys: KeyPair<"x25519">) {
    this.#server = server
    this.version = server.version
    this.serverSessionKey = server.version < 7 ? undefined : keys.publicKey
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  async send(content: Bytes): Promise<void> {
    await this.#server.travel()
    if (this.#over) throw new TransportError("CLOSED", "the session is over")
    for (const item of parseBatch(content)) {
      const { corrId, entityId, ...rest } = parseTransmission(this.version, this.sessionId, item)
      const authorized = rest.authorization.length > 0
      const command = parseCommand(this.version, rest.command)
      const answer = this.#server.handle(this, { corrId, entityId, command, authorized })
      if (answer !== undefined) this.push(corrId, entityId, answer)
    }
  }

  push(corrId: Bytes, entityId: Bytes, message: BrokerMessage): void {
    if (this.#over) return
    const entity = message.type === "IDS" || message.type === "PONG" ? none : entityId
    const transmission = encodeTransmission(this.version, this.sessionId, {
      authorization: none,
      corrId,
      entityId: entity,
      command: encodeBrokerMessage(this.version, message),
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
    this.#received.length = 0
    this.#server.ended(this)
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

/** One connector for several servers. */
export function connectorTo(...servers: readonly FakeServer[]): Connector {
  return {
    connect: async (address) => {
      const server = servers.find((s) => s.address.hosts[0] === address.hosts[0])
      if (server === undefined) throw new TransportError("NETWORK", "no such server")
      return await server.connect()
    },
  }
}
