import { type Bytes, type Codec, decode, encode, fixed, optional, rest, struct, u16 } from "@smpkit/codec"
import {
  authPublicKey,
  type BoxKey,
  boxNonceSize,
  openPaddedBox,
  type PublicKey,
  sealPaddedBox,
  x25519PublicKey,
} from "@smpkit/crypto"
import type { AuthKey } from "./authorization.ts"
import type { SmpVersion } from "./version.ts"

// smp-client-crypto.md, "Envelope = SEND body".

/** The body of SEND: what the server stores and cannot read. */
export interface ClientEnvelope {
  /** SMP client version. */
  readonly version: number
  /** The sender's key of the queue's box: present in confirmations and contact requests. */
  readonly senderKey: PublicKey<"x25519"> | undefined
  readonly nonce: Bytes
  readonly encBody: Bytes
}

/** `K`: the key that the recipient shall set with KEY. `_`: nothing. */
export type PrivateHeader = { readonly type: "K"; readonly senderKey: AuthKey } | { readonly type: "_" }

/** What is inside an envelope. */
export interface ClientMessage {
  readonly header: PrivateHeader
  readonly payload: Bytes
}

/** Padded lengths of a message in an envelope with the sender's key (confirmation, contact request) and of any later one. */
export const confirmationLength = 15904
export const messageLength = 16000

export const clientEnvelope: Codec<ClientEnvelope> = struct({
  version: u16,
  senderKey: optional(x25519PublicKey),
  nonce: fixed(boxNonceSize),
  encBody: rest,
})

const privateHeader: Codec<PrivateHeader> = {
  write: (w, v) => {
    w.u8(v.type.charCodeAt(0))
    if (v.type === "K") authPublicKey.write(w, v.senderKey)
  },
  read: (r) => {
    switch (r.u8()) {
      case 0x4b:
        return { type: "K", senderKey: authPublicKey.read(r) }
      case 0x5f:
        return { type: "_" }
      default:
        return r.fail("neither K nor _")
    }
  },
}

const clientMessage: Codec<ClientMessage> = struct({ header: privateHeader, payload: rest })

/**
 * The body of SEND for a message. `key` comes from the secret of sender and recipient, `nonce` is fresh (24 bytes).
 * Throws `RangeError` for a payload above `maxPayloadLength`.
 */
export function sealClientMessage(
  key: BoxKey,
  { version, senderKey, nonce }: Omit<ClientEnvelope, "encBody">,
  message: ClientMessage,
): Bytes {
  const encBody = sealPaddedBox(key, nonce, encode(clientMessage, message), paddedLength(senderKey))
  return encode(clientEnvelope, { version, senderKey, nonce, encBody })
}

/** Opens an envelope, whatever its padded length. Throws `CryptoError DECRYPT`, and `WireError` for content that is no message. */
export function openClientMessage(key: BoxKey, envelope: ClientEnvelope): ClientMessage {
  return decode(clientMessage, openPaddedBox(key, envelope.nonce, envelope.encBody))
}

/** Reads the body of SEND. Throws `WireError`. */
export function parseClientEnvelope(body: Uint8Array): ClientEnvelope {
  return decode(clientEnvelope, body)
}

function paddedLength(senderKey: PublicKey<"x25519"> | undefined): number {
  return senderKey === undefined ? messageLength : confirmationLength
}

/** How many bytes a payload may have behind a header. */
export function maxPayloadLength(senderKey: PublicKey<"x25519"> | undefined, header: PrivateHeader): number {
  return paddedLength(senderKey) - 2 - encode(privateHeader, header).length
}

/** The longest body of SEND that a server takes on a version (smp-commands.md, "SEND"). */
export function maxBodyLength(version: SmpVersion): number {
  if (version < 8) return 16088
  return version < 11 ? 16064 : 16048
}
