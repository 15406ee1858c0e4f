import type { Bytes, VersionRange } from "@smpkit/codec"
import { loadXWing, type Random, type XWing } from "@smpkit/crypto"
import type { ByteStream } from "../byte-stream.ts"
import type { Clock } from "../clock.ts"
import { withDeadline } from "../deadline.ts"
import type { BlockStream } from "../transport.ts"
import { ChannelStream } from "./channel-stream.ts"
import { ClientHandshake, type ClientStep } from "./client-handshake.ts"
import { openConnection } from "./connection.ts"
import { channelError } from "./failure.ts"

export interface ChannelClientOptions {
  /** The fingerprint of the server's address. */
  readonly keyHash: Bytes
  readonly clock: Clock
  readonly random: Random
  /** `loadXWing` unless given. */
  readonly xWing?: XWing
  readonly versions?: VersionRange
  readonly signal?: AbortSignal | undefined
  /** For the whole handshake. */
  readonly timeoutMs?: number
}

// channel.md, "Limits": an interactive client's time.
const clientTimeoutMs = 15_000
const nothing: Bytes = new Uint8Array(0)

/**
 * Makes a channel over a stream of bytes: proves that the server is the one of the address before anything but the request itself is sent, then agrees on keys
 * (channel.md, "The seven steps"). On failure the stream is destroyed, and nothing is tried with less. Throws `TransportError` `FINGERPRINT`, `CERTIFICATE`,
 * `VERSION`, `HANDSHAKE`, `REFUSED`, `TRUNCATED`, `TIMEOUT` or `CLOSED`, or the signal's reason; its `cause` is a `ChannelFailure` with the protocol's own code.
 */
export async function channelClient(
  stream: ByteStream,
  { keyHash, clock, random, xWing, versions, signal, timeoutMs = clientTimeoutMs }: ChannelClientOptions,
): Promise<BlockStream> {
  const stop = (): void => {
    stream.destroy()
  }
  try {
    return await withDeadline(
      { clock, timeoutMs, signal, what: "the server's handshake" },
      stop,
      async () => {
        const handshake = new ClientHandshake({
          keyHash,
          random,
          xWing: xWing ?? (await loadXWing()),
          now: () => clock.now(),
          ...(versions === undefined ? {} : { versions }),
        })
        try {
          return await run(stream, handshake, clock)
        } finally {
          handshake.dispose()
        }
      },
    )
  } catch (error) {
    stop()
    throw error
  }
}

async function run(stream: ByteStream, handshake: ClientHandshake, clock: Clock): Promise<BlockStream> {
  await stream.write(handshake.preamble)
  let step: ClientStep = { type: "wait" }
  for (;;) {
    switch (step.type) {
      case "wait": {
        const bytes = await stream.read()
        if (bytes === undefined) throw channelError(handshake.end())
        step = handshake.receive(bytes)
        break
      }
      case "key":
        await stream.write(step.send)
        step = handshake.receive(nothing)
        break
      case "failed":
        throw channelError(step.failure)
      case "open": {
        const { keys, chain, rest } = step
        keys.exporter.fill(0)
        const { sessionId } = keys
        return new ChannelStream(stream, openConnection("client", keys), {
          sessionId,
          peerChain: chain,
          clock,
          rest,
        })
      }
      default:
        return step satisfies never
    }
  }
}
