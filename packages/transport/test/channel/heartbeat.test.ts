import { once } from "node:events"
import { expect, test } from "vitest"
import { WebSocket } from "ws"
import { FakeClock } from "@smpkit/testkit"
import type { ByteStream } from "@smpkit/transport"
import { acceptWebSocket } from "@smpkit/transport/websocket-server"
import { httpServer } from "./helpers.ts"

const intervalMs = 25_000

/** A client's WebSocket, and the server's end of it, by a clock that stands still. */
async function open({ autoPong }: { readonly autoPong: boolean }) {
  const clock = new FakeClock()
  let arrived: (stream: Promise<ByteStream>) => void = () => undefined
  const accepted = new Promise<ByteStream>((resolve) => (arrived = resolve))
  const http = await httpServer((request, socket, head) => {
    arrived(acceptWebSocket(request, socket, head, { clock }))
  })
  const client = new WebSocket(`ws://127.0.0.1:${http.port}/smp`, { autoPong })
  const [server] = await Promise.all([accepted, once(client, "open")])
  return {
    client,
    server,
    clock,
    [Symbol.asyncDispose]: async () => {
      client.terminate()
      await server[Symbol.asyncDispose]()
      await http[Symbol.asyncDispose]()
    },
  }
}

/** Lets the next ping fall due, and waits for it. */
async function nextPing(client: WebSocket, clock: FakeClock): Promise<void> {
  const ping = once(client, "ping")
  await clock.advance(intervalMs)
  await ping
}

/** Until the server has heard whatever the client has sent: it answers in order. */
async function heardByServer(client: WebSocket): Promise<void> {
  const pong = once(client, "pong")
  client.ping()
  await pong
}

test("a quiet WebSocket is pinged before a proxy forgets it, and lives as long as its client answers", async () => {
  await using ends = await open({ autoPong: true })
  const { client, server, clock } = ends
  const reading = server.read()
  for (let n = 0; n < 10; n++) {
    await nextPing(client, clock)
    await heardByServer(client)
  }
  client.send(Uint8Array.of(7))
  expect(await reading).toEqual(Uint8Array.of(7))
})

test("a client that answers neither of two pings is closed when the third is due", async () => {
  await using ends = await open({ autoPong: false })
  const { client, server, clock } = ends
  const reading = server.read()
  await nextPing(client, clock)
  await nextPing(client, clock)
  await clock.advance(intervalMs - 1)
  expect(client.readyState).toBe(WebSocket.OPEN)
  const closed = once(client, "close")
  await clock.advance(1)
  expect(await reading).toBeUndefined()
  await closed
  expect(await server.closed).toMatchObject({ type: "ended" })
  expect(clock.pending).toBe(0)
})

test("whatever a client says counts as an answer", async () => {
  await using ends = await open({ autoPong: false })
  const { client, server, clock } = ends
  for (let n = 0; n < 5; n++) {
    const reading = server.read()
    await nextPing(client, clock)
    client.send(Uint8Array.of(n))
    expect(await reading).toEqual(Uint8Array.of(n))
    const more = server.read()
    client.send(Uint8Array.of(n))
    await more
  }
  expect(client.readyState).toBe(WebSocket.OPEN)
})

test("a client is not closed because nobody reads what it says", async () => {
  await using ends = await open({ autoPong: true })
  const { client, server, clock } = ends
  for (let n = 0; n < 5; n++) await nextPing(client, clock)
  client.send(Uint8Array.of(9))
  expect(await server.read()).toEqual(Uint8Array.of(9))
})

test("a WebSocket that is closed leaves no timer", async () => {
  await using ends = await open({ autoPong: true })
  const { client, server, clock } = ends
  expect(clock.pending).toBe(1)
  client.close()
  const end = await server.read()
  expect(end).toBeUndefined()
  await server.closed
  expect(clock.pending).toBe(0)
})
