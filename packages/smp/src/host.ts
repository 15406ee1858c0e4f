import { type Codec, mapped, text } from "@smpkit/codec"

// encoding.md, "Host", narrowed to the grammar of security.md Q9: ASCII names, IP literals, v3 onion names.

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i
const onion = /^[a-z2-7]{56}\.onion$/
const octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
const ipv4 = new RegExp(`^${octet}(?:\\.${octet}){3}$`)

/** A host in its one spelling (IPv6 without brackets); `undefined` when the text is none. */
export function parseHost(host: string): string | undefined {
  if (host.startsWith("[") && host.endsWith("]")) {
    const inner = host.slice(1, -1)
    return isIpv6(inner) ? inner : undefined
  }
  return isIpv6(host) || ipv4.test(host) || isName(host) ? host : undefined
}

/** A host as it stands in a text: IPv6 in brackets, so that a port can follow. */
export function formatHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host
}

export function isOnion(host: string): boolean {
  return host.endsWith(".onion")
}

function isName(name: string): boolean {
  if (/\.onion$/i.test(name)) return onion.test(name)
  const labels = name.split(".")
  // A name whose last label is a number would be read as an IPv4 address by some resolvers.
  return name.length <= 253 && labels.every((one) => label.test(one)) && !/^\d+$/.test(labels.at(-1) ?? "")
}

function isIpv6(address: string): boolean {
  if (!/^[0-9a-fA-F:]{2,39}$/.test(address)) return false
  const halves = address.split("::")
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")))
  const whole = halves.length === 1 ? groups.length === 8 : halves.length === 2 && groups.length <= 7
  return whole && groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))
}

/** Whether a text is a port from 1 to 65535 without leading zeros. */
export function isPort(port: string): boolean {
  return /^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65535
}

/** The last host of a list in a text with the port behind it. A bare IPv6 address that could also be one with a port is none. */
export function splitPort(hostAndPort: string): { readonly host: string; readonly port: string } | undefined {
  const match = /^(.*):(\d+)$/s.exec(hostAndPort)
  const parsed = (
    text: string,
    port: string,
  ): { readonly host: string; readonly port: string } | undefined => {
    const host = parseHost(text)
    return host === undefined || (port !== "" && !isPort(port)) ? undefined : { host, port }
  }
  const bare = parsed(hostAndPort, "")
  const withPort = match === null ? undefined : parsed(match[1] ?? "", match[2] ?? "")
  return bare !== undefined && withPort !== undefined ? undefined : (bare ?? withPort)
}

/** `str8` of a host's text. */
export const hostCodec: Codec<string> = mapped(text, (v, fail) => parseHost(v) ?? fail("not a host"), known)
/** `str8` of a port's digits, or of nothing. */
export const portCodec: Codec<string> = mapped(
  text,
  (v, fail) => (v === "" || isPort(v) ? v : fail("not a port")),
  (v) => {
    if (v !== "" && !isPort(v)) throw new RangeError("not a port")
    return v
  },
)

function known(host: string): string {
  if (parseHost(host) !== host) throw new RangeError("not a host")
  return host
}
