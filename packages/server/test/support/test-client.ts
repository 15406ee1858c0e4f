import { type Bytes, fromHex } from "@smpkit/codec"
import { type AuthAlg, generateKeyPair, type KeyPair, type Random } from "@smpkit/crypto"
import {
  authorize,
  type BrokerMessage,
  type Command,
  encodeBatches,
  encodeCommand,
  encodeTransmission,
  parseBatch,
  parseBrokerMessage,
  parseTransmission,
  signedBytes,
  type Transmission,
} from "@smpkit/smp"
import type { SmpSession } from "@smpkit/transport"

export const empty: Bytes = fromHex("")

/** What a server sent, opened. */
export interface Answered {
  readonly corrId: Bytes
  readonly entityId: Bytes
  readonly message: BrokerMessage
}

export interface RequestOptions {
  readonly entityId?: Bytes
  readonly key?: KeyPair<AuthAlg> | undefined
  readonly corrId?: Bytes
  /** Another session id than the session's, as an attacker signs. */
  readonly sessionId?: Bytes
}

/** A client that a test drives by hand: sends commands, and takes answers and events as they come. */
export class TestClient {
  readonly session: SmpSession
  readonly #random: Random
  readonly #received: Answered[] = []

  constructor(session: SmpSession, random: Random) {
    this.session = session
    this.#random = random
  }

  /** The bytes of one command's transmission. */
  transmission(command: Command, options: RequestOptions = {}): Bytes {
    return this.raw(encodeCommand(this.session.version, command), options)
  }

  raw(
    command: Bytes,
    { entityId = empty, key, corrId = this.#random.bytes(24), sessionId }: RequestOptions = {},
  ): Bytes {
    const { version } = this.session
    const signed = signedBytes(sessionId ?? this.session.sessionId, { corrId, entityId, command })
    const authorization =
      key === undefined ? empty : authorize(key, this.session.serverSessionKey, corrId, signed)
    const transmission: Transmission = { authorization, corrId, entityId, command }
    return encodeTransmission(version, sessionId ?? this.session.sessionId, transmission)
  }

  async send(...transmissions: readonly Bytes[]): Promise<void> {
    for (const content of encodeBatches(transmissions)) await this.session.send(content)
  }

  /** The next thing that the server sent. */
  async next(): Promise<Answered> {
    while (this.#received.length === 0) {
      const received = await this.session.receive()
      if (received === undefined) throw new Error("the server has closed the session")
      if (received.type === "bad") throw new Error("a block that does not open")
      for (const item of parseBatch(received.content)) {
        const t = parseTransmission(this.session.version, this.session.sessionId, item)
        this.#received.push({
          corrId: t.corrId,
          entityId: t.entityId,
          message: parseBrokerMessage(this.session.version, t.command),
        })
      }
    }
    const answered = this.#received.shift()
    if (answered === undefined) throw new Error("nothing received")
    return answered
  }

  /** Sends one command and takes the next thing that comes. */
  async request(command: Command, options: RequestOptions = {}): Promise<BrokerMessage> {
    await this.send(this.transmission(command, options))
    return (await this.next()).message
  }

  newKey<A extends AuthAlg>(alg: A): KeyPair<A> {
    return generateKeyPair(alg, this.#random)
  }
}
