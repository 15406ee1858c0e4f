import { describe, expect, inject, test } from "vitest"
import { keyPairOf, loadXWing, PrivateKey, type SignAlg, systemRandom } from "@smpkit/crypto"
import { Vector } from "@smpkit/testkit"
import { type Clock, serverIdentity, systemClock, TransportError } from "@smpkit/transport"
import { channelClient, ChannelLimits, channelServer } from "@smpkit/transport/channel"
import { connectWebSocket } from "@smpkit/transport/websocket"
import channel from "../../../testkit/vectors/channel.json" with { type: "json" }
import { transportSuite } from "../transport-suite.ts"
import type {} from "./carrier-server.ts"
import { RemoteEnd } from "./remote-end.ts"

const vectors = new Vector(channel, "channel")
const key = vectors.at("keys", "leaf25519")
const identity = serverIdentity(
  ["leaf25519", "ca25519"].map((name) => vectors.at("certificates", name).bytes()),
  keyPairOf(new PrivateKey<SignAlg>(key.at("alg").text() as SignAlg, key.at("seed").bytes())),
)
// Real timers, in the year of the recorded certificates.
const clock: Clock = { now: () => 1_800_000_000_000, setTimer: (ms, f) => systemClock.setTimer(ms, f) }
const xWing = await loadXWing()
const port = inject("carrierPort")
const address = `ws://127.0.0.1:${port}`
let names = 0

/** A WebSocket of this page, and the server's end of it. */
async function connected() {
  const name = String(++names)
  const { end, accepted } = await RemoteEnd.open(port, name)
  const [stream] = await Promise.all([connectWebSocket(`${address}/smp/${name}`), accepted])
  return { stream, end }
}

transportSuite(
  "a channel over a page's WebSocket",
  async () => {
    const { stream, end } = await connected()
    const both = { clock, random: systemRandom, xWing }
    const limits = new ChannelLimits({ clock, nextTurn: () => new Promise((resolve) => setTimeout(resolve)) })
    const [client, server] = await Promise.all([
      channelClient(stream, { ...both, keyHash: identity.keyHash }),
      channelServer(end, { ...both, identities: [identity], limits }),
    ])
    return { client, server, identity, dispose: async () => end[Symbol.asyncDispose]() }
  },
  { overChannel: true },
)

describe("a page's WebSocket", () => {
  test("bytes that came before the end can be read after it", async () => {
    const { stream, end } = await connected()
    await using _end = end
    await end.write(Uint8Array.of(1, 2))
    await end.end()
    expect(await stream.closed).toEqual({ type: "ended" })
    expect(await stream.read()).toEqual(Uint8Array.of(1, 2))
    expect(await stream.read()).toBeUndefined()
    await expect(stream.write(Uint8Array.of(3))).rejects.toMatchObject({ code: "CLOSED" })
  })

  test("pieces go as one message, in the order of the calls", async () => {
    const { stream, end } = await connected()
    await using _end = end
    void stream.write(Uint8Array.of(1), Uint8Array.of(2, 3))
    void stream.write(Uint8Array.of(4))
    expect(await end.read()).toEqual(Uint8Array.of(1, 2, 3))
    expect(await end.read()).toEqual(Uint8Array.of(4))
    await stream[Symbol.asyncDispose]()
    expect(await stream.closed).toEqual({ type: "local" })
    expect(await end.read()).toBeUndefined()
  })

  test("a peer that drops the connection is an error", async () => {
    const { stream, end } = await connected()
    await using _end = end
    const reading = stream.read()
    end.destroy()
    expect(await reading).toBeUndefined()
    expect(await stream.closed).toMatchObject({ type: "error", code: "NETWORK" })
  })

  test("a second read while one waits is the caller's mistake", async () => {
    const { stream, end } = await connected()
    await using _end = end
    const reading = stream.read()
    expect(() => stream.read()).toThrow(RangeError)
    stream.destroy()
    expect(await reading).toBeUndefined()
  })

  test("a text message ends it", async () => {
    const stream = await connectWebSocket(`${address}/text`)
    expect(await stream.read()).toBeUndefined()
    expect(await stream.closed).toEqual({ type: "ended" })
  })

  test("a message above 65,536 bytes ends it, after what came before", async () => {
    const stream = await connectWebSocket(`${address}/long`)
    expect((await stream.read())?.length).toBe(65_536)
    expect(await stream.read()).toBeUndefined()
  })

  test.each([
    ["no WebSocket", `${address}/other`, "NETWORK"],
    ["nobody", "ws://127.0.0.1:9/", "NETWORK"],
    ["no address", "mailto:somebody", "NETWORK"],
  ])("an address with %s is told", async (_what, url, code) => {
    await expect(connectWebSocket(url)).rejects.toMatchObject({ code })
  })

  test("a server that never answers is given up in time, or when nobody wants it any more", async () => {
    const url = `${address}/never`
    await expect(connectWebSocket(url, { timeoutMs: 50 })).rejects.toSatisfy((error) =>
      TransportError.is(error, "TIMEOUT"),
    )
    await expect(connectWebSocket(url, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      name: "TimeoutError",
    })
  })
})
