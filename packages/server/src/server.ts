import { setMaxListeners } from "node:events"
import { join } from "node:path"
import { type Random, systemRandom } from "@smpkit/crypto"
import type { ServerAddress } from "@smpkit/smp"
import {
  type BlockStream,
  type Clock,
  serverHandshake,
  type ServerIdentity,
  systemClock,
  TransportError,
} from "@smpkit/transport"
import { Authorizer } from "./authorize.ts"
import { defaultConfiguration, type ServerConfiguration, type StoreKind } from "./configuration.ts"
import { Connection } from "./connection.ts"
import { Connections } from "./connections.ts"
import type { ServerCore } from "./core.ts"
import { ServerError } from "./errors.ts"
import { Housekeeping } from "./housekeeping.ts"
import { newIdentity } from "./identity.ts"
import { openListeners } from "./listeners.ts"
import { type Logger, loggable, silentLogger } from "./log.ts"
import { NewQueues } from "./new-queues.ts"
import { OutboxSpace } from "./outbox-space.ts"
import { keepPort } from "./server-directory.ts"
import { SpaceGuard } from "./space-guard.ts"
import { type DirectoryLock, lockDirectory } from "./store/directory-lock.ts"
import { openDiskStore } from "./store/disk.ts"
import { MemoryStore } from "./store/memory.ts"
import type { QueueStore } from "./store/store.ts"
import { Subscribers } from "./subscribers.ts"
import { Turns } from "./turns.ts"
import type { WebOptions } from "./web/index.ts"

/** How a server is started; what is left out comes from the configuration, or is the usual thing. */
export interface StartOptions {
  /** Where the store is, and the port that was found is kept; needed for `disk`. */
  readonly dir?: string | undefined
  /** A new one for this run unless given. */
  readonly identity?: ServerIdentity
  readonly configuration?: ServerConfiguration
  readonly store?: StoreKind | QueueStore | undefined
  readonly host?: string | undefined
  readonly bind?: string | undefined
  readonly port?: number | undefined
  /** A port for channels over TCP; that of the configuration unless given. */
  readonly channel?: { readonly port: number; readonly bind?: string | undefined } | undefined
  /** A port for the page, and for channels over WebSocket. */
  readonly web?: WebOptions | undefined
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
  /** What `loadServer` has to say; it is logged. */
  readonly warnings?: readonly string[]
  /** TLS and SMP handshakes that take longer are ended. */
  readonly tlsTimeoutMs?: number
  readonly handshakeTimeoutMs?: number
  /** What counts as one peer for `connectionsPerPrefix`; the prefix of its address unless given. */
  readonly prefixOf?: ((address: string) => string | undefined) | undefined
}

export interface RunningServer extends AsyncDisposable {
  readonly address: ServerAddress
  readonly port: number
  readonly channelPort: number | undefined
  /** The page's port, and where a browser finds it. */
  readonly web: { readonly port: number; readonly url: string } | undefined
  /** Accepts nothing more, answers what it has received, and ends when all is kept. Idempotent. */
  close(): Promise<void>
}

// smp-transport.md, "Keep-alive and timeouts".
const tlsTimeout = 60_000
const handshakeTimeout = 120_000
// How long a closing server waits for clients to take their answers.
const closeGraceMs = 3_000

/** Starts a server. Throws `ServerError` `PORT`, `IN_USE`, `STORE` or `CONFIGURATION`. */
export async function startServer(options: StartOptions = {}): Promise<RunningServer> {
  const configuration = options.configuration ?? defaultConfiguration(options.host)
  const { clock = systemClock, random = systemRandom, logger = silentLogger(), dir } = options
  const host = options.host ?? configuration.host
  const identity = options.identity ?? newIdentity({ host, clock, random }).identity
  const lock = dir === undefined ? undefined : await lockDirectory(dir)
  let store: QueueStore | undefined
  try {
    store = openStore(options.store ?? configuration.store, dir)
    return await run(store, { lock, configuration, clock, random, logger, host, identity, options })
  } catch (error) {
    await store?.close()
    await lock?.release()
    throw error
  }
}

