import { connect as connectTcpSocket, type Socket } from "node:net"
import { describe, expect, test } from "vitest"
import { WebSocket, WebSocketServer } from "ws"
import { type Bytes, concatBytes, fromHex, toHex } from "@smpkit/codec"
import { systemRandom } from "@smpkit/crypto"
import { TransportError } from "@smpkit/transport"
import { connectTcp, nodeChannelLimits } from "@smpkit/transport/tcp"
import { connectWebSocket } from "@smpkit/transport/websocket"
import { acceptWebSocket } from "@smpkit/transport/websocket-server"
import { createIdentity } from "@smpkit/transport/tls"
import { serverIdentity } from "@smpkit/transport"
import { chainTime, goodChains, identityOf } from "../chains.ts"
import { accepting, chainClock, foreignTcp } from "../tls-helpers.ts"
import { dialTcp, dialWebSocket, httpServer, listeningTcp, listeningWebSocket, xWing } from "./helpers.ts"
import { codeOf, failureOf, numbered, numberOf, recordSize } from "./pair.ts"

const identity = identityOf(goodChains["two, Ed25519"])
const loopback = "127.0.0.1"
const preambleFor = (keyHash: Bytes): Bytes =>
  concatBytes(fromHex("f5736d706368616e00010001"), systemRandom.bytes(32), keyHash)

/** A raw client that writes these bytes, and all that it hears until the end. */
async function rawTcp(port: number, ...writes: readonly Bytes[]): Promise<{ heard: Bytes; socket: Socket }> {
  const socket = connectTcpSocket({ host: loopback, port, allowHalfOpen: true })
  const heard: Bytes[] = []
  socket.on("data", (data: Buffer) => heard.push(new Uint8Array(data)))
  socket.on("error", () => undefined)
  for (const bytes of writes) socket.write(bytes)
  await new Promise<void>((resolve) => {
    socket.once("end", resolve)
    socket.once("close", () => {
      resolve()
    })
  })
  return { heard: concatBytes(...heard), socket }
}

