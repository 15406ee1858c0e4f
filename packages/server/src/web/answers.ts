import { STATUS_CODES } from "node:http"
import { type Bytes, concatBytes, fromHex, utf8 } from "@smpkit/codec"
import { acceptedEncoding, type PageFile } from "./page.ts"
import { type Headers, plainHost, securityHeaders } from "./security-headers.ts"

/** What is served, and to whom. */
export interface Site {
  readonly files: ReadonlyMap<string, PageFile>
  /** The addresses on `server.json`. */
  readonly servers: readonly string[]
  /** Whether browsers reach it by TLS. */
  readonly secure: boolean
  /** How the world names it, behind a proxy. */
  readonly publicUrl?: URL | undefined
  /** The one origin from which it may be used, `http://127.0.0.1:PORT`; another `Host` or `Origin` is refused (security.md Q27). Any unless given. */
  readonly onlyOrigin?: string | undefined
}

/** A request's head. */
export interface Asked {
  readonly method?: string | undefined
  /** The request target. */
  readonly url?: string | undefined
  /** Every value of each header, so that a repeated one is seen. */
  readonly headersDistinct: Readonly<Record<string, readonly string[] | undefined>>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Bytes
}

const empty = fromHex("")
const socketPath = "smp"
const closing: Headers = { Connection: "close" }

/** The answer to a plain request. Paths are looked up in a map, letter by letter: there is nothing to climb out of. */
export async function answer(site: Site, asked: Asked): Promise<Answer> {
  const refused = refusal(site, asked)
  if (refused !== undefined) return refused
  const path = pathOf(site, asked)
  if (path === socketPath) return problem(site, asked, 426, { Upgrade: "websocket", ...closing })
  if (path === "server.json") return serverJson(site, asked)
  const file = path === undefined ? undefined : site.files.get(path)
  return file === undefined ? problem(site, asked, 404) : await fileAnswer(site, asked, path, file)
}

/** Why a request to become a WebSocket is refused; `undefined` when it is not. */
export function upgradeRefusal(site: Site, asked: Asked): Answer | undefined {
  const refused = refusal(site, asked)
  if (refused !== undefined) return refused
  if (pathOf(site, asked) !== socketPath) return problem(site, asked, 404)
  if (site.onlyOrigin !== undefined && one(asked, "origin") === undefined) return problem(site, asked, 403)
  if (asked.method !== "GET" || one(asked, "upgrade")?.toLowerCase() !== "websocket")
    return problem(site, asked, 400)
  if (one(asked, "sec-websocket-version") !== "13")
    return problem(site, asked, 426, { "Sec-WebSocket-Version": "13" })
  // RFC 6455, "Client requirements": 16 bytes in base64.
  return /^[+/0-9A-Za-z]{22}==$/.test(one(asked, "sec-websocket-key") ?? "")
    ? undefined
    : problem(site, asked, 400)
}

/** An answer that only says what is wrong. `asked` is absent when the request could not be read. */
export function problem(site: Site, asked: Asked | undefined, status: number, more: Headers = {}): Answer {
  const body = utf8(`${STATUS_CODES[status] ?? "Error"}\n`)
  return {
    status,
    headers: {
      ...commonHeaders(site, asked),
      "Content-Type": "text/plain; charset=utf-8",
      "Cache-Control": "no-store",
      ...more,
    },
    body,
  }
}

/** The bytes of an answer on a connection that ends with it. */
export function closingBytes({ status, headers, body }: Answer): Bytes {
  const lines = Object.entries({ ...headers, "Content-Length": String(body.length), Connection: "close" })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    ...lines.map(([name, value]) => `${name}: ${value}`),
    "",
    "",
  ]
  return concatBytes(utf8(head.join("\r\n")), body)
}

/** What is wrong with any request, to whatever path. */
function refusal(site: Site, asked: Asked): Answer | undefined {
  const host = plainHost(one(asked, "host"))
  if (host === undefined) return problem(site, undefined, 400, closing)
  const { onlyOrigin } = site
  if (onlyOrigin !== undefined) {
    const origins = asked.headersDistinct["origin"] ?? []
    if (`http://${host}` !== onlyOrigin || origins.some((origin) => origin !== onlyOrigin))
      return problem(site, undefined, 403, closing)
  }
  if (asked.method !== "GET" && asked.method !== "HEAD")
    return problem(site, asked, 405, { Allow: "GET, HEAD", ...closing })
  const hasBody =
    asked.headersDistinct["transfer-encoding"] !== undefined ||
    (asked.headersDistinct["content-length"] ?? []).some((length) => length !== "0")
  return hasBody ? problem(site, asked, 400, closing) : undefined
}

/** The path below the page; a proxy may have left the public prefix there. */
function pathOf({ publicUrl }: Site, { url = "" }: Asked): string | undefined {
  const [path = ""] = url.split("?", 1)
  const prefix = publicUrl?.pathname ?? "/"
  const below = path.startsWith(prefix) ? path.slice(prefix.length) : path.slice(1)
  if (!path.startsWith("/")) return undefined
  return below === "" ? "index.html" : below
}

function serverJson(site: Site, asked: Asked): Answer {
  return {
    status: 200,
    headers: {
      ...commonHeaders(site, asked),
      "Content-Type": "application/json; charset=utf-8",
      "Cache-Control": "no-store",
    },
    body: utf8(`${JSON.stringify({ servers: site.servers })}\n`),
  }
}

async function fileAnswer(
  site: Site,
  asked: Asked,
  path: string | undefined,
  file: PageFile,
): Promise<Answer> {
  const { encoding, body, etag } = await file.variant(acceptedEncoding(one(asked, "accept-encoding")))
  const headers = {
    ...commonHeaders(site, asked),
    "Cache-Control": file.immutable ? "public, max-age=31536000, immutable" : "no-cache",
    ETag: etag,
    Vary: path === "index.html" ? "Accept-Encoding, Host" : "Accept-Encoding",
  }
  const known = (one(asked, "if-none-match") ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""))
  if (known.includes(etag)) return { status: 304, headers, body: empty }
  return {
    status: 200,
    headers: {
      ...headers,
      "Content-Type": file.type,
      ...(encoding === "identity" ? {} : { "Content-Encoding": encoding }),
    },
    body,
  }
}

function commonHeaders({ publicUrl, secure }: Site, asked: Asked | undefined): Headers {
  const host = asked === undefined ? undefined : plainHost(one(asked, "host"))
  return securityHeaders({ host: publicUrl?.host ?? host, secure })
}

/** The value of a header that comes once. */
function one({ headersDistinct }: Asked, name: string): string | undefined {
  const values = headersDistinct[name]
  return values?.length === 1 ? values[0] : undefined
}
