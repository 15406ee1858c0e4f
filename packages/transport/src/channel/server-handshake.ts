import { agreedVersion, type Bytes, concatBytes, type VersionRange, WireError } from "@smpkit/codec"
import { aesGcmSeal, hpkeOpenBase, type Random, sign, type XWing } from "@smpkit/crypto"
import type { ServerIdentity } from "../identity.ts"
import type { ChannelErrorCode, ChannelFailure } from "./failure.ts"
import { Inbox } from "./inbox.ts"
import { channelKeys, type ChannelKeys, helloHash, sessionKeyInfo, transcriptHash } from "./key-schedule.ts"
import {
  channelVersions,
  decodeKeyMessage,
  decodePreamble,
  encodeHello,
  encodeHelloBody,
  encodeRefusal,
  keyMessageSize,
  kinds,
  magic,
  type Preamble,
  preambleSize,
  signedInput,
} from "./messages.ts"
import { identityFor } from "./server-identities.ts"

// channel.md, "Checks" and "State machines": the server.

export interface ServerHandshakeOptions {
  readonly identities: readonly ServerIdentity[]
  readonly random: Random
  readonly xWing: XWing
  readonly versions?: VersionRange
}

/** What a server does after bytes of a client. */
export type ServerStep =
  /** Wait for more bytes. */
  | { readonly type: "wait" }
  /** P is good: call `hello`, or `busy` when a limit is reached. Comes once. */
  | { readonly type: "admit" }
  /** K is there: call `confirm`. Comes once. */
  | { readonly type: "key" }
  | FailedHandshake

/** Close; before that send what is to be sent, which is a refusal or nothing. */
export interface FailedHandshake {
  readonly type: "failed"
  readonly send: Bytes | undefined
  readonly failure: ChannelFailure
}

/** The client's session key was read: send C. `rest` are bytes of records that came too early, which no honest client sends. */
export interface OpenedHandshake {
  readonly type: "open"
  readonly send: Bytes
  readonly keys: ChannelKeys
  readonly identity: ServerIdentity
  readonly version: number
  readonly rest: Bytes
}

/** What is kept between two messages. A half-open handshake holds a seed and a hash; H is not kept. */
type State =
  | { readonly state: "waitPreamble" }
  | {
      readonly state: "admitting"
      readonly preamble: Bytes
      readonly identity: ServerIdentity
      readonly version: number
    }
  | {
      readonly state: "waitKey"
      readonly seed: Bytes
      readonly h1: Bytes
      readonly identity: ServerIdentity
      readonly version: number
    }
  | { readonly state: "done" }

const emptyData = new Uint8Array(0)
const zeroNonce = new Uint8Array(12)

/** The server's side of the handshake: bytes in, steps out. The two steps that cost a KEM operation are calls of their own, so that the caller can spread them. */
export class ServerHandshake {
  readonly #options: ServerHandshakeOptions
  readonly #versions: VersionRange
  readonly #inbox: Inbox = new Inbox()
  #state: State = { state: "waitPreamble" }

  constructor(options: ServerHandshakeOptions) {
    this.#options = options
    this.#versions = options.versions ?? channelVersions
  }

  /** Takes bytes of the client; call it with none after `hello`, since K may have come already. */
  receive(bytes: Bytes): ServerStep {
    this.#inbox.push(bytes)
    switch (this.#state.state) {
      case "waitPreamble":
        return this.#onPreamble()
      case "waitKey":
        return this.#onKey()
      case "admitting":
        return { type: "wait" }
      case "done":
        throw new RangeError("a handshake that is over")
      default:
        return this.#state satisfies never
    }
  }

  /** The stream ended. */
  end(): ChannelFailure {
    const message =
      this.#state.state === "waitPreamble"
        ? "the client closed before its preamble was complete"
        : "the client closed before it sent a session key"
    this.dispose()
    return { code: "TRUNCATED", message }
  }

  /** A limit is reached: the answer to `admit`. */
  busy(): FailedHandshake {
    return this.#fail("BUSY", "too many handshakes at once: the client was told to come again", "BUSY")
  }

