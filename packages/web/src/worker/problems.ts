import type { Problem } from "../protocol.ts"

/** What the page itself refuses, beside the codes of the agent. */
export type PageErrorCode = "NOT_OPEN" | "SERVER_ELSEWHERE" | "NO_SERVER_LIST" | "ALREADY_OPEN" | "UNSEALED"

/** Thrown to the page as a `Problem`; the page words it by its code. */
export class PageError extends Error {
  override readonly name = "PageError"
  readonly code: PageErrorCode
  readonly host: string | undefined
  constructor(
    code: PageErrorCode,
    message: string,
    { host, ...options }: ErrorOptions & { readonly host?: string } = {},
  ) {
    super(message, options)
    this.code = code
    this.host = host
  }
}

/** An error as the page gets it: an error's class does not cross to another thread, its code does. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof Error)) return { code: "BUG", message: "Something was thrown that is no error." }
  const code = "code" in error && typeof error.code === "string" ? error.code : "BUG"
  const server = "server" in error && typeof error.server === "string" ? hostOf(error.server) : undefined
  const host = "host" in error && typeof error.host === "string" ? error.host : server
  return { code, message: error.message, ...(host === undefined ? {} : { host }) }
}

/** The first host of a server address `smp://FINGERPRINT@HOST,…:PORT`, with its port where it names one. */
export function hostOf(server: string): string {
  const [hosts = ""] = server.replace(/^smp:\/\/[^@]*@/, "").split("/")
  const [, first = hosts, port] = /^(\[[^\]]*\]|[^,:]*)[^:]*(?::(\d+))?$/.exec(hosts) ?? []
  return port === undefined ? first : `${first}:${port}`
}
