import { readFile } from "node:fs/promises"
import { resolve } from "node:path"
import { ServerError, type WebConfiguration } from "@smpkit/server"
import { isLoopback, type WebCertificate, type WebOptions, webPlace } from "@smpkit/server/web"
import { CommandError } from "../failure.ts"
import { readPage } from "./page-files.ts"

/** The options of `smpkit server start` about the page. */
export interface ServerPageOptions {
  readonly webPort?: number
  readonly webBind?: string
  readonly webPublicUrl?: string
  readonly webCertificate?: string
  readonly webKey?: string
  readonly webPage?: string
}

/** What the configuration says about the page, with the options before it; files are named from the root on. */
export function webConfiguration(
  options: ServerPageOptions,
  configured: WebConfiguration,
  dir: string,
): WebConfiguration {
  const { webPort, webBind, webPublicUrl, webCertificate, webKey, webPage } = options
  const port = keptPort(webPort, configured.port)
  const others = { webBind, webPublicUrl, webCertificate, webKey, webPage }
  if (port === undefined && Object.values(others).some((value) => value !== undefined))
    throw new CommandError("USAGE", "the page needs a port: give --web-port as well")
  const file = (given: string | undefined, kept: string | undefined): string | undefined =>
    given === undefined ? kept && resolve(dir, kept) : resolve(given)
  return {
    port,
    bind: webBind ?? configured.bind,
    publicUrl: webPublicUrl ?? configured.publicUrl,
    certificate: file(webCertificate, configured.certificate),
    key: file(webKey, configured.key),
  }
}

/** 0 picks a port at the first start only: afterwards the one that was kept is used. */
export function keptPort(asked: number | undefined, configured: number | undefined): number | undefined {
  if (asked === undefined) return configured
  return asked === 0 ? (configured ?? 0) : asked
}

/** The page for a server, read and checked; `undefined` for a server without one. `server.bind` was asked for on the command line. */
export async function serverPage(
  { port, bind: asked, publicUrl, certificate, key }: WebConfiguration,
  server: { readonly host: string; readonly bind: string; readonly askedBind: string | undefined },
  pageDir: string | undefined,
): Promise<WebOptions | undefined> {
  if (port === undefined) return undefined
  const files = await certificateOf(certificate, key)
  // A server without TLS keeps its page to itself, unless somebody asks for what is not safe.
  const bind = asked ?? (files === undefined && publicUrl === undefined ? server.askedBind : undefined)
  const options = { port, bind, publicUrl, certificate: files }
  try {
    webPlace(options, server)
  } catch (error) {
    if (!ServerError.is(error, "CONFIGURATION")) throw error
    throw new CommandError("USAGE", error.message, { cause: error })
  }
  return { ...options, page: await readPage(pageDir) }
}

/** What somebody should know whose server has a name in the world, and whose page stays on the machine; `undefined` otherwise. */
export function pageAdvice(
  web: WebOptions | undefined,
  server: { readonly host: string; readonly bind: string },
): string | undefined {
  const own = web !== undefined && web.bind === undefined && isLoopback(webPlace(web, server).bind)
  return !own || isLoopback(server.bind)
    ? undefined
    : "only this machine reaches the page: --web-certificate FILE --web-key FILE, or --web-public-url https://… behind a proxy, serve it to others"
}

async function certificateOf(
  certificate: string | undefined,
  key: string | undefined,
): Promise<WebCertificate | undefined> {
  if (certificate === undefined && key === undefined) return undefined
  if (certificate === undefined || key === undefined)
    throw new CommandError(
      "USAGE",
      "a certificate and its key belong together: give --web-certificate and --web-key",
    )
  return {
    certificate: await pem("--web-certificate", certificate),
    key: await pem("--web-key", key),
  }
}

async function pem(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8")
  } catch (error) {
    throw new CommandError("USAGE", `${option} ${path} cannot be read: check the path and its permissions`, {
      cause: error,
    })
  }
}