  /** H, with a fresh KEM key and signed for this client: the answer to `admit`. */
  hello(): Bytes {
    const state = this.#state
    if (state.state !== "admitting") throw new RangeError("no preamble waits for a hello")
    const { preamble, identity, version } = state
    const { random, xWing } = this.#options
    const serverRandom = random.bytes(32)
    const seed = random.bytes(32)
    const signed = encodeHelloBody({
      versions: this.#versions,
      version,
      random: serverRandom,
      kemKey: xWing.publicKey(seed),
      chain: identity.chain,
    })
    const hello = encodeHello(signed, sign(identity.leafKey, signedInput(preamble, signed)))
    this.#state = { state: "waitKey", seed, h1: helloHash(preamble, hello), identity, version }
    return hello
  }

  /** Decapsulates, once, and erases the KEM key before anything is answered: the answer to `key`. */
  confirm(): OpenedHandshake | FailedHandshake {
    const state = this.#state
    const keyMessage = state.state === "waitKey" ? this.#inbox.take(keyMessageSize) : undefined
    if (state.state !== "waitKey" || keyMessage === undefined) throw new RangeError("no key message waits")
    const { seed, h1, identity, version } = state
    const { enc, sealed } = decodeKeyMessage(keyMessage)
    const sessionKey = hpkeOpenBase(this.#options.xWing, {
      seed,
      enc,
      info: sessionKeyInfo(h1),
      aad: emptyData,
      sealed,
    })
    seed.fill(0)
    if (sessionKey?.length !== 32) return this.#wrongKey()
    const h2 = transcriptHash(h1, keyMessage)
    const keys = channelKeys(h2, sessionKey)
    const send = concatBytes(
      Uint8Array.of(kinds.confirm),
      aesGcmSeal(keys.confirmKey, zeroNonce, emptyData, h2),
    )
    keys.confirmKey.fill(0)
    this.#state = { state: "done" }
    return { type: "open", send, keys, identity, version, rest: this.#inbox.rest() }
  }

  /** Erases what a handshake that is given up holds. */
  dispose(): void {
    if (this.#state.state === "waitKey") this.#state.seed.fill(0)
    this.#state = { state: "done" }
    this.#inbox.clear()
  }

  #onPreamble(): ServerStep {
    if (!this.#inbox.startsLike(magic))
      return this.#fail("PREAMBLE", "what came is not a channel's preamble: it was closed in silence")
    const bytes = this.#inbox.take(preambleSize)
    if (bytes === undefined) return { type: "wait" }
    const preamble = readPreamble(bytes)
    if (preamble === undefined)
      return this.#fail("PREAMBLE", "a preamble whose version range ends before it begins")
    const identity = identityFor(this.#options.identities, preamble.identity)
    if (identity === undefined)
      return this.#fail("IDENTITY", "the client expects another server: it was closed in silence")
    const version = agreedVersion(this.#versions, preamble.versions)
    if (version === undefined)
      return this.#fail("VERSION", "the client shares no version of the channel with this server", "VERSION")
    this.#inbox.compact()
    this.#state = { state: "admitting", preamble: new Uint8Array(bytes), identity, version }
    return { type: "admit" }
  }

  #onKey(): ServerStep {
    const first = this.#inbox.first
    if (first !== undefined && first !== kinds.key) return this.#wrongKey()
    return this.#inbox.size < keyMessageSize ? { type: "wait" } : { type: "key" }
  }

  #wrongKey(): FailedHandshake {
    return this.#fail("KEY", "the client's session key does not decrypt", "KEY")
  }

  #fail(code: ChannelErrorCode, message: string, refusal?: "BUSY" | "VERSION" | "KEY"): FailedHandshake {
    this.dispose()
    const send = refusal === undefined ? undefined : encodeRefusal(refusal)
    return { type: "failed", send, failure: { code, message } }
  }
}

function readPreamble(bytes: Bytes): Preamble | undefined {
  try {
    return decodePreamble(bytes)
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
}
