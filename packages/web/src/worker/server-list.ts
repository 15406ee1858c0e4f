import { PageError } from "./problems.ts"

/**
 * Asks the server of the page for its addresses. They are not trusted: the channel's handshake proves each of them by its fingerprint (design.md §6).
 * Throws `PageError NO_SERVER_LIST`.
 */
export async function fetchServers(base: string): Promise<readonly string[]> {
  try {
    const response = await fetch(new URL("server.json", base), {
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
    })
    if (!response.ok) throw new TypeError(`HTTP ${response.status}`)
    return readServers(await response.json())
  } catch (error) {
    throw new PageError("NO_SERVER_LIST", "The server of this page does not tell its addresses.", {
      cause: error,
    })
  }
}

/** `{"servers": ["smp://…"], …}`. Throws `TypeError` for anything else. */
export function readServers(value: unknown): readonly string[] {
  const servers =
    typeof value === "object" && value !== null && "servers" in value ? value.servers : undefined
  if (!Array.isArray(servers) || servers.length === 0) throw new TypeError("no servers")
  return servers.map((server) => {
    if (typeof server !== "string" || !server.startsWith("smp://")) throw new TypeError("no server address")
    return server
  })
}
