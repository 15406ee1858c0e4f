import { type Bytes, concatBytes, utf8 } from "@smpkit/codec"
import { hmacSha256, sha256 } from "@smpkit/crypto"
import { labelPrefix } from "./messages.ts"

// channel.md, "Keys". Erasing overwrites the arrays: more is not to be had in JavaScript.

/** Records under one key. */
export const epochSize = 4_096

/** h1: what both sides saw until the client sends its key. */
export function helloHash(preamble: Bytes, hello: Bytes): Bytes {
  return sha256(preamble, hello)
}

/** h2, the transcript hash. */
export function transcriptHash(h1: Bytes, keyMessage: Bytes): Bytes {
  return sha256(h1, keyMessage)
}

/** What HPKE binds the session key to. */
export function sessionKeyInfo(h1: Bytes): Bytes {
  return concatBytes(utf8(`${labelPrefix}session key`), Uint8Array.of(0), h1)
}

/** HKDF-Expand to one hash. */
function expand(secret: Uint8Array, name: string): Bytes {
  return hmacSha256(secret, utf8(labelPrefix + name), Uint8Array.of(1))
}

/** What session key and transcript give. */
export interface ChannelKeys {
  readonly confirmKey: Bytes
  readonly sessionId: Bytes
  /** Of the direction from the client to the server. */
  readonly client: EpochKeys
  readonly server: EpochKeys
  readonly exporter: Bytes
}

/** Derives everything from the session key, which is erased. */
export function channelKeys(h2: Bytes, sessionKey: Bytes): ChannelKeys {
  const master = hmacSha256(h2, sessionKey)
  sessionKey.fill(0)
  const keys = {
    confirmKey: expand(master, "confirm"),
    sessionId: expand(master, "session id"),
    exporter: expand(master, "exporter"),
    client: new EpochKeys(expand(master, "client")),
    server: new EpochKeys(expand(master, "server")),
  }
  master.fill(0)
  return keys
}

/** Keying material for a use outside the channel: HKDF-Expand of the exporter. */
export function exportKey(exporter: Bytes, label: string, length: number): Bytes {
  if (length > 255 * 32) throw new RangeError("HKDF gives at most 255 hashes")
  const info = utf8(`${labelPrefix}export ${label}`)
  const out = new Uint8Array(length)
  let previous: Bytes = new Uint8Array(0)
  for (let at = 0, counter = 1; at < length; at += 32, counter++) {
    previous = hmacSha256(exporter, previous, info, Uint8Array.of(counter))
    out.set(previous.subarray(0, length - at), at)
  }
  return out
}

/** The keys of one direction, one epoch after the other; the key and secret of an epoch are erased when the next begins. */
export class EpochKeys implements Disposable {
  #secret: Bytes
  #key: Bytes
  #epoch = 0

  /** Takes the secret of epoch 0, which then belongs to it. */
  constructor(secret: Bytes) {
    this.#secret = secret
    this.#key = expand(secret, "key")
  }

  /** The key for a record; lent until the next call. The numbers never go back. */
  keyFor(number: number): Bytes {
    const epoch = Math.floor(number / epochSize)
    if (epoch < this.#epoch) throw new RangeError("an epoch that is over")
    while (this.#epoch < epoch) {
      const next = expand(this.#secret, "next")
      this[Symbol.dispose]()
      this.#secret = next
      this.#key = expand(next, "key")
      this.#epoch++
    }
    return this.#key
  }

  [Symbol.dispose](): void {
    this.#secret.fill(0)
    this.#key.fill(0)
  }
}
