import { formatServerAddress } from "@smpkit/smp"
import { createLogger, initServer, loadServer, startServer } from "@smpkit/server"
import { CommandError } from "./failure.ts"
import { aborted, untilSignalled } from "./shutdown.ts"

interface DirOption {
  readonly dir: string
}

export interface ServerInitOptions extends DirOption {
  readonly host: string
  readonly port?: number
}

export interface ServerStartOptions extends DirOption {
  readonly host?: string
  readonly bind?: string
  readonly port?: number
  readonly store?: string
}

/** `smpkit server init`: identity, configuration, and the address on stdout. */
export async function runServerInit({ dir, host, port }: ServerInitOptions): Promise<void> {
  const { address } = await initServer({ dir, host, port })
  process.stdout.write(`${formatServerAddress(address)}\n`)
  process.stderr.write(
    `smpkit: made in ${dir}. To let only those in who know a password, set create_password in its configuration and put it into the address.\n`,
  )
}

/** `smpkit server start`: runs until it is told to stop; one line on stdout when it listens, logs on stderr. */
export async function runServerStart({ dir, host, bind, port, store }: ServerStartOptions): Promise<void> {
  const kind = storeOf(store)
  await untilSignalled(async (signal) => {
    const loaded = await loadServer({ dir, host, port })
    await using server = await startServer({
      ...loaded,
      dir,
      host,
      bind,
      port,
      store: kind,
      logger: createLogger(process.stderr),
    })
    process.stdout.write(`listening ${formatServerAddress(server.address)}\n`)
    await aborted(signal)
  })
}

/** `smpkit server address`. */
export async function runServerAddress({ dir }: DirOption): Promise<void> {
  const { address } = await loadServer({ dir })
  process.stdout.write(`${formatServerAddress(address)}\n`)
}

function storeOf(store: string | undefined): "memory" | "disk" | undefined {
  if (store === undefined || store === "memory" || store === "disk") return store
  if (store.startsWith("postgres:"))
    throw new CommandError("USAGE", "the PostgreSQL store is not there yet: use --store disk or memory")
  throw new CommandError("USAGE", "no such store: use --store disk or memory")
}
