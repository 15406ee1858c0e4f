import { agreedVersion, type Bytes, formatVersionRange, type VersionRange, WireError } from "@smpkit/codec"
import {
  aesGcmOpen,
  CryptoError,
  equalBytes,
  hpkeSealBase,
  type PublicKey,
  type Random,
  type SignAlg,
  verify,
  type XWing,
} from "@smpkit/crypto"
import { TransportError } from "../errors.ts"
import { checkDates, checkedIssuers, hasFingerprint, otherServer } from "../identity.ts"
import type { ChannelErrorCode, ChannelFailure } from "./failure.ts"
import { Inbox } from "./inbox.ts"
import { channelKeys, type ChannelKeys, helloHash, sessionKeyInfo, transcriptHash } from "./key-schedule.ts"
import {
  channelVersions,
  confirmSize,
  decodeHello,
  encodeKeyMessage,
  encodePreamble,
  helloSize,
  kinds,
  refusalName,
  refusalSize,
  signedInput,
  type UnverifiedHello,
} from "./messages.ts"

// channel.md, "Checks" and "State machines": the client.

export interface ClientHandshakeOptions {
  /** The fingerprint of the server's address. */
  readonly keyHash: Bytes
  readonly random: Random
  readonly xWing: XWing
  /** Milliseconds since 1970-01-01 UTC, read once, when H has come. */
  readonly now: () => number
  readonly versions?: VersionRange
}

/** What a client does next. `key` and `open` come once each, in this order. */
export type ClientStep =
  /** Wait for more bytes. */
  | { readonly type: "wait" }
  /** The server is the one of the address: send K. */
  | { readonly type: "key"; readonly send: Bytes }
  /** The server has the session key. `rest` are bytes of records that came with C. */
  | {
      readonly type: "open"
      readonly keys: ChannelKeys
      readonly chain: readonly Bytes[]
      readonly version: number
      readonly rest: Bytes
    }
  /** Close, and send nothing. */
  | { readonly type: "failed"; readonly failure: ChannelFailure }

type State =
  | { readonly state: "waitHello" }
  | {
      readonly state: "waitConfirm"
      readonly h2: Bytes
      readonly keys: ChannelKeys
      readonly chain: readonly Bytes[]
      readonly version: number
    }
  | { readonly state: "done" }

const emptyData = new Uint8Array(0)
const zeroNonce = new Uint8Array(12)

/** The client's side of the handshake: bytes in, steps out, no clock and no stream of its own. */
export class ClientHandshake {
  /** P: what to send first. */
  readonly preamble: Bytes
  readonly #options: ClientHandshakeOptions
  readonly #versions: VersionRange
  readonly #inbox: Inbox = new Inbox()
  #state: State = { state: "waitHello" }

  constructor(options: ClientHandshakeOptions) {
    this.#options = options
    this.#versions = options.versions ?? channelVersions
    this.preamble = encodePreamble({
      versions: this.#versions,
      random: options.random.bytes(32),
      identity: options.keyHash,
    })
  }

  /** Takes bytes of the server and says what follows; call it with none after `key`, since C may have come already. */
  receive(bytes: Bytes): ClientStep {
    this.#inbox.push(bytes)
    const state = this.#state
    switch (state.state) {
      case "waitHello":
        return this.#onHello()
      case "waitConfirm":
        return this.#onConfirm(state)
      case "done":
        throw new RangeError("a handshake that is over")
      default:
        return state satisfies never
    }
  }

  /** The stream ended. */
  end(): ChannelFailure {
    const waitedForHello = this.#state.state === "waitHello"
    const nothingCame = this.#inbox.size === 0
    this.dispose()
    return {
      code: "TRUNCATED",
      message: waitedForHello
        ? nothingCame
          ? "the server closed without an answer: it is not the server of this address, or has no channel on this port"
          : "the connection ended inside the server's hello"
        : "the connection ended before the server confirmed the session key: try again",
    }
  }

