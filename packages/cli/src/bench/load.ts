import type { Bytes } from "@smpkit/codec"
import type { SmpClient } from "@smpkit/client"
import { type AuthAlg, generateKeyPair, type KeyPair, type Random } from "@smpkit/crypto"
import { maxBodyLength } from "@smpkit/smp"
import { CommandError } from "../failure.ts"
import { Arrivals } from "./arrivals.ts"

export interface LoadOptions {
  /** Opens a connection to the server under test. */
  readonly connect: () => Promise<SmpClient>
  /** The server's password for new queues. */
  readonly basicAuth: string | undefined
  readonly random: Random
  /** Milliseconds that never go back. */
  readonly now: () => number
  readonly queues: number
  readonly messages: number
  readonly bodySize: number
  /** Pairs of connections (one that receives, one that sends) over which the queues are spread. */
  readonly connections: number
  /** Runs the measured part, without the queues being made and deleted, so that the caller can measure more about it. */
  readonly around?: <T>(load: () => Promise<T>) => Promise<T>
}

export interface LoadResult {
  readonly smpVersion: number
  readonly messages: number
  readonly setupMs: number
  readonly elapsedMs: number
  /** SEND to MSG, for each message. */
  readonly latenciesMs: readonly number[]
}

/**
 * Moves messages through queues of a server: SEND → MSG → ACK, one in flight per queue, with bodies that do not compress.
 * The queues are deleted at the end. Rejects with `ClientError` for what the server refuses.
 */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const openedAt = options.now()
  const pairs: Pair[] = []
  try {
    for (let i = 0; i < options.connections; i++) pairs.push(await openPair(options))
    const [first] = pairs
    if (first === undefined) throw new RangeError("a load needs at least one pair of connections")
    const { version } = first.receiver
    if (options.bodySize > maxBodyLength(version))
      throw new CommandError(
        "USAGE",
        `a body has at most ${maxBodyLength(version)} bytes here: choose a smaller --body`,
      )
    const queues = await Promise.all(
      Array.from({ length: options.queues }, (_, i) => openQueue(pairs[i % pairs.length] ?? first, options)),
    )
    const body = options.random.bytes(options.bodySize)
    const readyAt = options.now()
    const share = Math.floor(options.messages / queues.length)
    const extra = options.messages % queues.length
    const around = options.around ?? ((load) => load())
    const { began, ended, latencies } = await around(async () => {
      const began = options.now()
      const latencies = await Promise.all(
        queues.map((queue, i) => drive(queue, share + (i < extra ? 1 : 0), body, options)),
      )
      return { began, ended: options.now(), latencies }
    })
    await Promise.all(queues.map((queue) => queue.pair.receiver.request({ type: "DEL" }, queue.recipient)))
    return {
      smpVersion: version,
      messages: options.messages,
      setupMs: readyAt - openedAt,
      elapsedMs: ended - began,
      latenciesMs: latencies.flat(),
    }
  } finally {
    await Promise.all(
      pairs.flatMap(({ receiver, sender }) => [
        receiver[Symbol.asyncDispose](),
        sender[Symbol.asyncDispose](),
      ]),
    )
  }
}

interface Pair {
  readonly receiver: SmpClient
  readonly sender: SmpClient
  readonly arrivals: Arrivals
}

interface Access {
  readonly entityId: Bytes
  readonly key: KeyPair<AuthAlg>
}

interface Queue {
  readonly pair: Pair
  readonly recipient: Access
  readonly sender: Access
}

async function openPair({ connect }: LoadOptions): Promise<Pair> {
  const receiver = await connect()
  const sender = await connect()
  const arrivals = new Arrivals()
  void arrivals.listen(receiver.events())
  void drain(sender.events())
  return { receiver, sender, arrivals }
}

async function openQueue(pair: Pair, { random, basicAuth }: LoadOptions): Promise<Queue> {
  const { receiver, sender } = pair
  const recipientKey = generateKeyPair("ed25519", random)
  // As agents do: the deniable authenticator where the version has it, a signature before.
  const senderKey: KeyPair<AuthAlg> = generateKeyPair(sender.version >= 7 ? "x25519" : "ed25519", random)
  const { recipientId, senderId } = await receiver.request(
    {
      type: "NEW",
      authKey: recipientKey.publicKey,
      dhKey: generateKeyPair("x25519", random).publicKey,
      basicAuth,
      subscribe: true,
      queueMode: "messaging",
    },
    { entityId: new Uint8Array(0), key: recipientKey },
  )
  const recipient: Access = { entityId: recipientId, key: recipientKey }
  await receiver.request({ type: "KEY", senderKey: senderKey.publicKey }, recipient)
  return { pair, recipient, sender: { entityId: senderId, key: senderKey } }
}

/** One after the other: the next SEND goes out when the ACK of the one before has been answered. */
async function drive(
  { pair, recipient, sender }: Queue,
  messages: number,
  body: Bytes,
  { now }: LoadOptions,
): Promise<number[]> {
  const latencies: number[] = []
  for (let i = 0; i < messages; i++) {
    const arrival = pair.arrivals.next(recipient.entityId)
    const sent = now()
    const [msgId] = await Promise.all([
      arrival.then((id) => {
        latencies.push(now() - sent)
        return id
      }),
      pair.sender.request({ type: "SEND", notification: false, body }, sender),
    ])
    await pair.receiver.request({ type: "ACK", msgId }, recipient)
  }
  return latencies
}

async function drain(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events) continue
}
