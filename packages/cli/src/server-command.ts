import {
  createLogger,
  defaultConfiguration,
  initServer,
  isInitialized,
  type LoadedServer,
  loadServer,
  renewCertificate,
  type RunningServer,
  type StoreKind,
  silentLogger,
  startServer,
} from "@smpkit/server"
import { defaultPort, formatServerAddress } from "@smpkit/smp"
import { CommandError } from "./failure.ts"
import { logDestination } from "./log-destination.ts"
import { aborted, untilSignalled } from "./shutdown.ts"
import { terminalText } from "./terminal-text.ts"
import {
  keptPort,
  pageAdvice,
  serverPage,
  type ServerPageOptions,
  webConfiguration,
} from "./web/server-page.ts"

interface DirOption {
  readonly dir: string
}

export interface ServerInitOptions extends DirOption {
  readonly host: string
  readonly port?: number
}

export interface ServerStartOptions extends DirOption, ServerPageOptions {
  readonly host?: string
  readonly bind?: string
  readonly port?: number
  readonly channelPort?: number
  readonly store?: string
}

/** `smpkit server init`: identity, configuration, and the address on stdout. */
export async function runServerInit({ dir, host, port }: ServerInitOptions): Promise<void> {
  const loaded = await initServer({ dir, host, ...(port === undefined ? {} : { port }) })
  if (port === 0) say(`the port is picked at the first start: smpkit server start --dir ${dir}`)
  else process.stdout.write(`${addressOf(loaded)}\n`)
  say(`start it with: smpkit server start --dir ${dir}`)
  say(`to let only those make queues who know a password: set create_password in ${dir}/server.ini`)
  for (const warning of loaded.warnings) say(warning)
}

/** `smpkit server start`: runs until it is told to stop; one line a port on stdout when it listens, logs on stderr. */
export async function runServerStart(options: ServerStartOptions): Promise<void> {
  const store = storeOf(options.store)
  await untilSignalled(async (signal) => {
    await using server = await startDirectory({ ...options, store, quiet: false })
    process.stdout.write(listening(server))
    await aborted(signal)
  })
}

/** `smpkit server address`. */
export async function runServerAddress({ dir }: DirOption): Promise<void> {
  const loaded = await loadServer(dir)
  if (loaded.configuration.port === 0)
    throw new CommandError(
      "FAILED",
      `the port is picked at the first start: smpkit server start --dir ${dir}`,
    )
  process.stdout.write(`${addressOf(loaded)}\n`)
}

export interface ServerRenewOptions extends DirOption {
  readonly caDir?: string
}

/** `smpkit server renew`: a new certificate and key under the same address. A server that runs takes them at its next start. */
export async function runServerRenew({ dir, caDir }: ServerRenewOptions): Promise<void> {
  await renewCertificate({ dir, ...(caDir === undefined ? {} : { caDir }) })
  const loaded = await loadServer(dir)
  say(`the certificate is new; start the server again, and it is used: smpkit server start --dir ${dir}`)
  for (const warning of loaded.warnings) say(warning)
}

export interface StartDirectoryOptions extends Omit<ServerStartOptions, "store"> {
  readonly store?: StoreKind | undefined
  /** Without log and warnings. */
  readonly quiet: boolean
}

/** Starts the server of a folder, which is made where it holds none. */
export async function startDirectory(options: StartDirectoryOptions): Promise<RunningServer> {
  const { dir, host, bind, port, channelPort, store, quiet } = options
  const known = (await isInitialized(dir)) ? await loadServer(dir) : undefined
  const before = known?.configuration ?? defaultConfiguration(host)
  const web = webConfiguration(options, before.web, dir)
  const place = { host: host ?? before.host, bind: bind ?? before.bind, askedBind: bind }
  // Before anything is made: whoever has to give another option begins again with nothing.
  const page = await serverPage(web, place, options.webPage)
  const loaded =
    known ?? (await initServer({ dir, host: place.host, web, ...given({ bind, port, channelPort, store }) }))
  const { identity, configuration } = loaded
  const channel = keptPort(channelPort, configuration.channelPort)
  const server = await startServer({
    dir,
    identity,
    configuration,
    host,
    bind,
    port: portOf(port, configuration.port),
    ...(channel === undefined ? {} : { channel: { port: channel } }),
    web: page,
    store,
    logger: quiet ? silentLogger() : createLogger(logDestination(process.stderr)),
  })
  // Once it runs: who has to mend something first reads only about that.
  const advice = pageAdvice(page, place)
  if (!quiet)
    for (const warning of [...loaded.warnings, ...(advice === undefined ? [] : [advice])]) say(warning)
  return server
}

/** A line for each port. */
function listening({ address, channelPort, web }: RunningServer): string {
  const lines = [formatServerAddress(address)]
  if (channelPort !== undefined) {
    const channel = formatServerAddress({ ...address, port: String(channelPort) })
    lines.push(channel.replace(/^smp:/, "channel:"))
  }
  if (web !== undefined) lines.push(web.url)
  return lines.map((line) => `listening ${line}\n`).join("")
}

/**
 * 0 picks a port at the first start only: afterwards the one that was kept is used. A configuration that still has the
 * default port never had one picked.
 */
function portOf(asked: number | undefined, configured: number): number {
  if (asked === undefined) return configured
  return asked === 0 && configured !== defaultPort ? configured : asked
}

function addressOf({ identity, configuration: { host, port } }: LoadedServer): string {
  return formatServerAddress({
    hosts: [host],
    port: port === defaultPort ? "" : String(port),
    keyHash: identity.keyHash,
  })
}

function storeOf(store: string | undefined): StoreKind | undefined {
  if (store === undefined || store === "memory" || store === "disk") return store
  if (store.startsWith("postgres:"))
    throw new CommandError("USAGE", "the PostgreSQL store is not there yet: use --store disk or memory")
  throw new CommandError("USAGE", "no such store: use --store disk or memory")
}

function given<T extends object>(options: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof T]?: Exclude<T[K], undefined>
  }
}

function say(line: string): void {
  process.stderr.write(`smpkit: ${terminalText(line)}\n`)
}
