import { type Bytes, concatBytes } from "@smpkit/codec"
import { type AuthAlg, type KeyPair, systemRandom } from "@smpkit/crypto"
import {
  type BrokerMessage,
  type Command,
  encodeBatches,
  encodeBrokerMessage,
  encodeTransmission,
  parseBatch,
  parseCommand,
  parseTransmission,
  type ServerAddressWithAuth,
} from "@smpkit/smp"
import { FakeClock, settle } from "@smpkit/testkit"
import { type CloseReason, type Received, type SmpSession, TransportError } from "@smpkit/transport"
import { type ClientOptions, type Connector, SmpClient } from "../src/index.ts"

export const server: ServerAddressWithAuth = {
  hosts: ["smp.example.org"],
  port: "",
  keyHash: new Uint8Array(32).fill(9),
}

const none: Bytes = new Uint8Array()
const sessionId: Bytes = new Uint8Array(32).fill(7)

/** A command as it reached the server. */
export interface Arrived {
  readonly corrId: Bytes
  readonly entityId: Bytes
  readonly authorization: Bytes
  readonly command: Command
}

/** The client's end of a session whose other end a test plays. */
export class FakeSession implements SmpSession {
  readonly version: number = 18
  readonly sessionId: Bytes = sessionId
  readonly serverSessionKey = undefined
  readonly serverSessionPrivate = undefined
  readonly maxContentSize: number = 16_366
  readonly closed: Promise<CloseReason>
  /** The blocks that came, each as the commands in it. */
  readonly blocks: Arrived[][] = []
  /** How many blocks the client has read. */
  reads = 0
  /** While this is set, `send` does not resolve. */
  full: Promise<void> | undefined
  #settle: (reason: CloseReason) => void = () => undefined
  #over = false
  readonly #incoming: Received[] = []
  #wake: (() => void) | undefined

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  async send(content: Bytes): Promise<void> {
    if (this.#over) throw new TransportError("CLOSED", "the connection is closed")
    this.blocks.push(
      parseBatch(content).map((item) => {
        const t = parseTransmission(this.version, sessionId, item)
        return { ...t, command: parseCommand(this.version, t.command) }
      }),
    )
    await this.full
  }

  async receive(): Promise<Received | undefined> {
    while (this.#incoming.length === 0 && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    this.reads++
    return this.#incoming.shift()
  }

  close(): Promise<void> {
    this.end({ type: "local" })
    return Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** All commands that came. */
  get commands(): readonly Arrived[] {
    return this.blocks.flat()
  }

  end(reason: CloseReason): void {
    this.#over = true
    this.#settle(reason)
    this.#wake?.()
  }

  receiveRaw(received: Received): void {
    this.#incoming.push(received)
    this.#wake?.()
  }

  /** Sends messages as the server does: all in as few blocks as they need. */
  say(...items: readonly { corrId?: Bytes; entityId?: Bytes; message: BrokerMessage }[]): void {
    const transmissions = items.map(({ corrId = none, entityId = none, message }) =>
      encodeTransmission(this.version, sessionId, {
        authorization: none,
        corrId,
        entityId,
        command: encodeBrokerMessage(this.version, message),
      }),
    )
    for (const content of encodeBatches(transmissions)) this.receiveRaw({ type: "content", content })
  }

  answer({ corrId, entityId }: Arrived, message: BrokerMessage): void {
    this.say({ corrId, entityId, message })
  }
}

/** A connector whose attempts a test answers: each takes the next of `outcomes`, or a new session. */
export class FakeNetwork implements Connector {
  readonly sessions: FakeSession[] = []
  readonly attempts: number[] = []
  readonly clock: FakeClock
  down: Error | undefined
  hold: Promise<void> | undefined

  constructor(clock: FakeClock) {
    this.clock = clock
  }

  async connect(_: unknown, { signal }: { readonly signal?: AbortSignal | undefined }): Promise<SmpSession> {
    this.attempts.push(this.clock.now())
    await this.hold
    signal?.throwIfAborted()
    if (this.down !== undefined) throw this.down
    const session = new FakeSession()
    this.sessions.push(session)
    return session
  }

  get session(): FakeSession {
    const session = this.sessions.at(-1)
    if (session === undefined) throw new Error("no session")
    return session
  }
}

export async function connected(
  options: ClientOptions = {},
): Promise<{ client: SmpClient; session: FakeSession; clock: FakeClock }> {
  const clock = new FakeClock()
  const connector = new FakeNetwork(clock)
  const client = await SmpClient.connect(server, { connector, clock, random: systemRandom }, options)
  await settle()
  return { client, session: connector.session, clock }
}

export const id = (n: number): Bytes => concatBytes(new Uint8Array(22), Uint8Array.of(n >> 8, n & 0xff))
export const msg = (n: number): BrokerMessage & { readonly type: "MSG" } => ({
  type: "MSG",
  msgId: id(n),
  body: new Uint8Array(16_122),
})
export type Key = KeyPair<AuthAlg>
