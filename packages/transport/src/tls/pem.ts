import { type Bytes } from "@smpkit/codec"
import { TransportError } from "../errors.ts"

// RFC 7468.

/** `CERTIFICATE` or `PRIVATE KEY`. */
export type PemLabel = "CERTIFICATE" | "PRIVATE KEY"

/** DER as text, with a line end at its end. */
export function encodePem(label: PemLabel, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString("base64")
  return `-----BEGIN ${label}-----\n${base64.replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`
}

/** DER of every block with this label, in the order of the text. Throws `TransportError CERTIFICATE` when there is none. */
export function decodePem(label: PemLabel, text: string): readonly [Bytes, ...Bytes[]] {
  const pattern = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, "g")
  const [first, ...more] = Array.from(
    text.matchAll(pattern),
    ([, body = ""]) => new Uint8Array(Buffer.from(body, "base64")),
  )
  if (first === undefined) throw new TransportError("CERTIFICATE", `no ${label.toLowerCase()} in this text`)
  return [first, ...more]
}
