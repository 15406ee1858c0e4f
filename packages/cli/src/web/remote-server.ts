import { webSocketConnector } from "@smpkit/client/websocket"
import { toBase64Url } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import { isLoopback } from "@smpkit/server/web"
import { formatServerAddress, parseServerAddress, type ServerAddress, SmpError } from "@smpkit/smp"
import { TransportError } from "@smpkit/transport"
import * as v from "valibot"
import { CommandError } from "../failure.ts"

/** Where a server's page is, in one form: `http://…/` or `https://…/`. Throws `CommandError` USAGE. */
export function pageUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPage = url?.protocol === "https:" || url?.protocol === "http:"
  if (url === undefined || !isPage || url.username !== "" || url.password !== "")
    throw new CommandError(
      "USAGE",
      "give the address of a server's page as a browser shows it, https://HOST/",
    )
  url.search = ""
  url.hash = ""
  url.pathname = url.pathname.replace(/(?:index\.html)?$/, "").replace(/([^/])$/, "$1/")
  return url.href
}

/** Where the server takes channels. */
export function socketUrl(page: string): string {
  return new URL("smp", page.replace(/^http/, "ws")).href
}

/**
 * Which server it is, by the page's `server.json`: the first one, or the one with the fingerprint that is expected. Without TLS anybody on the way could name
 * another, so that then one must be expected. Throws `CommandError`.
 */
export async function serverOf(
  page: string,
  expected: ServerAddress | undefined,
  signal: AbortSignal,
): Promise<ServerAddress> {
  const { protocol, hostname } = new URL(page)
  if (expected === undefined && protocol === "http:" && !isLoopback(hostname.replace(/^\[(.*)\]$/, "$1")))
    throw new CommandError(
      "USAGE",
      `${page} has no TLS, so that anybody on the way could name another server: give https://…, or --server smp://FINGERPRINT@HOST:PORT`,
    )
  const named = await namedServers(page, signal)
  if (expected === undefined) return named[0]
  const same = named.find(({ keyHash }) => equalBytes(keyHash, expected.keyHash))
  if (same !== undefined) return same
  throw new CommandError(
    "FAILED",
    `${page} is not the page of that server: expected fingerprint ${toBase64Url(expected.keyHash)}, it names ${toBase64Url(named[0].keyHash)}; ` +
      "ask whoever runs the server which one is right",
  )
}

/** Proves by a channel that the server behind the page is the one of the address. Throws `CommandError`, and `TransportError NETWORK` or `TIMEOUT`. */
export async function proveServer(page: string, server: ServerAddress, signal: AbortSignal): Promise<void> {
  try {
    const session = await webSocketConnector({ url: socketUrl(page) }).connect(server, { signal })
    await session.close()
  } catch (error) {
    if (!(error instanceof TransportError) || isUnreachable(error)) throw error
    throw new CommandError(
      "FAILED",
      `what answers at ${page} does not prove to be the server ${formatServerAddress(server)}: ${error.message}`,
      { cause: error },
    )
  }
}

/** Whether a server may be there another time. */
export function isUnreachable(error: unknown): boolean {
  return TransportError.is(error, "NETWORK") || TransportError.is(error, "TIMEOUT")
}

const answerSchema = v.looseObject({ servers: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(16)) })
const longestAnswer = 65_536
const timeoutMs = 15_000

async function namedServers(
  page: string,
  signal: AbortSignal,
): Promise<readonly [ServerAddress, ...ServerAddress[]]> {
  const text = await fetched(new URL("server.json", page), signal)
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), answerSchema), text)
  try {
    const [first, ...rest] = read.success ? read.output.servers.map(parseServerAddress) : []
    if (first !== undefined) return [first, ...rest]
  } catch (error) {
    if (!(error instanceof SmpError)) throw error
  }
  throw new CommandError("FAILED", `${page} is not the page of an smpkit server: check the address`)
}

async function fetched(url: URL, signal: AbortSignal): Promise<string> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  let response: Response
  try {
    response = await fetch(url, { redirect: "error", signal: limited })
  } catch (error) {
    signal.throwIfAborted()
    throw new TransportError(
      "NETWORK",
      `${url.href} cannot be read (${reasonOf(error)}): check the address, and that the server runs`,
      {
        cause: error,
      },
    )
  }
  if (!response.ok)
    throw new CommandError(
      "FAILED",
      `${url.href} answers ${response.status}: it is not the page of an smpkit server, or its --web-port is not open`,
    )
  let text = ""
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > longestAnswer)
      throw new CommandError("FAILED", `${url.href} is too long for a list of servers: check the address`)
  }
  return text
}

/** `fetch` hides what went wrong in a cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string") return cause.code
  if (cause instanceof Error && cause.message !== "") return cause.message
  return error instanceof Error && error.name === "TimeoutError" ? "too slow" : "no answer"
}