  /** Erases what a handshake that is given up holds. */
  dispose(): void {
    if (this.#state.state === "waitConfirm") eraseKeys(this.#state.keys)
    this.#state = { state: "done" }
  }

  #onHello(): ClientStep {
    const first = this.#inbox.first
    if (first === undefined) return { type: "wait" }
    if (first === kinds.refusal) return this.#onRefusal()
    if (first !== kinds.hello)
      return this.#fail(
        "HELLO",
        `the server does not speak the channel on this port (its answer begins with the byte ${first}): check the port of the address`,
      )
    const bytes = this.#inbox.take(helloSize)
    if (bytes === undefined) return { type: "wait" }
    try {
      return this.#answer(bytes)
    } catch (error) {
      if (error instanceof Refused) return this.#fail(error.code, error.message, { cause: error.cause })
      throw error
    }
  }

  #answer(bytes: Bytes): ClientStep {
    const { keyHash, random, xWing, now } = this.#options
    const hello = checkedForm(bytes)
    const version = this.#checkedVersion(hello)
    if (!hasFingerprint(hello.chain, keyHash))
      throw new Refused("IDENTITY", `${otherServer(hello.chain, keyHash)}: check the address`)
    const leafKey = checkedChain(hello.chain, now())
    if (!verify(leafKey, signedInput(this.preamble, hello.signed), hello.signature))
      throw new Refused(
        "SIGNATURE",
        "the server's hello is not signed by its certificate, or was changed on the way: somebody may stand between",
      )
    const h1 = helloHash(this.preamble, bytes)
    const sessionKey = random.bytes(32)
    const randomness = random.bytes(64)
    try {
      const send = encodeKeyMessage(
        hpkeSealBase(xWing, {
          publicKey: hello.kemKey,
          info: sessionKeyInfo(h1),
          aad: emptyData,
          plaintext: sessionKey,
          randomness,
        }),
      )
      const h2 = transcriptHash(h1, send)
      const keys = channelKeys(h2, sessionKey)
      this.#state = { state: "waitConfirm", h2, keys, chain: hello.chain, version }
      return { type: "key", send }
    } catch (error) {
      if (error instanceof CryptoError)
        throw new Refused("KEM_KEY", "the server's fresh key cannot be used: the server is broken", error)
      throw error
    } finally {
      sessionKey.fill(0)
      randomness.fill(0)
    }
  }

  #checkedVersion({ versions: theirs, version }: UnverifiedHello): number {
    const ours = this.#versions
    if (agreedVersion(ours, theirs) !== version)
      throw new Refused(
        "VERSION",
        `the server speaks channel ${formatVersionRange(theirs)} and chose ${version}, this program speaks ${formatVersionRange(ours)}: update the older of the two`,
      )
    return version
  }

  #onConfirm(state: State & { readonly state: "waitConfirm" }): ClientStep {
    const first = this.#inbox.first
    if (first === undefined) return { type: "wait" }
    if (first === kinds.refusal) return this.#onRefusal()
    const failed = (): ClientStep =>
      this.#fail(
        "CONFIRM",
        "the server did not prove that it has the session key: somebody may stand between",
      )
    if (first !== kinds.confirm) return failed()
    const bytes = this.#inbox.take(confirmSize)
    if (bytes === undefined) return { type: "wait" }
    const { h2, keys, chain, version } = state
    if (!confirms(keys.confirmKey, bytes.subarray(1), h2)) return failed()
    keys.confirmKey.fill(0)
    this.#state = { state: "done" }
    return { type: "open", keys, chain, version, rest: this.#inbox.rest() }
  }

  #onRefusal(): ClientStep {
    const code = this.#inbox.take(refusalSize)?.[1]
    if (code === undefined) return { type: "wait" }
    const name = refusalName(code)
    return this.#fail("REFUSED", refusalSentence(name), { detail: name })
  }

  #fail(
    code: ChannelErrorCode,
    message: string,
    more: Pick<ChannelFailure, "detail" | "cause"> = {},
  ): ClientStep {
    this.dispose()
    return { type: "failed", failure: { code, message, ...more } }
  }
}

/** A check of the hello that failed; it does not leave this file. */
class Refused extends Error {
  readonly code: ChannelErrorCode
  constructor(code: ChannelErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

function checkedForm(bytes: Bytes): UnverifiedHello {
  try {
    return decodeHello(bytes)
  } catch (error) {
    if (error instanceof WireError)
      throw new Refused("HELLO", `the server's hello cannot be read: ${error.message}`, error)
    throw error
  }
}

/** The leaf's key. The chain comes before the dates, so that a forged certificate is never called an expired one. */
function checkedChain(chain: readonly Bytes[], now: number): PublicKey<SignAlg> {
  const examine = <T>(code: ChannelErrorCode, check: () => T): T => {
    try {
      return check()
    } catch (error) {
      if (error instanceof TransportError) throw new Refused(code, error.message, error)
      throw error
    }
  }
  const parsed = examine("CHAIN", () => checkedIssuers(chain))
  examine("EXPIRED", () => {
    checkDates(parsed, now)
  })
  return parsed[0].publicKey
}

function confirms(key: Bytes, sealed: Bytes, h2: Bytes): boolean {
  try {
    return equalBytes(aesGcmOpen(key, zeroNonce, emptyData, sealed), h2)
  } catch (error) {
    if (error instanceof CryptoError) return false
    throw error
  }
}

function eraseKeys(keys: ChannelKeys): void {
  keys.confirmKey.fill(0)
  keys.exporter.fill(0)
  keys.client[Symbol.dispose]()
  keys.server[Symbol.dispose]()
}

function refusalSentence(name: ReturnType<typeof refusalName>): string {
  switch (name) {
    case "BUSY":
      return "the server is busy: try again in a minute"
    case "VERSION":
      return "the server says that it shares no version of the channel with this program: update the older of the two"
    case "KEY":
      return "the server could not read the session key: something changes the bytes on the way, or one side is broken"
    default:
      return `the server refuses with the number ${name}, which this program does not know: update this program`
  }
}
