import { homedir } from "node:os"
import { join } from "node:path"
import { equalBytes } from "@smpkit/crypto"
import { ServerError } from "@smpkit/server"
import { type HttpListener, type HttpListenOptions, listenHttp, preparePage } from "@smpkit/server/web"
import { formatServerAddress, parseServerAddress, type ServerAddressWithAuth } from "@smpkit/smp"
import { parseAddress } from "./agent-options.ts"
import { CommandError, messageOf } from "./failure.ts"
import { aborted, untilSignalled } from "./shutdown.ts"
import { terminalText } from "./terminal-text.ts"
import { KnownServers } from "./web/known-servers.ts"
import { readPage } from "./web/page-files.ts"
import { Relay } from "./web/relay.ts"
import { isUnreachable, pageUrl, proveServer, serverOf, socketUrl } from "./web/remote-server.ts"

export interface WebOptions {
  readonly dir?: string
  readonly server?: string
  readonly webPage?: string
}

// The page's own connections are few; more come from no browser that behaves.
const maxWaiting = 200

/** The server that somebody means, and the local port under which its page was before. */
interface Wanted {
  readonly url: string
  /** What it must prove to be: as it was given, or as it was before. */
  readonly expected: ServerAddressWithAuth | undefined
  readonly port: number | undefined
}

/**
 * `smpkit web`: the page of this release on 127.0.0.1, talking to the server of another page (security.md Q27). The browser gets the page from here, so that no
 * server can change it; what the page sends goes through here as it is, encrypted for the server that proves its fingerprint to the page.
 */
export async function runWeb(given: string | undefined, options: WebOptions): Promise<void> {
  const known = await KnownServers.open(options.dir ?? join(homedir(), ".smpkit", "web"))
  const wanted = await wantedServer(known, given, options.server)
  const files = preparePage(await readPage(options.webPage))
  await untilSignalled(async (signal) => {
    const reached = await reachedServer(wanted, signal)
    if (reached === undefined) return
    const address = formatServerAddress(reached.server)
    const relay = new Relay(socketUrl(wanted.url), signal)
    await using listener = await listenLocally(wanted.port, {
      site: (port) => ({ files, servers: [address], secure: false, onlyOrigin: originOf(port) }),
      onUpgrade: (upgrade) => {
        relay.accept(upgrade).catch((error: unknown) => {
          say(messageOf(error))
        })
      },
    })
    await known.keep({ url: wanted.url, address, port: listener.port })
    process.stdout.write(`listening ${originOf(listener.port)}/\n`)
    if (reached.notice !== undefined) say(reached.notice)
    await aborted(signal)
    await listener.close()
    await relay.close()
  })
}

async function wantedServer(
  known: KnownServers,
  given: string | undefined,
  server: string | undefined,
): Promise<Wanted> {
  const url = given === undefined ? known.last?.url : pageUrl(given)
  if (url === undefined)
    throw new CommandError("USAGE", "which server? Give the address of its page: smpkit web https://HOST/")
  const asked = server === undefined ? undefined : await parseAddress(server)
  const entry = known.find(url)
  const before = entry === undefined ? undefined : parseServerAddress(entry.address)
  const isSame = asked === undefined || (before !== undefined && equalBytes(asked.keyHash, before.keyHash))
  return { url, expected: asked ?? before, port: isSame ? entry?.port : undefined }
}

interface Reached {
  readonly server: ServerAddressWithAuth
  readonly notice?: string
}

/** The server, proven. One that was used before may be away for now; `undefined` when the command was stopped meanwhile. */
async function reachedServer(
  { url, expected, port }: Wanted,
  signal: AbortSignal,
): Promise<Reached | undefined> {
  try {
    const named = await serverOf(url, expected, signal)
    await proveServer(url, named, signal)
    const { basicAuth } = expected ?? {}
    return { server: basicAuth === undefined ? named : { ...named, basicAuth } }
  } catch (error) {
    if (signal.aborted) return undefined
    if (expected === undefined || port === undefined || !isUnreachable(error)) throw error
    return { server: expected, notice: `${messageOf(error)}; the page connects when it is back` }
  }
}

/** 127.0.0.1 alone, at a random port the first time, and then at the same one. */
async function listenLocally(
  port: number | undefined,
  options: Pick<HttpListenOptions, "site" | "onUpgrade">,
): Promise<HttpListener> {
  try {
    return await listenHttp({ ...options, host: "127.0.0.1", port: port ?? 0, maxWaiting })
  } catch (error) {
    if (!ServerError.is(error, "PORT") || port === undefined) throw error
    throw new CommandError(
      "FAILED",
      `port ${port} is in use, under which your browser keeps this page's conversations: end the program that holds it, perhaps another smpkit web`,
      { cause: error },
    )
  }
}

function originOf(port: number): string {
  return `http://127.0.0.1:${port}`
}

function say(line: string): void {
  process.stderr.write(`smpkit: ${terminalText(line)}\n`)
}
