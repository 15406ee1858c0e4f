import { TransportError, type TransportErrorCode } from "../errors.ts"

type Sentence = readonly [code: TransportErrorCode, sentence: string]

// What the platform calls it → what it means. The names of OpenSSL's reasons are those of its version 3.
const sentences = new Map<string, Sentence>([
  ["ECONNREFUSED", ["NETWORK", "nothing listens there"]],
  ["ECONNRESET", ["NETWORK", "the connection was reset"]],
  ["EPIPE", ["NETWORK", "the connection was reset"]],
  ["ETIMEDOUT", ["NETWORK", "the network gave no answer"]],
  ["EHOSTUNREACH", ["NETWORK", "there is no route to it"]],
  ["ENETUNREACH", ["NETWORK", "there is no route to it"]],
  ["ENOTFOUND", ["NETWORK", "its name is not known"]],
  ["EAI_AGAIN", ["NETWORK", "its name could not be looked up"]],
  ["EADDRINUSE", ["NETWORK", "the port is in use by another program"]],
  ["EACCES", ["NETWORK", "this user may not use the port"]],
  ["EADDRNOTAVAIL", ["NETWORK", "this machine does not have that address"]],
  [
    "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
    ["ALPN", "it does not speak SMP (no common application protocol)"],
  ],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", ["HANDSHAKE", "it does not speak TLS 1.3"]],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", ["HANDSHAKE", "it does not speak TLS 1.3"]],
  [
    "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
    ["HANDSHAKE", "it shares no cipher, group or signature algorithm with this program"],
  ],
  ["ERR_SSL_WRONG_VERSION_NUMBER", ["HANDSHAKE", "it does not speak TLS"]],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", ["HANDSHAKE", "it does not speak TLS"]],
  ["ERR_SSL_WRONG_SIGNATURE_TYPE", ["HANDSHAKE", "its certificate is neither Ed25519 nor Ed448"]],
  ["ERR_SSL_NO_SHARED_CIPHER", ["HANDSHAKE", "it shares no cipher with this program"]],
  ["ERR_SSL_UNEXPECTED_EOF_WHILE_READING", ["NETWORK", "the connection was cut"]],
])

/** An error of the platform as one of ours: `subject` says what failed, and the sentence why. Errors of ours pass. */
export function asTransportError(error: unknown, subject: string): TransportError {
  if (error instanceof TransportError) return error as TransportError
  const code = codeOf(error)
  const [ours, sentence] = sentences.get(code) ?? unknownReason(code)
  return new TransportError(ours, `${subject}: ${sentence}`, { cause: error })
}

function unknownReason(code: string): Sentence {
  if (code.startsWith("ERR_SSL_")) {
    const reason = code.slice("ERR_SSL_".length).toLowerCase().replaceAll("_", " ")
    return ["HANDSHAKE", `TLS failed (${reason})`]
  }
  return ["NETWORK", `the connection failed (${code})`]
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : "unknown reason"
}
