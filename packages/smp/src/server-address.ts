import {
  type Bytes,
  type Codec,
  fixed,
  fromBase64Url,
  mapped,
  nonEmptyList,
  type Reader,
  struct,
  toBase64Url,
  WireError,
  type Writer,
} from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import { isBasicAuth } from "./basic-auth.ts"
import { SmpError } from "./errors.ts"
import { formatHost, hostCodec, parseHost, portCodec, splitPort } from "./host.ts"

/** Where a server is, and the SHA-256 of its identity certificate (connection-links.md, "Servers"). */
export interface ServerAddress {
  readonly hosts: readonly [string, ...string[]]
  /** Decimal digits, or "" for the default. */
  readonly port: string
  readonly keyHash: Bytes
}

/** An address with the password for creating queues, which never goes into a link. */
export interface ServerAddressWithAuth extends ServerAddress {
  readonly basicAuth?: string
}

export const defaultPort = 5223
/** Longer texts are no addresses and no links (security.md Q9). */
export const maxLinkLength: number = 16 * 1024
const scheme = "smp://"

const keyHash: Codec<Bytes> = {
  write: (w: Writer, v: Bytes) => {
    w.u8(32)
    fixed(32).write(w, v)
  },
  read: (r: Reader) => (r.u8() === 32 ? r.take(32) : r.fail("a key hash has 32 bytes")),
}

/** `list8(host) port keyHash` (encoding.md, "Hosts and servers"). */
export const serverAddress: Codec<ServerAddress> = struct({
  hosts: nonEmptyList(hostCodec),
  port: portCodec,
  keyHash,
})

/** The layout of client version 1, which has room for the first host only. */
export const legacyServerAddress: Codec<ServerAddress> = struct({
  hosts: mapped<string, ServerAddress["hosts"]>(
    hostCodec,
    (host) => [host],
    (hosts) => hosts[0],
  ),
  port: portCodec,
  keyHash,
})

/** Reads `smp://keyHash[:password]@host[,host…][:port]`. Throws `SmpError ADDRESS`. */
export function parseServerAddress(text: string): ServerAddressWithAuth {
  if (text.length > maxLinkLength || !text.startsWith(scheme)) return fail("an address begins with smp://")
  const at = text.lastIndexOf("@")
  const [hash = "", password, ...more] = text.slice(scheme.length, Math.max(at, 0)).split(":")
  if (at < 0 || more.length > 0) return fail("an address has a key hash, @ and hosts")
  if (password !== undefined && !isBasicAuth(password)) return fail("an unusable password")
  const address = { ...parseHosts(text.slice(at + 1)), keyHash: parseKeyHash(hash) }
  return password === undefined ? address : { ...address, basicAuth: password }
}

function parseKeyHash(text: string): Bytes {
  try {
    const hash = fromBase64Url(text)
    return hash.length === 32 ? hash : fail("a key hash has 32 bytes")
  } catch (error) {
    if (error instanceof WireError)
      throw new SmpError("ADDRESS", "a key hash in base64url is missing", { cause: error })
    throw error
  }
}

function parseHosts(text: string): Pick<ServerAddress, "hosts" | "port"> {
  const parts = text.split(",")
  const last = splitPort(parts.pop() ?? "")
  if (last === undefined) return fail("an unusable host or port")
  const [first, ...rest] = [...parseHostList(parts), last.host]
  return { hosts: countable([first, ...rest]), port: last.port }
}

/** The same hosts. Throws `SmpError ADDRESS` for more of them than the wire has a count for. */
export function countable<T extends readonly string[]>(hosts: T): T {
  return hosts.length > 255 ? fail("more than 255 hosts") : hosts
}

/** Hosts without ports. Throws `SmpError ADDRESS`. */
export function parseHostList(texts: readonly string[]): readonly string[] {
  return texts.map((host) => parseHost(host) ?? fail("an unusable host"))
}

function fail(message: string): never {
  throw new SmpError("ADDRESS", message)
}

/** The text of an address, with its password where it has one. */
export function formatServerAddress({ hosts, port, keyHash, basicAuth }: ServerAddressWithAuth): string {
  const password = basicAuth === undefined ? "" : `:${basicAuth}`
  const portText = port === "" ? "" : `:${port}`
  return `${scheme}${toBase64Url(keyHash)}${password}@${hosts.map(formatHost).join(",")}${portText}`
}

/** Whether two addresses name one server: the same hosts in the same order, the same port, the same identity. */
export function sameServer(a: ServerAddress, b: ServerAddress): boolean {
  return (
    a.hosts.length === b.hosts.length &&
    a.hosts.every((host, i) => host === b.hosts[i]) &&
    portNumber(a) === portNumber(b) &&
    equalBytes(a.keyHash, b.keyHash)
  )
}

/** The port to connect to. */
export function portNumber({ port }: ServerAddress): number {
  return port === "" ? defaultPort : Number(port)
}
