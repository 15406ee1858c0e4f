import type { Bytes, VersionRange } from "@smpkit/codec"
import { loadXWing, type Random, type XWing } from "@smpkit/crypto"
import type { ByteStream } from "../byte-stream.ts"
import type { Clock } from "../clock.ts"
import { withDeadline } from "../deadline.ts"
import { TransportError } from "../errors.ts"
import type { ServerIdentity } from "../identity.ts"
import type { BlockStream } from "../transport.ts"
import { ChannelStream } from "./channel-stream.ts"
import { openConnection } from "./connection.ts"
import { channelError } from "./failure.ts"
import type { ChannelLimits } from "./limits.ts"
import {
  type FailedHandshake,
  type OpenedHandshake,
  ServerHandshake,
  type ServerStep,
} from "./server-handshake.ts"

export interface ChannelServerOptions {
  /** All that answer on this port; `checkServerIdentities` says beforehand whether they fit. */
  readonly identities: readonly ServerIdentity[]
  readonly clock: Clock
  readonly random: Random
  /** Shared by all handshakes of the process. */
  readonly limits: ChannelLimits
  /** The client's network address, for limits by prefix; none behind a proxy. It is neither kept nor logged, and its prefix as long as the channel. */
  readonly address?: string | undefined
  /** `loadXWing` unless given. */
  readonly xWing?: XWing
  readonly versions?: VersionRange
  readonly signal?: AbortSignal | undefined
  /** From accepting to the whole preamble. */
  readonly preambleTimeoutMs?: number
  /** From the server's hello to the client's whole key. */
  readonly keyTimeoutMs?: number
}

/** A server's end of a channel. */
export interface ServerChannel extends BlockStream {
  /** The identity that the client asked for, with which the SMP handshake goes on. */
  readonly identity: ServerIdentity
}

// channel.md, "Limits" and "Errors".
const defaultPreambleTimeoutMs = 10_000
const defaultKeyTimeoutMs = 20_000
const refusalLingerMs = 1_000
const refusalLingerBytes = 65_536
const nothing: Bytes = new Uint8Array(0)

/**
 * Accepts a channel on a stream of bytes that just arrived. A client that does not name one of the identities gets no byte; afterwards it is told why it is
 * refused. On failure the stream is closed. Throws `TransportError` `PREAMBLE`, `FINGERPRINT`, `VERSION`, `BUSY`, `KEY`, `TRUNCATED`, `TIMEOUT` or `CLOSED`, or the
 * signal's reason: a peer's fault, to be counted and at most logged as a code.
 */
export async function channelServer(
  stream: ByteStream,
  options: ChannelServerOptions,
): Promise<ServerChannel> {
  const stop = (): void => {
    stream.destroy()
  }
  // First, so that a crowd of silent connections is bounded whatever else happens.
  const place = options.limits.accept(stop)
  try {
    const handshake = new ServerHandshake({
      identities: options.identities,
      random: options.random,
      xWing: options.xWing ?? (await loadXWing()),
      ...(options.versions === undefined ? {} : { versions: options.versions }),
    })
    try {
      return await run(stream, handshake, options, place)
    } finally {
      handshake.dispose()
    }
  } catch (error) {
    if (!(error instanceof Refusing)) {
      stop()
      throw error
    }
    // The caller learns it at once; the refusal takes its time to arrive.
    void sayRefusal(stream, error.send, options.clock)
    throw channelError(error.failed.failure)
  } finally {
    place[Symbol.dispose]()
  }
}

async function run(
  stream: ByteStream,
  handshake: ServerHandshake,
  options: ChannelServerOptions,
  silentPlace: Disposable,
): Promise<ServerChannel> {
  const { clock, limits, signal, address } = options
  const stop = (): void => {
    stream.destroy()
  }
  const { preambleTimeoutMs = defaultPreambleTimeoutMs, keyTimeoutMs = defaultKeyTimeoutMs } = options
  await withDeadline(
    { clock, timeoutMs: preambleTimeoutMs, signal, what: "the client's preamble" },
    stop,
    () => received(stream, handshake, "admit"),
  )
  silentPlace[Symbol.dispose]()
  const place = limits.admit(address, stop)
  if (place === undefined) throw new Refusing(handshake.busy())
  let gone = false
  void stream.closed.then(() => {
    gone = true
  })
  // Work for a connection that ended while it waited for its turn would be wasted.
  const ifThere = <T>(work: () => T) => {
    return (): T => {
      if (gone) throw new TransportError("CLOSED", "the connection is closed")
      return work()
    }
  }
  try {
    const hello = await limits.work(
      "begin",
      ifThere(() => handshake.hello()),
    )
    await withDeadline(
      { clock, timeoutMs: keyTimeoutMs, signal, what: "the client's key" },
      stop,
      async () => {
        await stream.write(hello)
        await received(stream, handshake, "key")
      },
    )
  } finally {
    place[Symbol.dispose]()
  }
  const opened = await limits.work(
    "end",
    ifThere(() => handshake.confirm()),
  )
  if (opened.type === "failed") throw new Refusing(opened)
  return await serve(stream, opened, options)
}

/** Reads until the handshake wants what `wanted` names. */
async function received(
  stream: ByteStream,
  handshake: ServerHandshake,
  wanted: "admit" | "key",
): Promise<void> {
  let step: ServerStep = handshake.receive(nothing)
  while (step.type !== wanted) {
    if (step.type === "failed") throw new Refusing(step)
    const bytes = await stream.read()
    if (bytes === undefined) throw channelError(handshake.end())
    step = handshake.receive(bytes)
  }
}

async function serve(
  stream: ByteStream,
  { send, keys, identity, rest }: OpenedHandshake,
  { clock, limits, address }: ChannelServerOptions,
): Promise<ServerChannel> {
  keys.exporter.fill(0)
  await stream.write(send)
  const unused = limits.open(() => {
    stream.destroy()
  })
  return new IdentifiedStream(stream, openConnection("server", keys), {
    identity,
    sessionId: keys.sessionId,
    peerChain: [],
    clock,
    prefix: address === undefined ? undefined : limits.prefixOf(address),
    rest,
    onFirstBlock: () => {
      unused[Symbol.dispose]()
    },
  })
}

class IdentifiedStream extends ChannelStream implements ServerChannel {
  readonly identity: ServerIdentity

  constructor(
    stream: ByteStream,
    connection: ReturnType<typeof openConnection>,
    facts: ConstructorParameters<typeof ChannelStream>[2] & { readonly identity: ServerIdentity },
  ) {
    super(stream, connection, facts)
    this.identity = facts.identity
  }
}

/** A handshake that failed by the protocol; it does not leave this file. */
class Refusing extends Error {
  readonly failed: FailedHandshake
  constructor(failed: FailedHandshake) {
    super(failed.failure.message)
    this.failed = failed
  }

  get send(): Bytes | undefined {
    return this.failed.send
  }
}

/** Sends a refusal, and waits a little for the client's end: a reset because of unread bytes would overtake it. Without one the stream is closed in silence. */
async function sayRefusal(stream: ByteStream, refusal: Bytes | undefined, clock: Clock): Promise<void> {
  if (refusal !== undefined) {
    using _timer = clock.setTimer(refusalLingerMs, () => {
      stream.destroy()
    })
    try {
      await stream.write(refusal)
    } catch (error) {
      if (!(error instanceof TransportError)) throw error
    }
    await stream.end()
    let thrownAway = 0
    for (
      let bytes = await stream.read();
      bytes !== undefined && thrownAway < refusalLingerBytes;
      bytes = await stream.read()
    )
      thrownAway += bytes.length
  }
  stream.destroy()
}
