import { mkdir, open, readFile, rename, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import {
  decodePrivateKey,
  encodePrivateKey,
  equalBytes,
  keyPairOf,
  type Random,
  type SignAlg,
  systemRandom,
} from "@smpkit/crypto"
import {
  type Clock,
  parseCertificate,
  serverIdentity,
  type ServerIdentity,
  systemClock,
  TransportError,
} from "@smpkit/transport"
import { createLeaf, decodePem, encodePem } from "@smpkit/transport/tls"
import {
  defaultConfiguration,
  formatConfiguration,
  parseConfiguration,
  type ServerConfiguration,
} from "./configuration.ts"
import { ServerError } from "./errors.ts"
import { newIdentity } from "./identity.ts"

// What is in a server's directory.
const files = {
  configuration: "server.ini",
  chain: "server.crt",
  key: "server.key",
  caKey: join("ca", "ca.key"),
  caCertificate: join("ca", "ca.crt"),
} as const

const signAlgs: readonly SignAlg[] = ["ed25519", "ed448"]
const dayMs = 86_400_000

export interface LoadedServer {
  readonly identity: ServerIdentity
  readonly configuration: ServerConfiguration
  /** What an operator should know, in whole sentences. */
  readonly warnings: readonly string[]
}

export interface InitOptions extends Partial<
  Pick<ServerConfiguration, "bind" | "port" | "channelPort" | "web" | "store">
> {
  readonly dir: string
  readonly host: string
  readonly clock?: Clock
  readonly random?: Random
}

/** Whether a directory holds a server. */
export async function isInitialized(dir: string): Promise<boolean> {
  return exists(join(dir, files.configuration))
}

/**
 * Makes a new server in a directory: an identity, whose key for later certificates lies in a folder of its own that can be moved away,
 * and a configuration file. Throws `ServerError CONFIGURATION` when there is one already.
 */
export async function initServer(options: InitOptions): Promise<LoadedServer> {
  const { dir, host, clock = systemClock, random = systemRandom } = options
  if (!/^[A-Za-z0-9.:_-]{1,255}$/.test(host))
    throw new ServerError("CONFIGURATION", "the host is a name or an address, without port")
  if (await isInitialized(dir))
    throw new ServerError(
      "CONFIGURATION",
      `${dir} holds a server already; start it, or use another directory`,
    )
  const base = defaultConfiguration(host)
  const configuration: ServerConfiguration = {
    ...base,
    bind: options.bind ?? base.bind,
    port: options.port ?? base.port,
    channelPort: options.channelPort ?? base.channelPort,
    web: options.web ?? base.web,
    store: options.store ?? base.store,
  }
  const made = newIdentity({ host, clock, random })
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await mkdir(join(dir, "ca"), { recursive: true, mode: 0o700 })
  const key = (pair: typeof made.leafKey): string =>
    encodePem("PRIVATE KEY", encodePrivateKey(pair.privateKey))
  await write(dir, files.caKey, key(made.caKey))
  await write(dir, files.caCertificate, encodePem("CERTIFICATE", made.caCertificate))
  await write(dir, files.key, key(made.leafKey))
  await write(dir, files.chain, chainText(made.leafCertificate, made.caCertificate))
  // Last: what has a configuration is complete.
  await write(dir, files.configuration, formatConfiguration(configuration))
  return loadServer(dir, { clock })
}

/** Reads what `initServer` made. Throws `ServerError` `CONFIGURATION` or `IDENTITY`. */
export async function loadServer(
  dir: string,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): Promise<LoadedServer> {
  if (!(await isInitialized(dir)))
    throw new ServerError(
      "CONFIGURATION",
      `${dir} holds no server; make one with smpkit server init --dir ${dir}`,
    )
  const configuration = await readConfiguration(dir)
  const renew = `renew it with smpkit server renew --dir ${dir}`
  const warnings: string[] = []
  if (await exists(join(dir, files.caKey)))
    warnings.push(
      `the identity key is readable at ${join(dir, files.caKey)}: move the folder to a safe place, it is needed only to renew the certificate`,
    )
  try {
    const chain = decodePem("CERTIFICATE", await readFile(join(dir, files.chain), "utf8"))
    const [der] = decodePem("PRIVATE KEY", await readFile(join(dir, files.key), "utf8"))
    const leafKey = keyPairOf(decodePrivateKey(der, signAlgs))
    der.fill(0)
    const days = Math.floor((parseCertificate(chain[0]).notAfter - clock.now()) / dayMs)
    if (days < 30)
      warnings.push(
        days < 0
          ? `the certificate has expired, so that clients refuse it: ${renew}`
          : `the certificate expires in ${days} days: ${renew}`,
      )
    return { identity: serverIdentity(chain, leafKey), configuration, warnings }
  } catch (error) {
    throw new ServerError("IDENTITY", `the certificate and key in ${dir} cannot be used: ${reason(error)}`, {
      cause: error,
    })
  }
}

/**
 * Replaces the server's certificate and its key by new ones; the address stays. `caDir` is where the identity key's folder is now. Throws `ServerError`
 * `CONFIGURATION`, or `IDENTITY` where the identity cannot be read or is another server's.
 */
export async function renewCertificate({
  dir,
  caDir = join(dir, "ca"),
  clock = systemClock,
  random = systemRandom,
}: {
  readonly dir: string
  readonly caDir?: string
  readonly clock?: Clock
  readonly random?: Random
}): Promise<void> {
  const { host } = await readConfiguration(dir)
  try {
    const [caCertificate] = decodePem("CERTIFICATE", await readFile(join(caDir, "ca.crt"), "utf8"))
    const [der] = decodePem("PRIVATE KEY", await readFile(join(caDir, "ca.key"), "utf8"))
    const caKey = keyPairOf(decodePrivateKey(der, signAlgs))
    der.fill(0)
    const [, current] = decodePem("CERTIFICATE", await readFile(join(dir, files.chain), "utf8"))
    // With another identity the server would get another address, and nobody would find it.
    if (current === undefined || !equalBytes(current, caCertificate))
      throw new ServerError("IDENTITY", `the identity key in ${caDir} is that of another server`)
    const leaf = createLeaf({ caKey, caCertificate, host, now: clock.now(), random })
    await write(dir, files.key, encodePem("PRIVATE KEY", encodePrivateKey(leaf.leafKey.privateKey)))
    await write(dir, files.chain, chainText(leaf.leafCertificate, caCertificate))
  } catch (error) {
    if (error instanceof ServerError) throw error
    throw new ServerError(
      "IDENTITY",
      `the certificate cannot be renewed: the identity key in ${caDir} cannot be used (${reason(error)}); say with --ca-dir where its folder is now`,
      { cause: error },
    )
  }
}

/** Writes a port that was found into the configuration, and leaves the rest of the file as it is. */
export async function keepPort(
  dir: string,
  port: number,
  name: "port" | "channel_port" | "web_port" = "port",
): Promise<void> {
  if (!(await isInitialized(dir))) return
  const text = await readFile(join(dir, files.configuration), "utf8")
  const line = `${name} = ${port}`
  const setting = new RegExp(`^${name}[ \\t]*=.*$`, "m")
  // A file of an earlier release may lack the line.
  const kept = setting.test(text)
    ? text.replace(setting, line)
    : text.replace(/^\[server\][ \t]*$/m, (heading) => `${heading}\n${line}`)
  await write(dir, files.configuration, kept)
}

async function readConfiguration(dir: string): Promise<ServerConfiguration> {
  const path = join(dir, files.configuration)
  try {
    return parseConfiguration(await readFile(path, "utf8"))
  } catch (error) {
    if (!ServerError.is(error, "CONFIGURATION")) throw error
    throw new ServerError("CONFIGURATION", `${path}: ${error.message}`, { cause: error })
  }
}

function chainText(leaf: Uint8Array, ca: Uint8Array): string {
  return encodePem("CERTIFICATE", leaf) + encodePem("CERTIFICATE", ca)
}

/** Whole or not at all, readable by its owner only, and on disk. */
async function write(dir: string, name: string, text: string): Promise<void> {
  const path = join(dir, name)
  const file = await open(`${path}.new`, "w", 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  const folder = await open(dirname(path), "r")
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch {
    return false
  }
}

function reason(error: unknown): string {
  if (error instanceof TransportError) return error.message
  return error instanceof Error && "code" in error ? String(error.code) : "unreadable"
}
