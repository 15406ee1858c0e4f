import type { Bytes } from "@smpkit/codec"
import type { PrivateKey } from "@smpkit/crypto"
import { type PublicKey, type Random } from "@smpkit/crypto"
import { encodeBatches, parseBatch, parseTransmission, type SmpVersion, type Transmission } from "@smpkit/smp"
import { FakeClock, settle } from "@smpkit/testkit"
import type { CloseReason, Received, SmpSession } from "@smpkit/transport"
import { Authorizer, type Verify } from "../../src/authorize.ts"
import { Connection } from "../../src/connection.ts"
import type { ServerCore } from "../../src/core.ts"
import { defaultLimits, type Limits } from "../../src/limits.ts"
import { NewQueues } from "../../src/new-queues.ts"
import { OutboxSpace } from "../../src/outbox-space.ts"
import { MemoryStore } from "../../src/store/memory.ts"
import type { QueueStore } from "../../src/store/store.ts"
import { Subscribers } from "../../src/subscribers.ts"
import { Turns } from "../../src/turns.ts"

/** A session without a network: what a test puts in is received, what the server sends is kept until it is taken. */
export class LooseSession implements SmpSession {
  readonly version: SmpVersion
  readonly sessionId: Bytes
  readonly serverSessionKey: PublicKey<"x25519"> | undefined
  readonly serverSessionPrivate: PrivateKey<"x25519"> | undefined
  readonly maxContentSize = 16_366
  readonly closed: Promise<CloseReason>
  #sent: Bytes[] = []
  readonly #incoming: Received[] = []
  #wake: (() => void) | undefined
  #isClosed = false
  #settle: (reason: CloseReason) => void = () => undefined
  /** While set, what is sent waits for it, as on a peer that does not read. */
  stalled: Promise<void> | undefined

  constructor(
    version: SmpVersion,
    sessionId: Bytes,
    serverSession?: PrivateKey<"x25519">,
    key?: PublicKey<"x25519">,
  ) {
    this.version = version
    this.sessionId = sessionId
    this.serverSessionPrivate = version >= 7 ? serverSession : undefined
    this.serverSessionKey = version >= 7 ? key : undefined
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  async send(content: Bytes): Promise<void> {
    await this.stalled
    this.#sent.push(content)
  }

  async receive(): Promise<Received | undefined> {
    while (this.#incoming.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#incoming.shift()
  }

  close(): Promise<void> {
    this.#isClosed = true
    this.#settle({ type: "local" })
    this.#wake?.()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Lets the server receive something. */
  put(received: Received): void {
    this.#incoming.push(received)
    this.#wake?.()
  }

  putItems(...items: readonly Bytes[]): void {
    for (const content of encodeBatches(items)) this.put({ type: "content", content })
  }

  /** How many blocks the server has not received yet. */
  get unread(): number {
    return this.#incoming.length
  }

  /** Everything that was sent since the last call, as transmissions. */
  take(): readonly Transmission[] {
    const contents = this.#sent
    this.#sent = []
    return contents.flatMap((content) =>
      parseBatch(content).map((item) => parseTransmission(this.version, this.sessionId, item)),
    )
  }
}

export interface CoreOptions {
  readonly random: Random
  readonly clock?: FakeClock
  readonly store?: QueueStore
  readonly limits?: Partial<Limits>
  readonly verify?: Verify
  readonly core?: Partial<ServerCore>
}

/** The parts of a server, over a memory store and a clock that stands still. Failures throw where nobody catches, so that a test sees them. */
export function testCore({
  random,
  clock = new FakeClock(),
  store = new MemoryStore(),
  limits,
  verify,
  core,
}: CoreOptions): ServerCore {
  return {
    store,
    subscribers: new Subscribers(),
    authorizer: new Authorizer(random, verify),
    turns: new Turns(),
    clock,
    random,
    limits: { ...defaultLimits, ...limits },
    creation: { enabled: true, password: undefined },
    isFull: () => false,
    outboxSpace: new OutboxSpace({ ...defaultLimits, ...limits }),
    newQueues: new NewQueues(clock, { ...defaultLimits, ...limits }),
    messageTtl: undefined,
    expireOnSend: false,
    onFailure: (error) => {
      throw error
    },
    ...core,
  }
}

/** Serves a session on a server. */
export function serve(core: ServerCore, session: LooseSession): Connection {
  const connection = new Connection(core, session)
  void connection.run()
  return connection
}

/** Puts items into a session and gives back what the server has sent when nothing moves any more. */
export async function exchange(
  session: LooseSession,
  ...items: readonly Bytes[]
): Promise<readonly Transmission[]> {
  session.putItems(...items)
  await settle(8)
  return session.take()
}
