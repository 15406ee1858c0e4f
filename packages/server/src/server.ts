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
import { listenTls, type TlsListener } from "@smpkit/transport/tls"
import { Authorizer } from "./authorize.ts"
import { defaultConfiguration, type ServerConfiguration, type StoreKind } from "./configuration.ts"
import { Connection } from "./connection.ts"
import { Connections } from "./connections.ts"
import type { ServerCore } from "./core.ts"
import { ServerError } from "./errors.ts"
import { Housekeeping } from "./housekeeping.ts"
import { newIdentity } from "./identity.ts"
import { RateLimit } from "./limits.ts"
import { type Logger, loggable, silentLogger } from "./log.ts"
import { keepPort } from "./server-directory.ts"
import { SpaceGuard } from "./space-guard.ts"
import { type DirectoryLock, lockDirectory } from "./store/directory-lock.ts"
import { openDiskStore } from "./store/disk.ts"
import { MemoryStore } from "./store/memory.ts"
import type { QueueStore } from "./store/store.ts"
import { Subscribers } from "./subscribers.ts"
import { Turns } from "./turns.ts"

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
  const { limits } = configuration
  const space = new SpaceGuard(store, limits)
  await space.measure()
  const newQueues = new RateLimit(clock, limits.newPerSecond, limits.newBurst)
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
    takeNew: () => newQueues.take(),
    messageTtl: messageTtl(configuration),
    expireOnSend: configuration.expireOnSend,
    onFailure: (error) => {
      logger.error(loggable(error), "a command failed")
    },
  }
  const connections = new Connections(clock, limits.connections)
  const stopping = new AbortController()
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
    const connection = new Connection(core, session)
    const served = connections.serve(connection)
    place[Symbol.dispose]()
    logger.debug({ version: session.version, connections: connections.size }, "a client has connected")
    await served
    logger.debug({ connections: connections.size }, "a client has disconnected")
  }
  const bind = options.bind ?? configuration.bind
  const wantedPort = options.port ?? configuration.port
  const listener = await listen({
    identity,
    host: bind,
    port: wantedPort,
    clock,
    handshakeTimeoutMs: options.tlsTimeoutMs ?? tlsTimeout,
    maxHandshakes: limits.handshakes,
    maxPerPrefix: limits.connectionsPerPrefix,
    prefixOf: options.prefixOf,
    onConnection: (stream) => {
      serve(stream).catch((error: unknown) => {
        if (error instanceof TransportError) logger.debug({ code: error.code }, "a handshake failed")
        else if (!stopping.signal.aborted) logger.error(loggable(error), "a connection failed")
      })
    },
  })
  const { port } = listener
  if (options.dir !== undefined && wantedPort === 0) await keepPort(options.dir, port)
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
    await listener.close()
    stopping.abort()
    await housekeeping.stop()
    await connections.finish(closeGraceMs)
    await store.close()
    await lock?.release()
    logger.info("stopped")
  }
  const closeOnce = (): Promise<void> => (closing ??= close())
  return {
    address: { hosts: [host], port: port === 5223 ? "" : String(port), keyHash: identity.keyHash },
    port,
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  }
}

function messageTtl({ messageDays }: ServerConfiguration): number | undefined {
  return messageDays === 0 ? undefined : messageDays * 86_400
}

async function listen(options: Parameters<typeof listenTls>[0]): Promise<TlsListener> {
  try {
    return await listenTls(options)
  } catch (error) {
    if (!TransportError.is(error, "NETWORK")) throw error
    throw new ServerError("PORT", `${error.message}; choose another with --port, or stop what uses it`, {
      cause: error,
    })
  }
}
