import { parseLink } from "@smpkit/agent"
import type { LinkDescription } from "../protocol.ts"
import { hostOf, PageError, problemOf } from "./problems.ts"

/**
 * What a link says about itself, and whether this page can join it. A page reaches one server, the one that serves it, until private routing exists;
 * a link to a queue elsewhere is refused here, before its one use is spent. Nothing is contacted.
 */
export function describeLink(link: string, servers: readonly string[]): LinkDescription {
  try {
    const { hosts, fingerprint } = serverOfShortLink(link) ?? serverOfLongLink(link)
    const [first = ""] = hosts
    const isOwn =
      fingerprint === undefined
        ? servers.some((server) => hostOf(server).replace(/:\d+$/, "") === first)
        : servers.map(fingerprintOf).includes(fingerprint)
    if (servers.length === 0 || isOwn) return { hosts }
    const own = servers.map(hostOf).join(", ")
    const message = `This page reaches only the server that it comes from: ${own}.`
    return { hosts, problem: problemOf(new PageError("SERVER_ELSEWHERE", message, { host: first })) }
  } catch (error) {
    return { hosts: [], problem: problemOf(error) }
  }
}

interface LinkServer {
  readonly hosts: readonly string[]
  /** A short link can leave it to the reader to know the server. */
  readonly fingerprint: string | undefined
}

function serverOfLongLink(link: string): LinkServer {
  const [{ server }] = parseLink(link).queues
  return { hosts: server.hosts, fingerprint: base64Url(server.keyHash) }
}

/** connection-links.md, "Short links (text)": only the server is of interest here; the agent reads the rest, and refuses it. */
function serverOfShortLink(link: string): LinkServer | undefined {
  const match = /^(?:simplex:|https:\/\/([^/\s:]+))\/[iacgr]\/?#[^?]*(?:\?(.*))?$/i.exec(link)
  if (match === null) return undefined
  const [, host, query = ""] = match
  const parameters = new URLSearchParams(query)
  const others = (parameters.get("h") ?? "").split(",").filter((one) => one !== "")
  return {
    hosts: host === undefined ? others : [host, ...others],
    fingerprint: parameters.get("c")?.replace(/=+$/, ""),
  }
}

function fingerprintOf(server: string): string {
  const [, fingerprint = ""] = /^smp:\/\/([^:@]*)/.exec(server) ?? []
  return fingerprint.replace(/=+$/, "")
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "")
}
