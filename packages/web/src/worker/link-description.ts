import { parseLink } from "@smpkit/agent"
import type { LinkDescription } from "../protocol.ts"
import { hostOf, PageError, problemOf } from "./problems.ts"

/**
 * What a link says about itself, and whether this page can join it. A page reaches one server, the one that serves it, until private routing exists;
 * a link to a queue elsewhere is refused here, before its one use is spent. Nothing is contacted.
 */
export function describeLink(link: string, servers: readonly string[]): LinkDescription {
  // A short link is resolved by its server, so the agent has the word on it.
  if (/^(?:simplex:|https:\/\/[^/\s]*)\/[iacgr]\/?#/i.test(link)) return { hosts: [] }
  try {
    const { queues } = parseLink(link)
    const [{ server }] = queues
    const hosts = server.hosts.map((host) => host)
    const fingerprints = servers.map(fingerprintOf)
    if (servers.length === 0 || fingerprints.includes(base64Url(server.keyHash))) return { hosts }
    const own = servers.map(hostOf).join(", ")
    return {
      hosts,
      problem: problemOf(
        new PageError("SERVER_ELSEWHERE", `This page reaches only the server that it comes from: ${own}.`, {
          host: hosts[0] ?? "",
        }),
      ),
    }
  } catch (error) {
    return { hosts: [], problem: problemOf(error) }
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
