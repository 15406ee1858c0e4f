/** Headers of one answer. */
export type Headers = Readonly<Record<string, string>>

/** Where an answer goes. */
export interface AnswerSite {
  /** As the browser names this server: host and port. `undefined` when it named none, or nothing that is one. */
  readonly host: string | undefined
  /** Whether browsers reach it by TLS, here or at a proxy. */
  readonly secure: boolean
}

// The page scans QR codes with the camera and writes links to the clipboard. What not every browser knows is not named: it would complain.
const allowed = { camera: "(self)", "clipboard-write": "(self)" } as const
const refused = [
  "accelerometer",
  "autoplay",
  "browsing-topics",
  "clipboard-read",
  "display-capture",
  "encrypted-media",
  "fullscreen",
  "gamepad",
  "geolocation",
  "gyroscope",
  "hid",
  "identity-credentials-get",
  "idle-detection",
  "local-fonts",
  "magnetometer",
  "microphone",
  "midi",
  "otp-credentials",
  "payment",
  "picture-in-picture",
  "publickey-credentials-create",
  "publickey-credentials-get",
  "screen-wake-lock",
  "serial",
  "storage-access",
  "usb",
  "window-management",
  "xr-spatial-tracking",
]
const permissions = [
  ...Object.entries(allowed).map(([name, list]) => `${name}=${list}`),
  ...refused.map((name) => `${name}=()`),
].join(", ")

const yearSeconds = 31_536_000

/** What stands on every answer (security.md Q28): the page runs its own files only, talks to its own origin only, and nothing frames or opens it. */
export function securityHeaders({ host, secure }: AnswerSite): Headers {
  return {
    "Content-Security-Policy": contentSecurityPolicy(host),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Origin-Agent-Cluster": "?1",
    "Permissions-Policy": permissions,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    ...(secure ? { "Strict-Transport-Security": `max-age=${yearSeconds}` } : {}),
  }
}

/** Safari does not count WebSocket of the same host as `'self'`, so that it is spelled out; a source list has no IPv6 addresses. */
function contentSecurityPolicy(host: string | undefined): string {
  const sockets = host === undefined || host.startsWith("[") ? "" : ` ws://${host} wss://${host}`
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "worker-src 'self'",
    "img-src 'self'",
    "manifest-src 'self'",
    `connect-src 'self'${sockets}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types smpkit",
  ].join("; ")
}

/** A `Host` that can stand in a header of ours: a name or an address, and perhaps a port. */
export function plainHost(header: string | undefined): string | undefined {
  return header !== undefined &&
    header.length <= 255 &&
    /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/.test(header)
    ? header
    : undefined
}
