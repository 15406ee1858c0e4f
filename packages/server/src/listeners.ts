import type { Random } from "@smpkit/crypto"
import { formatServerAddress, type ServerAddress } from "@smpkit/smp"
import { type BlockStream, type Clock, type ServerIdentity, TransportError } from "@smpkit/transport"
import { listenTcpChannel, nodeChannelLimits } from "@smpkit/transport/tcp"
import { listenTls } from "@smpkit/transport/tls"
import { ServerError } from "./errors.ts"
import type { Limits } from "./limits.ts"
import { listenHttp, preparePage, smpEndpoint, type WebOptions, webPlace } from "./web/index.ts"

export interface ListenersOptions {
  readonly identity: ServerIdentity
  /** What stands in the server's address. */
  readonly host: string
  readonly bind: string
  /** 0 picks a free one. */
  readonly port: number
  /** A port for channels over TCP. */
  readonly channel: { readonly port: number; readonly bind?: string | undefined } | undefined
  readonly web: WebOptions | undefined
  readonly clock: Clock
  readonly random: Random
  readonly limits: Limits
  readonly tlsTimeoutMs: number
  readonly prefixOf: ((address: string) => string | undefined) | undefined
  /** Ends handshakes that are under way. */
  readonly signal: AbortSignal
  /** Gets every stream of blocks whose TLS or channel handshake is done, and closes it. */
  readonly onConnection: (stream: BlockStream) => void
  /** Gets why a connection did not come about. */
  readonly onFailure: (error: unknown) => void
}

/** The ports of a server. */
export interface Listeners {
  readonly address: ServerAddress
  readonly port: number
  readonly channelPort: number | undefined
  readonly web: { readonly port: number; readonly url: string } | undefined
  /** Accepts nothing more; streams that were handed out stay. */
  close(): Promise<void>
}

/** Opens all ports or none. Throws `ServerError` `PORT` or `CONFIGURATION`. */
export async function openListeners(options: ListenersOptions): Promise<Listeners> {
  const opened: { close(): Promise<void> }[] = []
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((listener) => listener.close()))
  }
  const keep = <T extends { close(): Promise<void> }>(listener: T): T => {
    opened.push(listener)
    return listener
  }
  const { identity, host, channel, web } = options
  try {
    const { port } = keep(await openTls(options))
    const address: ServerAddress = {
      hosts: [host],
      port: port === 5223 ? "" : String(port),
      keyHash: identity.keyHash,
    }
    const channelLimits = nodeChannelLimits({ clock: options.clock, prefixOf: options.prefixOf })
    const common = { ...options, channelLimits }
    const channelPort = channel === undefined ? undefined : keep(await openChannel(common, channel)).port
    const page = web === undefined ? undefined : await openWeb(common, web, address)
    if (page !== undefined) keep(page.listener)
    return {
      address,
      port,
      channelPort,
      web: page === undefined ? undefined : { port: page.listener.port, url: page.url },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

type Common = ListenersOptions & { readonly channelLimits: ReturnType<typeof nodeChannelLimits> }

function openTls({ identity, bind, port, clock, limits, ...options }: ListenersOptions) {
  return named("--port", () =>
    listenTls({
      identity,
      host: bind,
      port,
      clock,
      handshakeTimeoutMs: options.tlsTimeoutMs,
      maxHandshakes: limits.handshakes,
      maxPerPrefix: limits.connectionsPerPrefix,
      prefixOf: options.prefixOf,
      onConnection: options.onConnection,
    }),
  )
}

function openChannel(
  options: Common,
  { port, bind }: { readonly port: number; readonly bind?: string | undefined },
) {
  const { identity, clock, random, limits } = options
  return named("--channel-port", () =>
    listenTcpChannel({
      identities: [identity],
      host: bind ?? options.bind,
      port,
      clock,
      random,
      limits: options.channelLimits,
      maxPerPrefix: limits.connectionsPerPrefix,
      prefixOf: options.prefixOf,
      onConnection: options.onConnection,
      onRefused: options.onFailure,
      onError: options.onFailure,
    }),
  )
}

async function openWeb(options: Common, web: WebOptions, address: ServerAddress) {
  const { identity, clock, random, limits, signal } = options
  const { bind, publicUrl, url } = webPlace(web, options)
  const site = {
    files: preparePage(web.page),
    servers: [formatServerAddress(address)],
    secure: web.certificate !== undefined || publicUrl !== undefined,
    publicUrl,
  }
  const listener = await named("--web-port", () =>
    listenHttp({
      host: bind,
      port: web.port,
      certificate: web.certificate,
      site: () => site,
      clock,
      maxWaiting: limits.handshakes,
      maxPerPrefix: limits.connectionsPerPrefix,
      prefixOf: options.prefixOf,
      onUpgrade: smpEndpoint({
        identity,
        clock,
        random,
        limits: options.channelLimits,
        signal,
        onConnection: options.onConnection,
        onFailure: options.onFailure,
      }),
    }),
  )
  return { listener, url: url(listener.port) }
}

/** A port that cannot be had, with the option that chooses another. */
async function named<T>(option: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    const isPort = TransportError.is(error, "NETWORK") || ServerError.is(error, "PORT")
    if (!isPort) throw error
    throw new ServerError("PORT", `${error.message}; choose another with ${option}, or stop what uses it`, {
      cause: error,
    })
  }
}
