import type { Bytes } from "@smpkit/codec"
import { systemRandom } from "@smpkit/crypto"
import { bytePipe, type BytePipe, type BytePipeOptions, FakeClock } from "@smpkit/testkit"
import type { BlockStream } from "@smpkit/transport"
import {
  channelClient,
  type ChannelClientOptions,
  type ChannelFailure,
  ChannelLimits,
  channelServer,
  type ChannelServerOptions,
  type ServerChannel,
} from "@smpkit/transport/channel"
import { chainTime, goodChains, identityOf } from "../chains.ts"
import { xWing } from "./helpers.ts"

export const identity = identityOf(goodChains["two, Ed25519"])
export const blockSize = 16_384
export const recordSize = 16_401

export interface PairOptions extends BytePipeOptions {
  readonly client?: Partial<ChannelClientOptions>
  readonly server?: Partial<ChannelServerOptions>
  readonly clock?: FakeClock
}

/** Both sides of a handshake over memory. */
export interface Pair {
  readonly pipe: BytePipe
  readonly clock: FakeClock
  readonly client: Promise<BlockStream>
  readonly server: Promise<ServerChannel>
}

/** Limits whose turns are those of the tests' event loop. */
export function testLimits(
  clock: FakeClock,
  options: Partial<ConstructorParameters<typeof ChannelLimits>[0]> = {},
): ChannelLimits {
  return new ChannelLimits({ clock, nextTurn: () => Promise.resolve(), ...options })
}

export function startServer(
  pipe: BytePipe,
  clock: FakeClock,
  options: Partial<ChannelServerOptions> = {},
): Promise<ServerChannel> {
  const promise = channelServer(pipe.server, {
    identities: [identity],
    clock,
    random: systemRandom,
    limits: testLimits(clock),
    xWing,
    ...options,
  })
  promise.catch(() => undefined)
  return promise
}

export function startClient(
  pipe: BytePipe,
  clock: FakeClock,
  options: Partial<ChannelClientOptions> = {},
): Promise<BlockStream> {
  const promise = channelClient(pipe.client, {
    keyHash: identity.keyHash,
    clock,
    random: systemRandom,
    xWing,
    ...options,
  })
  promise.catch(() => undefined)
  return promise
}

export function start({
  client,
  server,
  clock = new FakeClock(chainTime),
  ...options
}: PairOptions = {}): Pair {
  const pipe = bytePipe(options)
  return {
    pipe,
    clock,
    server: startServer(pipe, clock, server),
    client: startClient(pipe, clock, client),
  }
}

/** Both ends of an open channel. */
export async function opened(options: PairOptions = {}): Promise<{
  readonly client: BlockStream
  readonly server: ServerChannel
  readonly pipe: BytePipe
  readonly clock: FakeClock
}> {
  const pair = start(options)
  const [client, server] = await Promise.all([pair.client, pair.server])
  return { client, server, pipe: pair.pipe, clock: pair.clock }
}

/** A block that no other number gives. */
export function numbered(n: number): Bytes {
  const block = new Uint8Array(blockSize).fill(n & 0xff)
  new DataView(block.buffer).setUint32(0, n)
  return block
}

/** The number of such a block. */
export function numberOf(block: Bytes | undefined): number | undefined {
  return block && new DataView(block.buffer, block.byteOffset).getUint32(0)
}

/** The protocol's own code of an error, and its detail. */
export function codeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as Partial<ChannelFailure> | undefined) : undefined
  if (cause?.code === undefined) return String(error)
  return cause.detail === undefined ? cause.code : `${cause.code} ${cause.detail}`
}

/** What a promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error("it succeeded")
}

/** A copy with a bit of one byte changed. */
export function flipped(bytes: Bytes, at: number): Bytes {
  const copy = bytes.slice()
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
