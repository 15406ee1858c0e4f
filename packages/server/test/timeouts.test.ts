import { once } from "node:events"
import { connect } from "node:net"
import { settle } from "@smpkit/testkit"
import { FakeClock } from "@smpkit/testkit"
import { connectTls } from "@smpkit/transport/tls"
import { expect, test } from "vitest"
import { startServer } from "../src/server.ts"
import { connectClient } from "./support/server-process.ts"

const options = { store: "memory", bind: "127.0.0.1", host: "127.0.0.1", port: 0 } as const

test("a peer that begins no TLS, and one that begins no SMP, are closed when their time is over", async () => {
  const clock = new FakeClock(Date.now())
  await using server = await startServer({
    ...options,
    clock,
    tlsTimeoutMs: 60_000,
    handshakeTimeoutMs: 120_000,
  })
  const silent = connect(server.port, "127.0.0.1")
  await once(silent, "connect")
  const mute = await connectTls(server.address)
  // The hello says that the server has begun the handshake.
  expect(await mute.read()).toHaveLength(16_384)
  await clock.advance(59_999)
  expect(silent.readyState).toBe("open")
  const silentClosed = once(silent, "close")
  silent.resume()
  await clock.advance(1)
  await silentClosed
  await clock.advance(59_999)
  const other = await connectClient(server.address)
  await clock.advance(1)
  expect(await mute.read()).toBeUndefined()
  // Others were not disturbed.
  expect(await other.request({ type: "PING" })).toEqual({ type: "PONG" })
  await other.session.close()
})

test("closing while a handshake is under way does not wait for it", async () => {
  const server = await startServer(options)
  const mute = await connectTls(server.address)
  await mute.read()
  const start = performance.now()
  await server.close()
  expect(performance.now() - start).toBeLessThan(2_000)
  expect(await mute.read()).toBeUndefined()
})

test("a server that is closed twice is closed once, and its port is free", async () => {
  const server = await startServer(options)
  await Promise.all([server.close(), server.close()])
  await using again = await startServer({ ...options, port: server.port })
  expect(again.port).toBe(server.port)
})

test("at the limit of connections a new one is refused, and a served one is not disturbed", async () => {
  const { defaultConfiguration } = await import("../src/configuration.ts")
  const base = defaultConfiguration("127.0.0.1")
  await using server = await startServer({
    ...options,
    configuration: { ...base, limits: { ...base.limits, connections: 1 } },
  })
  const first = await connectClient(server.address)
  await expect(connectClient(server.address)).rejects.toThrow()
  expect(await first.request({ type: "PING" })).toEqual({ type: "PONG" })
  await first.session.close()
})

test("expiry, idle and space are looked after from time to time", async () => {
  const clock = new FakeClock()
  await using server = await startServer({ ...options, clock })
  expect(server.port).toBeGreaterThan(0)
  expect(clock.pending).toBe(3)
  await clock.advance(2 * 3_600_000)
  await settle()
  expect(clock.pending).toBe(3)
})
