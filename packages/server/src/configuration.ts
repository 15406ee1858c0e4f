import type { CreationPolicy } from "./commands/create.ts"
import { ServerError } from "./errors.ts"
import { parseIni } from "./ini.ts"
import { defaultLimits, type Limits } from "./limits.ts"

export type StoreKind = "memory" | "disk"

/** Where the page is served, and how the world reaches it. */
export interface WebConfiguration {
  /** `undefined`: no page; 0: a free one, found at the first start and kept. */
  readonly port: number | undefined
  /** `undefined`: this machine only, unless TLS protects the page on its way. */
  readonly bind: string | undefined
  /** `https://…`: what a reverse proxy shows to the world. */
  readonly publicUrl: string | undefined
  /** PEM files of a certificate that browsers trust; relative to the server's directory. */
  readonly certificate: string | undefined
  readonly key: string | undefined
}

/** What an operator decides. There is nothing to choose about ciphers. */
export interface ServerConfiguration {
  /** What stands in the server's address. */
  readonly host: string
  readonly bind: string
  /** 0: a free one, found at the first start and kept. */
  readonly port: number
  /** For channels over TCP. `undefined`: none; 0 as for `port`. */
  readonly channelPort: number | undefined
  readonly web: WebConfiguration
  readonly store: StoreKind
  readonly creation: CreationPolicy
  /** Days that a message is kept; 0 for ever. */
  readonly messageDays: number
  readonly expireOnSend: boolean
  /** Days after which an empty queue goes that was made for one sender, was never secured, and whose recipient stays away; 0 for never. */
  readonly unsecuredDays: number
  /** Hours after which a connection without subscriptions that is silent is closed; 0 never. */
  readonly idleHours: number
  readonly limits: Limits
}

const defaultPort = 5223

/** What a new server starts with. */
export function defaultConfiguration(host = "localhost"): ServerConfiguration {
  return {
    host,
    bind: host === "localhost" ? "127.0.0.1" : "::",
    port: defaultPort,
    channelPort: undefined,
    web: {
      port: undefined,
      bind: undefined,
      publicUrl: undefined,
      certificate: undefined,
      key: undefined,
    },
    store: "disk",
    creation: { enabled: true, password: undefined },
    messageDays: 21,
    expireOnSend: false,
    unsecuredDays: 21,
    idleHours: 6,
    limits: defaultLimits,
  }
}

/** The text of a configuration file, with a word on each setting. */
export function formatConfiguration(c: ServerConfiguration): string {
  const { limits } = c
  const onOff = (on: boolean): string => (on ? "on" : "off")
  return `; smpkit server. Restart it after changing something here.

[server]
; the name in the server's address
host = ${c.host}
; the address to listen on
bind = ${c.bind}
; 0 picks a free port at the first start and writes it here
port = ${c.port}
; a port for channels, which need no TLS, empty for none
channel_port = ${c.channelPort ?? ""}
; a port for the page and for browsers, empty for none
web_port = ${c.web.port ?? ""}
; disk or memory (memory forgets everything when the server stops)
store = ${c.store}

[web]
; the address to listen on; empty is this machine only, unless a certificate or a public URL is set
bind = ${c.web.bind ?? ""}
; how a reverse proxy shows the page to the world, https://…
public_url = ${c.web.publicUrl ?? ""}
; PEM files of a certificate that browsers trust and of its key; read at the start
certificate = ${c.web.certificate ?? ""}
key = ${c.web.key ?? ""}

[queues]
; off refuses new queues
create = ${onOff(c.creation.enabled)}
; a password that new queues need, empty for none: it belongs into the address, smp://FINGERPRINT:PASSWORD@HOST
create_password = ${c.creation.password ?? ""}
; messages that wait in one queue before senders are refused
quota = ${limits.quota}
; 0 keeps messages for ever
message_days = ${c.messageDays}
; also look for old messages when something is sent
expire_on_send = ${onOff(c.expireOnSend)}
; days after which an invitation's queue goes that nobody answered and whose owner stays away, 0 for never
unsecured_days = ${c.unsecuredDays}

[limits]
; hours of silence after which a connection without subscriptions is closed, 0 for never
idle_hours = ${c.idleHours}
connections = ${limits.connections}
; from one IPv4 address, or one /64 of IPv6, loopback excepted; 0 for no limit, as behind a proxy that hides addresses
connections_per_prefix = ${limits.connectionsPerPrefix ?? 0}
handshakes = ${limits.handshakes}
queues_per_connection = ${limits.queuesPerConnection}
blocks_in_flight = ${limits.blocksInFlight}
outbox_bytes = ${limits.outboxBytes}
; of all connections together; above it each has 32 KiB
outbox_total_bytes = ${limits.outboxTotalBytes}
new_queues_per_second = ${limits.newPerSecond}
new_queues_at_once = ${limits.newBurst}
; requests above that rate which wait for their turn before more are refused
new_queues_waiting = ${limits.newWaiting}
; 0 for no bound but the disk
store_bytes = ${limits.storeBytes ?? 0}
; bytes of the disk that are left free
free_disk_bytes = ${limits.freeDiskBytes}
`
}