function openStore(store: StoreKind | QueueStore, dir: string | undefined): QueueStore {
  if (typeof store !== "string") return store
  if (store === "memory") return new MemoryStore()
  if (dir === undefined) throw new ServerError("CONFIGURATION", "the disk store needs a directory")
  return openDiskStore(join(dir, "store"))
}

interface Parts {
  readonly lock: DirectoryLock | undefined
  readonly configuration: ServerConfiguration
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly host: string
  readonly identity: ServerIdentity
  readonly options: StartOptions
}

async function run(store: QueueStore, parts: Parts): Promise<RunningServer> {
  const { lock, configuration, clock, random, logger, host, identity, options } = parts
  const { dir } = options
  const { limits } = configuration
  const space = new SpaceGuard(store, limits)
  await space.measure()
  const core: ServerCore = {
    store,
    subscribers: new Subscribers(),
    authorizer: new Authorizer(systemRandom),
    turns: new Turns(),
    clock,
    random,
    limits,
    creation: configuration.creation,
    isFull: () => space.full,
    outboxSpace: new OutboxSpace(limits),
    newQueues: new NewQueues(clock, limits),
    messageTtl: messageTtl(configuration),
    expireOnSend: configuration.expireOnSend,
    onFailure: (error) => {
      logger.error(loggable(error), "a command failed")
    },
  }
  const connections = new Connections(clock, limits.connections)
  const stopping = new AbortController()
  // Every handshake that is under way listens.
  setMaxListeners(0, stopping.signal)
  const serve = async (stream: BlockStream): Promise<void> => {
    using place = connections.reserve()
    if (place === undefined) {
      logger.debug("a connection was refused: there are too many")
      await stream.close()
      return
    }
    const timeoutMs = options.handshakeTimeoutMs ?? handshakeTimeout
    const session = await serverHandshake(stream, {
      identity,
      random,
      clock,
      timeoutMs,
      signal: stopping.signal,
    })
    const connection = new Connection(core, session, stream.prefix)
    const served = connections.serve(connection)
    place[Symbol.dispose]()
    logger.debug({ version: session.version, connections: connections.size }, "a client has connected")
    await served
    logger.debug({ connections: connections.size }, "a client has disconnected")
  }
  const onFailure = (error: unknown): void => {
    if (error instanceof TransportError) logger.debug({ code: error.code }, "a handshake failed")
    else if (!stopping.signal.aborted) logger.error(loggable(error), "a connection failed")
  }
  const { channelPort } = configuration
  const channel = options.channel ?? (channelPort === undefined ? undefined : { port: channelPort })
  const wantedPort = options.port ?? configuration.port
  const listeners = await openListeners({
    identity,
    host,
    bind: options.bind ?? configuration.bind,
    port: wantedPort,
    channel,
    web: options.web,
    clock,
    random,
    limits,
    tlsTimeoutMs: options.tlsTimeoutMs ?? tlsTimeout,
    prefixOf: options.prefixOf,
    signal: stopping.signal,
    onConnection: (stream) => {
      serve(stream).catch(onFailure)
    },
    onFailure,
  })
  if (dir !== undefined) {
    if (wantedPort === 0) await keepPort(dir, listeners.port)
    if (channel?.port === 0) await keepPort(dir, listeners.channelPort ?? 0, "channel_port")
    if (options.web?.port === 0) await keepPort(dir, listeners.web?.port ?? 0, "web_port")
  }
  const housekeeping = new Housekeeping({
    core,
    connections,
    space,
    idleHours: configuration.idleHours,
    unsecuredDays: configuration.unsecuredDays,
    logger,
  })
  for (const warning of options.warnings ?? []) logger.warn(warning)
  logger.info({ store: options.store === undefined ? configuration.store : "given" }, "started")

  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await listeners.close()
    stopping.abort()
    await housekeeping.stop()
    await connections.finish(closeGraceMs)
    await store.close()
    await lock?.release()
    logger.info("stopped")
  }
  const closeOnce = (): Promise<void> => (closing ??= close())
  return {
    address: listeners.address,
    port: listeners.port,
    channelPort: listeners.channelPort,
    web: listeners.web,
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  }
}

function messageTtl({ messageDays }: ServerConfiguration): number | undefined {
  return messageDays === 0 ? undefined : messageDays * 86_400
}
