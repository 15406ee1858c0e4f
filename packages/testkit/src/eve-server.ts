import { type Bytes, toBase64Url } from "@smpkit/codec"
import { equalBytes, type Random, systemRandom } from "@smpkit/crypto"
import type { Connector } from "@smpkit/client"
import {
  Authorizer,
  Connection,
  defaultLimits,
  MemoryStore,
  newIdentity,
  NewQueues,
  OutboxSpace,
  type ServerCore,
  Subscribers,
  Turns,
} from "@smpkit/server"
import type { BrokerMessage, Command, ServerAddress } from "@smpkit/smp"
import {
  type BlockStream,
  type Clock,
  clientHandshake,
  serverHandshake,
  type ServerIdentity,
  type SmpSession,
  TransportError,
} from "@smpkit/transport"
import { TappedSession, TappedStream } from "./eve-tap.ts"
import { streamPair } from "./stream-pair.ts"

/** A command as Eve's server got it, in clear. */
export interface SeenCommand {
  /** Counts the sessions of this server. */
  readonly session: number
  readonly command: Command
  readonly entityId: Bytes
  /** The transmission as it came, with its authorization. */
  readonly transmission: Bytes
}

/** Eve answers in place of the server's rules, says nothing, or lets them go on (`undefined`). */
export type Verdict = BrokerMessage | "silence" | undefined

/**
 * A server that Eve runs: smpkit's own, reached through a wire in memory. She sees every block on the wire, every command and message in clear, and all that is stored;
 * she may answer in place of the server, and put what she likes into any queue. What she does not have is the private keys of the agents.
 */
export class EveServer implements Connector {
  readonly address: ServerAddress
  readonly identity: ServerIdentity
  /** Everything that she has seen: blocks of the wire, and their contents in clear. */
  readonly seen: Bytes[] = []
  readonly commands: SeenCommand[] = []
  /** What she does with a command. */
  intercept: (seen: SeenCommand) => Verdict = () => undefined
  readonly store: MemoryStore = new MemoryStore()
  readonly #core: ServerCore
  readonly #clock: Clock
  readonly #random: Random
  readonly #cuts: (() => void)[] = []

  constructor(host: string, { clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.identity = newIdentity({ host, clock, random }).identity
    this.address = { hosts: [host], port: "", keyHash: this.identity.keyHash }
    this.#clock = clock
    this.#random = random
    this.#core = {
      store: this.store,
      subscribers: new Subscribers(),
      authorizer: new Authorizer(systemRandom),
      turns: new Turns(),
      clock,
      random,
      limits: defaultLimits,
      creation: { enabled: true, password: undefined },
      isFull: () => false,
      outboxSpace: new OutboxSpace(defaultLimits),
      newQueues: new NewQueues(clock, defaultLimits),
      messageTtl: undefined,
      expireOnSend: false,
      onFailure: (error) => {
        throw error
      },
    }
  }

  /** A session with this server, for an agent or for Eve herself. */
  async connect(address: ServerAddress = this.address): Promise<SmpSession> {
    const { identity } = this
    const session = this.#cuts.length
    const { client, server, cut } = streamPair({
      sessionId: this.#random.bytes(32),
      serverChain: identity.chain,
      capacity: 64,
    })
    this.#cuts.push(cut)
    void this.#serve(new TappedStream(server, (block) => this.seen.push(block)), session)
    return await clientHandshake(client, {
      keyHash: address.keyHash,
      random: this.#random,
      clock: this.#clock,
    })
  }

  async #serve(stream: BlockStream, session: number): Promise<void> {
    const { identity } = this
    const inner = await serverHandshake(stream, { identity, random: this.#random, clock: this.#clock })
    const tapped = new TappedSession(inner, {
      onContent: (content) => this.seen.push(content),
      onCommand: (command, entityId, transmission) => {
        const seen = { session, command, entityId, transmission }
        this.commands.push(seen)
        return this.intercept(seen)
      },
    })
    await new Connection(this.#core, tapped).run()
  }

  /** Cuts all wires. */
  cut(): void {
    for (const cut of this.#cuts) cut()
  }

  /** The commands of one type, in order. */
  of<T extends Command["type"]>(
    type: T,
  ): (SeenCommand & { readonly command: Extract<Command, { readonly type: T }> })[] {
    return this.commands.filter(
      (seen): seen is SeenCommand & { readonly command: Extract<Command, { readonly type: T }> } =>
        seen.command.type === type,
    )
  }

  /** Bodies that were sent to a queue, in order; to all queues without `senderId`. */
  bodies(senderId?: Bytes): Bytes[] {
    return this.of("SEND")
      .filter(({ entityId }) => senderId === undefined || equalBytes(entityId, senderId))
      .map(({ command }) => command.body)
  }

  /** How many queues the server has. */
  async queueCount(): Promise<number> {
    return (await this.store.recipientIds(undefined, 1000)).length
  }

  /** The sender's id of every queue. */
  async senderIds(): Promise<Bytes[]> {
    const recipientIds = await this.store.recipientIds(undefined, 1000)
    const records = await this.store.find(recipientIds.map((id) => ({ party: "recipient", id })))
    return records.flatMap((record) => (record === undefined ? [] : [record.senderId]))
  }

  /** Puts a message into a queue, whoever may send to it. */
  async inject(senderId: Bytes, body: Bytes): Promise<void> {
    const message = {
      type: "message",
      msgId: this.#random.bytes(24),
      time: Math.floor(this.#clock.now() / 1000),
      notification: false,
      body,
    } as const
    const stored = await this.store.apply(
      { party: "sender", id: senderId },
      {
        run: ({ record, size }) => ({
          changes: [{ type: "append", message }],
          outcome: { record, first: size === 0 },
        }),
      },
    )
    if (stored === undefined) throw new Error(`no queue ${toBase64Url(senderId)}`)
    if (stored.first) this.#core.subscribers.stored(stored.record, message)
  }
}

/** One connector for several servers, found by their fingerprints. */
export function connectorOf(...servers: readonly EveServer[]): Connector {
  return {
    connect: async (address) => {
      const server = servers.find((one) => equalBytes(one.address.keyHash, address.keyHash))
      if (server === undefined) throw new TransportError("NETWORK", "no such server")
      return await server.connect(address)
    },
  }
}