/** Reads a configuration file; what it does not name keeps its default. Throws `ServerError CONFIGURATION` with the line. */
export function parseConfiguration(text: string): ServerConfiguration {
  const ini = parseIni(text)
  const host = ini.text("server", "host") ?? "localhost"
  const base = defaultConfiguration(host)
  const number = (section: string, key: string, value: number): number => ini.number(section, key) ?? value
  const storeBytes = number("limits", "store_bytes", 0)
  const prefixLimit = number("limits", "connections_per_prefix", base.limits.connectionsPerPrefix ?? 0)
  const configuration: ServerConfiguration = {
    host,
    bind: ini.text("server", "bind") ?? base.bind,
    port: portOf(number("server", "port", base.port)),
    channelPort: portOf(ini.number("server", "channel_port")),
    web: {
      port: portOf(ini.number("server", "web_port")),
      bind: ini.text("web", "bind"),
      publicUrl: ini.text("web", "public_url"),
      certificate: ini.text("web", "certificate"),
      key: ini.text("web", "key"),
    },
    store: storeOf(ini.text("server", "store") ?? base.store),
    creation: {
      enabled: ini.flag("queues", "create") ?? true,
      password: ini.text("queues", "create_password"),
    },
    messageDays: number("queues", "message_days", base.messageDays),
    expireOnSend: ini.flag("queues", "expire_on_send") ?? base.expireOnSend,
    unsecuredDays: number("queues", "unsecured_days", base.unsecuredDays),
    idleHours: number("limits", "idle_hours", base.idleHours),
    limits: {
      quota: number("queues", "quota", base.limits.quota),
      connections: number("limits", "connections", base.limits.connections),
      connectionsPerPrefix: prefixLimit === 0 ? undefined : prefixLimit,
      handshakes: number("limits", "handshakes", base.limits.handshakes),
      queuesPerConnection: number("limits", "queues_per_connection", base.limits.queuesPerConnection),
      blocksInFlight: number("limits", "blocks_in_flight", base.limits.blocksInFlight),
      outboxBytes: number("limits", "outbox_bytes", base.limits.outboxBytes),
      outboxTotalBytes: number("limits", "outbox_total_bytes", base.limits.outboxTotalBytes),
      newPerSecond: number("limits", "new_queues_per_second", base.limits.newPerSecond),
      newBurst: number("limits", "new_queues_at_once", base.limits.newBurst),
      newWaiting: number("limits", "new_queues_waiting", base.limits.newWaiting),
      storeBytes: storeBytes === 0 ? undefined : storeBytes,
      freeDiskBytes: number("limits", "free_disk_bytes", base.limits.freeDiskBytes),
    },
  }
  ini.rejectUnread()
  return configuration
}

function portOf<T extends number | undefined>(port: T): T {
  if (port !== undefined && port > 65_535)
    throw new ServerError("CONFIGURATION", `port: ${port} is not a port`)
  return port
}

function storeOf(text: string): StoreKind {
  if (text === "memory" || text === "disk") return text
  throw new ServerError("CONFIGURATION", "store: memory or disk belongs here")
}
