import { isIP } from "node:net"
import { ServerError } from "../errors.ts"
import type { WebCertificate } from "./http-listener.ts"
import type { PageFiles } from "./page.ts"

/** A port for the page and for WebSockets of channels. */
export interface WebOptions {
  readonly page: PageFiles
  /** 0 picks a free one. */
  readonly port: number
  /** The server's own address with a certificate or a public URL, loopback without, unless given. */
  readonly bind?: string | undefined
  /** `https://…`: what a reverse proxy shows to the world. */
  readonly publicUrl?: string | undefined
  readonly certificate?: WebCertificate | undefined
}

/** How a web port is bound and named. */
export interface WebPlace {
  readonly bind: string
  readonly publicUrl: URL | undefined
  /** Where the page is, once the port is known. */
  readonly url: (port: number) => string
}

/**
 * Where the page is served. Whoever is on the way of a page without TLS can change it, so that it leaves this machine only with a certificate, or to a
 * proxy that has one (security.md Q27). Throws `ServerError CONFIGURATION`.
 */
export function webPlace(
  options: Pick<WebOptions, "bind" | "certificate" | "publicUrl">,
  server: { readonly host: string; readonly bind: string },
): WebPlace {
  const publicUrl = options.publicUrl === undefined ? undefined : parsePublicUrl(options.publicUrl)
  const secured = options.certificate !== undefined || publicUrl !== undefined
  const bind = options.bind ?? (secured || isLoopback(server.bind) ? server.bind : "127.0.0.1")
  if (!secured && !isLoopback(bind))
    throw new ServerError(
      "CONFIGURATION",
      `the page would leave this machine without TLS: give --web-certificate FILE and --web-key FILE, or --web-public-url https://… ` +
        "when a proxy has the certificate, or --web-bind 127.0.0.1",
    )
  const scheme = options.certificate === undefined ? "http" : "https"
  const name = isLoopback(bind) && server.host !== "localhost" && scheme === "http" ? bind : server.host
  return {
    bind,
    publicUrl,
    url: (port) => `${scheme}://${isIP(name) === 6 ? `[${name}]` : name}:${port}/`,
  }
}

/** Whether only this machine reaches an address. */
export function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || (isIP(address) === 4 && address.startsWith("127."))
}

function parsePublicUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (
    url?.protocol !== "https:" ||
    url.username !== "" ||
    url.password !== "" ||
    url.search !== "" ||
    url.hash !== ""
  )
    throw new ServerError(
      "CONFIGURATION",
      "the public URL is https://HOST/, perhaps with a port and a path, and nothing after it",
    )
  if (!url.pathname.endsWith("/")) url.pathname += "/"
  return url
}
