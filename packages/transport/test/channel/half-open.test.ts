import { connect, type Socket } from "node:net"
import { expect, test } from "vitest"
import { type Bytes, concatBytes, fromHex } from "@smpkit/codec"
import { systemRandom } from "@smpkit/crypto"
import { bytePipe, FakeClock, settle } from "@smpkit/testkit"
import { nodeChannelLimits } from "@smpkit/transport/tcp"
import { chainTime, goodChains, identityOf } from "../chains.ts"
import { chainClock } from "../tls-helpers.ts"
import { dialTcp, listeningTcp } from "./helpers.ts"
import { codeOf, failureOf, numbered, numberOf, start, startServer, testLimits } from "./pair.ts"

const identity = identityOf(goodChains["two, Ed25519"])
const preamble = (): Bytes =>
  concatBytes(fromHex("f5736d706368616e00010001"), systemRandom.bytes(32), identity.keyHash)

/** A client that asks for a hello and goes no further; resolves when it has it. */
function halfOpen(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port })
  socket.on("error", () => undefined)
  socket.write(preamble())
  return new Promise((resolve) => {
    socket.once("data", () => {
      // From here on it reads no more, so that its own buffers are not what is measured.
      socket.pause()
      resolve(socket)
    })
  })
}

test("a thousand half-open handshakes: memory stays bounded, and an honest client gets in", async () => {
  const limits = nodeChannelLimits({ clock: chainClock })
  await using listening = await listeningTcp([identity], { limits })
  const warm = await dialTcp(listening.port, identity)
  await warm.close()
  const used = (): number => {
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const before = used()
  const sockets: Socket[] = []
  for (let i = 0; i < 20; i++)
    sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => halfOpen(listening.port)))))
  expect(limits.counts.halfOpen).toBe(1_000)
  // Both ends live in this process: two sockets, their buffers and the 8,192 bytes on their way for each.
  expect((used() - before) / 1_000).toBeLessThan(65_536)

  await using honest = await dialTcp(listening.port, identity)
  await listening.next()
  await using server = await listening.next()
  await honest.write(numbered(1))
  expect(numberOf(await server.read())).toBe(1)
  for (const socket of sockets) socket.destroy()
}, 60_000)

test("more than there is room for: the newest are told BUSY, the oldest give way after three seconds", async () => {
  const clock = new FakeClock(chainTime)
  const limits = testLimits(clock, { maxHalfOpen: 50 })
  const codes: string[] = []
  for (let i = 0; i < 100; i++) {
    const pipe = bytePipe()
    startServer(pipe, clock, { limits }).catch((error: unknown) => codes.push(codeOf(error)))
    await pipe.client.write(preamble())
  }
  await settle(10)
  expect(limits.counts.halfOpen).toBe(50)
  expect(codes).toEqual(new Array(50).fill("BUSY"))
  const refused = start({ clock, server: { limits } })
  expect(codeOf(await failureOf(refused.client))).toBe("REFUSED BUSY")

  await clock.advance(3_001)
  const { client, server } = start({ clock, server: { limits } })
  await Promise.all([client, server])
  expect(limits.counts.halfOpen).toBe(49)
  expect(codes.at(-1)).toBe("TRUNCATED")
})

test("silent connections are bounded, and cost no key", async () => {
  const clock = new FakeClock(chainTime)
  const limits = testLimits(clock, { maxSilent: 100 })
  const noRandom = { bytes: (): Bytes => expect.fail("randomness for a stranger") }
  const codes: string[] = []
  for (let i = 0; i < 1_000; i++) {
    const pipe = bytePipe()
    startServer(pipe, clock, { limits, random: noRandom }).catch((error: unknown) =>
      codes.push(codeOf(error)),
    )
  }
  await settle(10)
  expect(limits.counts.silent).toBe(100)
  expect(codes).toEqual(new Array(900).fill("TRUNCATED"))
  const { client, server } = start({ clock, server: { limits } })
  await Promise.all([client, server])
})

test("open channels that carry nothing are bounded as well", async () => {
  const clock = new FakeClock(chainTime)
  const limits = testLimits(clock, { maxUnused: 2 })
  const clients = []
  for (let i = 0; i < 3; i++) {
    const { client, server } = start({ clock, server: { limits } })
    clients.push(await client)
    await server
  }
  expect(limits.counts.unused).toBe(2)
  expect(await clients[0]?.closed).toMatchObject({ code: "TRUNCATED" })
  await clients[2]?.write(numbered(1))
  await settle()
  expect(limits.counts.unused).toBe(1)
})

test("open channels go on while handshakes crowd in", async () => {
  await using listening = await listeningTcp([identity])
  await using client = await dialTcp(listening.port, identity)
  await using server = await listening.next()
  let echoed = 0
  const echoing = (async () => {
    for (let block = await server.read(); block !== undefined; block = await server.read())
      await server.write(block)
  })()
  const crowd = Promise.all(Array.from({ length: 100 }, () => halfOpen(listening.port)))
  const progress = { done: false }
  void crowd.then(() => (progress.done = true))
  while (!progress.done) {
    await client.write(numbered(echoed))
    expect(numberOf(await client.read())).toBe(echoed)
    echoed++
  }
  // A turn of the event loop for each of the hundred hellos, and a block in most of them.
  expect(echoed).toBeGreaterThan(10)
  for (const socket of await crowd) socket.destroy()
  await client.close()
  await echoing
})