describe("a channel over TCP", () => {
  test("garbage gets no byte and is closed", async () => {
    await using listening = await listeningTcp([identity])
    const { heard, socket } = await rawTcp(listening.port, fromHex("00"))
    socket.destroy()
    expect(heard.length).toBe(0)
    expect(await listening.refused()).toMatchObject({ code: "PREAMBLE" })
  })

  test("a preamble that comes byte by byte is as good", async () => {
    await using listening = await listeningTcp([identity])
    const socket = connectTcpSocket({ host: loopback, port: listening.port, noDelay: true })
    const preamble = preambleFor(identity.keyHash)
    const hello = new Promise<number>((resolve) => {
      let size = 0
      socket.on("data", (data: Buffer) => {
        size += data.length
        if (size >= 8_192) resolve(size)
      })
    })
    for (const byte of preamble) {
      socket.write(Uint8Array.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await hello).toBe(8_192)
    socket.destroy()
    expect(await listening.refused()).toMatchObject({ code: "TRUNCATED" })
  })

  test("a refusal arrives though the client has sent more than the server read", async () => {
    await using listening = await listeningTcp([identity])
    const preamble = preambleFor(identity.keyHash)
    const { heard, socket } = await rawTcp(listening.port, preamble, fromHex("4b"), new Uint8Array(40_000))
    expect(heard.length).toBe(8_192 + 2)
    expect(toHex(heard.subarray(8_192))).toBe("5203")
    socket.destroy()
    expect(await listening.refused()).toMatchObject({ code: "KEY" })
  })

  test("a wrong address is told in a sentence", async () => {
    await using listening = await listeningTcp([identity])
    const error = await failureOf(dialTcp(listening.port, { keyHash: new Uint8Array(32) }))
    expect(codeOf(error)).toBe("TRUNCATED")
    expect(String(error)).toContain("it is not the server of this address")
  })

  test("a port where TLS listens is told in a sentence", async () => {
    await using tls = await accepting(identity)
    const error = await failureOf(dialTcp(tls.listener.port, identity))
    expect(error).toBeInstanceOf(TransportError)
    expect(String(error)).toMatch(/no channel on this port|does not speak the channel on this port/)
  })

  test("a port where nobody listens, and a name that is not known", async () => {
    const foreign = await foreignTcp(() => undefined)
    await foreign[Symbol.asyncDispose]()
    const error = await failureOf(dialTcp(foreign.port, identity))
    expect(error).toMatchObject({ code: "NETWORK" })
    expect(String(error)).toContain("nothing listens there")
  })

  test("a server that says nothing: the client gives up in time, and the connection is gone", async () => {
    let gone: Promise<unknown> | undefined
    await using foreign = await foreignTcp((socket) => {
      gone = new Promise((resolve) => socket.once("close", resolve))
      socket.resume()
    })
    const error = await failureOf(dialTcp(foreign.port, identity, { timeoutMs: 50 }))
    expect(error).toMatchObject({ code: "TIMEOUT" })
    await gone
  })

  test("a fault of ours in a handshake costs that connection alone", async () => {
    const faults: TransportError[] = []
    let faulty = true
    await using listening = await listeningTcp([identity], {
      xWing: {
        ...xWing,
        publicKey: (seed) => {
          if (!faulty) return xWing.publicKey(seed)
          faulty = false
          throw new RangeError("a bug")
        },
      },
      onError: (error) => faults.push(error),
    })
    await expect(dialTcp(listening.port, identity)).rejects.toMatchObject({ code: "TRUNCATED" })
    expect(faults).toMatchObject([{ cause: { message: "a bug" } }])
    await using stream = await dialTcp(listening.port, identity)
    await using channel = await listening.next()
    expect(toHex(channel.sessionId)).toBe(toHex(stream.sessionId))
  })

  test("a signal ends connecting with its reason", async () => {
    const abort = new AbortController()
    await using foreign = await foreignTcp((socket) => {
      socket.resume()
      abort.abort(new Error("enough"))
    })
    await expect(dialTcp(foreign.port, identity, { signal: abort.signal })).rejects.toThrow("enough")
    await expect(
      connectTcp({ host: loopback, port: foreign.port }, { signal: abort.signal }),
    ).rejects.toThrow("enough")
  })

  test("what is cut at the network is a truncation on both sides", async () => {
    await using listening = await listeningTcp([identity])
    const sockets: Socket[] = []
    // Somebody in between who can only cut.
    await using between = await foreignTcp((socket) => {
      const onward = connectTcpSocket({ host: loopback, port: listening.port })
      onward.on("error", () => undefined)
      socket.pipe(onward).pipe(socket)
      sockets.push(socket, onward)
    })
    const client = await dialTcp(between.port, identity)
    const server = await listening.next()
    await client.write(numbered(1))
    expect(numberOf(await server.read())).toBe(1)
    for (const socket of sockets) socket.resetAndDestroy()
    expect(await server.read()).toBeUndefined()
    expect(await client.read()).toBeUndefined()
    expect(await server.closed).toMatchObject({ type: "error", code: "TRUNCATED" })
    expect(await client.closed).toMatchObject({ type: "error", code: "TRUNCATED" })
  })

  test("a limit per prefix holds from accepting on", async () => {
    await using listening = await listeningTcp([identity], {
      maxPerPrefix: 1,
      prefixOf: (address) => address,
    })
    await using first = await dialTcp(listening.port, identity)
    await using _server = await listening.next()
    const error = await failureOf(dialTcp(listening.port, identity))
    expect(["TRUNCATED", "NETWORK", "CLOSED"]).toContain((error as TransportError).code)
    await first.close()
    await using again = await dialTcp(listening.port, identity)
    expect(again.sessionId.length).toBe(32)
  })

  test("a channel tells the prefix of its client, for fair turns", async () => {
    const limits = nodeChannelLimits({ clock: chainClock, prefixOf: (address) => `of ${address}` })
    await using listening = await listeningTcp([identity], { limits })
    await using _stream = await dialTcp(listening.port, identity)
    await using channel = await listening.next()
    expect(channel.prefix).toBe("of 127.0.0.1")
  })

  test("half-open handshakes have a limit per prefix", async () => {
    const limits = nodeChannelLimits({ maxHalfOpenPerPrefix: 1, prefixOf: (address) => address })
    await using listening = await listeningTcp([identity], { limits })
    const waiting = connectTcpSocket({ host: loopback, port: listening.port })
    waiting.write(preambleFor(identity.keyHash))
    await new Promise((resolve) => waiting.once("data", resolve))
    expect(codeOf(await failureOf(dialTcp(listening.port, identity)))).toBe("REFUSED BUSY")
    waiting.destroy()
    expect(await listening.refused()).toMatchObject({ code: "BUSY" })
    expect(await listening.refused()).toMatchObject({ code: "TRUNCATED" })
    await using client = await dialTcp(listening.port, identity)
    expect(client.sessionId.length).toBe(32)
  })

  test("closing a listener ends unfinished handshakes, and leaves open channels", async () => {
    const listening = await listeningTcp([identity])
    await using client = await dialTcp(listening.port, identity)
    await using server = await listening.next()
    const half = rawTcp(listening.port, preambleFor(identity.keyHash).subarray(0, 10))
    await new Promise((resolve) => setTimeout(resolve, 20))
    await listening[Symbol.asyncDispose]()
    ;(await half).socket.destroy()
    await client.write(numbered(5))
    expect(numberOf(await server.read())).toBe(5)
  })

  test("a server whose certificates do not fit in a hello refuses to start", async () => {
    const made = createIdentity({ host: "a".repeat(60), now: chainTime, random: systemRandom })
    const sound = serverIdentity([made.leafCertificate, made.caCertificate], made.leafKey)
    const long = { ...sound, chain: [...sound.chain, new Uint8Array(7_000)] }
    await expect(listeningTcp([sound, long])).rejects.toMatchObject({ code: "CERTIFICATE" })
  })

  test("a port that is in use is told", async () => {
    await using listening = await listeningTcp([identity])
    await expect(listeningTcp([identity], { port: listening.port })).rejects.toMatchObject({
      code: "NETWORK",
    })
  })
})

describe("a channel over WebSocket", () => {
  /** A server that hands out the raw stream of one connection. */
  async function rawServer() {
    let arrived: (stream: Awaited<ReturnType<typeof acceptWebSocket>>) => void = () => undefined
    const stream = new Promise<Awaited<ReturnType<typeof acceptWebSocket>>>((resolve) => (arrived = resolve))
    const failures: unknown[] = []
    const http = await httpServer((request, socket, head) => {
      acceptWebSocket(request, socket, head).then(arrived, (error: unknown) => failures.push(error))
    })
    return { http, stream, failures, url: `ws://${loopback}:${http.port}/smp` }
  }
  const closeCode = (socket: WebSocket): Promise<number> =>
    new Promise((resolve) =>
      socket.once("close", (code) => {
        resolve(code)
      }),
    )
  const isOpen = (socket: WebSocket): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.once("open", () => {
        resolve()
      })
      socket.once("error", reject)
    })

  test("a text message closes the connection: 1003", async () => {
    const { http, stream, url } = await rawServer()
    await using _http = http
    const socket = new WebSocket(url)
    await isOpen(socket)
    socket.send("hello")
    const reading = (await stream).read()
    expect(await closeCode(socket)).toBe(1_003)
    expect(await reading).toBeUndefined()
  })

  test("a message above 65,536 bytes closes the connection: 1009", async () => {
    const { http, stream, url } = await rawServer()
    await using _http = http
    const socket = new WebSocket(url)
    await isOpen(socket)
    socket.send(new Uint8Array(65_536))
    expect((await (await stream).read())?.length).toBe(65_536)
    socket.send(new Uint8Array(65_537))
    const reading = (await stream).read()
    expect(await closeCode(socket)).toBe(1_009)
    expect(await reading).toBeUndefined()
  })

  test("neither compression nor a subprotocol is agreed on, and any origin may come", async () => {
    const { http, url } = await rawServer()
    await using _http = http
    const socket = new WebSocket(url, ["smp", "other"], { origin: "https://elsewhere.example" })
    // The library refuses an answer without a subprotocol when it asked for one: that is how it shows.
    await expect(isOpen(socket)).rejects.toThrow("subprotocol")
    const plain = new WebSocket(url, { perMessageDeflate: true, origin: "https://elsewhere.example" })
    await isOpen(plain)
    expect(plain.extensions).toBe("")
    expect(plain.protocol).toBe("")
    plain.terminate()
  })

  test("a request that opens no WebSocket is answered as such", async () => {
    const { http, failures } = await rawServer()
    await using _http = http
    const request = "GET /smp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    const { heard, socket } = await rawTcp(http.port, new TextEncoder().encode(request))
    expect(new TextDecoder().decode(heard)).toContain("400")
    socket.destroy()
    expect(failures).toMatchObject([{ code: "HANDSHAKE" }])
  })

  test("each message of the handshake and each record is one WebSocket message; regrouped ones are as good", async () => {
    await using listening = await listeningWebSocket([identity])
    const sizes: number[] = []
    // A proxy that cuts every message into three.
    const proxy = new WebSocketServer({ port: 0, host: loopback, perMessageDeflate: false })
    proxy.on("connection", (near) => {
      const far = new WebSocket(`ws://${loopback}:${listening.port}/smp`, { perMessageDeflate: false })
      const pass = (from: WebSocket, to: WebSocket): void => {
        from.on("message", (data: Buffer) => {
          sizes.push(data.length)
          for (let i = 0; i < 3; i++)
            to.send(data.subarray(Math.floor((i * data.length) / 3), Math.floor(((i + 1) * data.length) / 3)))
        })
        from.on("close", () => {
          to.close()
        })
      }
      near.pause()
      far.once("open", () => {
        pass(near, far)
        pass(far, near)
        near.resume()
      })
    })
    await new Promise((resolve) => proxy.once("listening", resolve))
    const { port } = proxy.address() as { port: number }
    await using client = await dialWebSocket(port, identity)
    await using server = await listening.next()
    await client.write(numbered(7))
    expect(numberOf(await server.read())).toBe(7)
    expect(sizes).toEqual([76, 8_192, 1_169, 49, recordSize])
    await client.close()
    proxy.close()
  })

  test("a refusal arrives", async () => {
    await using listening = await listeningWebSocket([identity])
    const error = await failureOf(dialWebSocket(listening.port, identity, { versions: { min: 2, max: 2 } }))
    expect(codeOf(error)).toBe("REFUSED VERSION")
    expect(await listening.refused()).toMatchObject({ code: "VERSION" })
  })

  test.each([
    ["http://127.0.0.1/", "NETWORK", "no address of a WebSocket"],
    ["ws://127.0.0.1:1/", "NETWORK", "nothing listens there"],
  ])("an address that leads nowhere, %s, is told in a sentence", async (url, code, sentence) => {
    const error = url.startsWith("http:")
      ? await failureOf(connectWebSocket("nonsense"))
      : await failureOf(connectWebSocket(url))
    expect(error).toMatchObject({ code })
    expect(String(error)).toContain(sentence)
  })

  test("a web server without a channel is told in a sentence", async () => {
    await using http = await httpServer((_request, socket) => socket.end("HTTP/1.1 404 Not Found\r\n\r\n"))
    const error = await failureOf(connectWebSocket(`ws://${loopback}:${http.port}/smp`))
    expect(error).toMatchObject({ code: "HANDSHAKE" })
    expect(String(error)).toContain("404")
  })

  test("a web server that never answers: given up in time", async () => {
    await using http = await httpServer(() => undefined)
    const connecting = connectWebSocket(`ws://${loopback}:${http.port}/smp`, {
      timeoutMs: 50,
      clock: chainClock,
    })
    expect(await failureOf(connecting)).toMatchObject({ code: "TIMEOUT" })
  })
})
