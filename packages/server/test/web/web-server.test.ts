import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Bytes, concatBytes, fromHex, toBase64Url, toHex, utf8 } from "@smpkit/codec"
import { generateKeyPair, systemRandom } from "@smpkit/crypto"
import { formatServerAddress } from "@smpkit/smp"
import {
  type BlockStream,
  type ByteStream,
  clientHandshake,
  systemClock,
  TransportError,
} from "@smpkit/transport"
import { channelClient } from "@smpkit/transport/channel"
import { connectTcp, connectTcpChannel } from "@smpkit/transport/tcp"
import { connectTls } from "@smpkit/transport/tls"
import { connectWebSocket } from "@smpkit/transport/websocket"
import { afterEach, describe, expect, test } from "vitest"
import {
  createLogger,
  defaultConfiguration,
  initServer,
  loadServer,
  type RunningServer,
  type StartOptions,
  startServer,
} from "../../src/index.ts"
import { ask, page, prefixProxy } from "../support/http.ts"
import { TestClient } from "../support/test-client.ts"

const running: RunningServer[] = []
const dirs: string[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true })
})

type Ports = RunningServer & {
  readonly channelPort: number
  readonly web: { readonly port: number; readonly url: string }
}

async function start(options: StartOptions = {}): Promise<Ports> {
  const server = await startServer({
    store: "memory",
    bind: "127.0.0.1",
    host: "127.0.0.1",
    port: 0,
    channel: { port: 0 },
    web: { port: 0, page },
    ...options,
  })
  running.push(server)
  return server as Ports
}

async function freshDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "smpkit-web-"))
  dirs.push(dir)
  return join(dir, "server")
}

const random = systemRandom
const clock = systemClock
const channelOver = (stream: ByteStream, keyHash: Bytes): Promise<BlockStream> =>
  channelClient(stream, { keyHash, clock, random })

const carriers: Readonly<Record<string, (server: Ports) => Promise<BlockStream>>> = {
  TLS: ({ address }) => connectTls(address),
  "channel/TCP": ({ address, channelPort }) => connectTcpChannel({ ...address, port: String(channelPort) }),
  "channel/WebSocket": async ({ address, web }) =>
    channelOver(await connectWebSocket(`ws://127.0.0.1:${web.port}/smp`), address.keyHash),
}

async function client(server: Ports, carrier: string): Promise<TestClient> {
  const stream = await carriers[carrier]?.(server)
  if (stream === undefined) throw new Error(carrier)
  const session = await clientHandshake(stream, {
    keyHash: server.address.keyHash,
    random,
    overChannel: carrier !== "TLS",
  })
  return new TestClient(session, random)
}

/** A queue of one client, to which another one sends. */
async function passMessage(recipient: TestClient, sender: TestClient): Promise<void> {
  const key = recipient.newKey("ed25519")
  const dhKey = generateKeyPair("x25519", random)
  const ids = await recipient.request(
    {
      type: "NEW",
      authKey: key.publicKey,
      dhKey: dhKey.publicKey,
      basicAuth: undefined,
      subscribe: true,
      queueMode: "messaging",
    },
    { key },
  )
  if (ids.type !== "IDS") throw new Error(ids.type)
  const sent = await sender.request(
    { type: "SEND", notification: false, body: utf8("hello") },
    { entityId: ids.senderId },
  )
  expect(sent).toEqual({ type: "OK" })
  expect((await recipient.next()).message.type).toBe("MSG")
}

describe("a server with a port for channels and a web port", () => {
  test.each([
    ["channel/WebSocket", "TLS"],
    ["TLS", "channel/WebSocket"],
    ["channel/TCP", "channel/WebSocket"],
    ["TLS", "channel/TCP"],
  ])("a message from %s to %s", async (from, to) => {
    const server = await start()
    await passMessage(await client(server, to), await client(server, from))
  })

  test("server.json has the server's address, which the channel proves", async () => {
    const server = await start()
    const { servers } = JSON.parse((await ask(server.web.port, "/server.json")).body.toString()) as {
      servers: string[]
    }
    expect(servers).toEqual([formatServerAddress(server.address)])
  })

  test("another fingerprint gets not one byte", async () => {
    const server = await start()
    const stream = await connectWebSocket(`ws://127.0.0.1:${server.web.port}/smp`)
    const preamble = concatBytes(fromHex("f5736d706368616e00010001"), random.bytes(64))
    await stream.write(preamble)
    expect(await stream.read()).toBeUndefined()
  })

  test("below a prefix of a proxy", async () => {
    const server = await start()
    const proxy = await prefixProxy(server.web.port)
    const stream = await connectWebSocket(`ws://127.0.0.1:${proxy.port}/chat/smp`)
    const block = await channelOver(stream, server.address.keyHash)
    const session = await clientHandshake(block, {
      keyHash: server.address.keyHash,
      random,
      overChannel: true,
    })
    expect(await new TestClient(session, random).request({ type: "PING" })).toEqual({ type: "PONG" })
    await session.close()
    proxy.close()
  })

  test("a closing server ends each channel with its close record, and what it received is answered", async () => {
    const server = await start()
    const clients = await Promise.all(
      ["channel/WebSocket", "channel/TCP"].map((carrier) => client(server, carrier)),
    )
    await Promise.all(clients.map((c) => c.request({ type: "PING" })))
    const closed = Promise.all(clients.map(({ session }) => session.closed))
    await Promise.all([
      server.close(),
      ...clients.map(async ({ session }) => {
        expect(await session.receive()).toBeUndefined()
      }),
    ])
    expect(await closed).toEqual([{ type: "ended" }, { type: "ended" }])
  })

  test("a closing server does not wait for handshakes, nor for open requests", async () => {
    const server = await start()
    const silent = await connectWebSocket(`ws://127.0.0.1:${server.web.port}/smp`)
    const half = await connectTcp({ host: "127.0.0.1", port: server.channelPort })
    await half.write(fromHex("f5736d70"))
    await server.close()
    expect(await silent.read()).toBeUndefined()
    expect(await half.read()).toBeUndefined()
  })

  test("a message that is too long ends its connection and nothing else", async () => {
    const server = await start()
    const first = await client(server, "channel/WebSocket")
    const stream = await connectWebSocket(`ws://127.0.0.1:${server.web.port}/smp`)
    await stream.write(new Uint8Array(65_537))
    expect(await stream.read()).toBeUndefined()
    expect(await first.request({ type: "PING" })).toEqual({ type: "PONG" })
  })
})

describe("limits (Q21)", () => {
  test("connections of one address, on each port, from accepting on", async () => {
    const base = defaultConfiguration("127.0.0.1")
    const configuration = { ...base, limits: { ...base.limits, connectionsPerPrefix: 1 } }
    const server = await start({ configuration, prefixOf: () => "one peer" })
    for (const carrier of Object.keys(carriers)) {
      const first = await client(server, carrier)
      await expect(client(server, carrier), carrier).rejects.toSatisfy(
        (error) => TransportError.is(error, "NETWORK") || TransportError.is(error, "TRUNCATED"),
      )
      await first.session.close()
    }
  })

  test("the total holds across all ports", async () => {
    const base = defaultConfiguration("127.0.0.1")
    const configuration = { ...base, limits: { ...base.limits, connections: 2 } }
    const server = await start({ configuration })
    await client(server, "channel/WebSocket")
    await client(server, "channel/TCP")
    await expect(client(server, "TLS")).rejects.toMatchObject({ code: "CLOSED" })
    await expect(client(server, "channel/WebSocket")).rejects.toMatchObject({ code: "CLOSED" })
  })

  test("a crowd of WebSockets that begin no channel keeps nobody out", async () => {
    const base = defaultConfiguration("127.0.0.1")
    const configuration = { ...base, limits: { ...base.limits, handshakes: 20 } }
    const server = await start({ configuration })
    const open = await client(server, "channel/WebSocket")
    const crowd = await Promise.allSettled(
      Array.from({ length: 60 }, () => connectWebSocket(`ws://127.0.0.1:${server.web.port}/smp`)),
    )
    const honest = await client(server, "channel/WebSocket")
    expect(await honest.request({ type: "PING" })).toEqual({ type: "PONG" })
    expect(await open.request({ type: "PING" })).toEqual({ type: "PONG" })
    expect((await ask(server.web.port, "/")).status).toBe(200)
    for (const one of crowd) if (one.status === "fulfilled") one.value.destroy()
  })
})

describe("where the page is served (Q27)", () => {
  const place = async (options: StartOptions): Promise<string> => (await start(options)).web.url

  test("on this machine only, without TLS", async () => {
    expect(await place({ bind: "::", host: "smp.example.org" })).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
    expect(await place({ host: "localhost" })).toMatch(/^http:\/\/localhost:\d+\/$/)
    expect(await place({ web: { port: 0, page, bind: "::1" } })).toMatch(/^http:\/\/\[::1\]:\d+\/$/)
  })

  test.each(["0.0.0.0", "::", "192.0.2.1", "smp.example.org"])(
    "on %s without TLS is refused, with what to do",
    async (bind) => {
      const starting = start({ web: { port: 0, page, bind } })
      await expect(starting).rejects.toMatchObject({ code: "CONFIGURATION" })
      await expect(starting).rejects.toThrow(/--web-certificate.*--web-public-url https:/)
    },
  )

  test("a public URL of a proxy lets it leave the machine", async () => {
    const publicUrl = "https://chat.example.org/mail"
    const server = await start({ bind: "0.0.0.0", web: { port: 0, page, publicUrl } })
    const { headers } = await ask(server.web.port, "/mail/")
    expect(headers["content-security-policy"]).toContain("wss://chat.example.org;")
    expect(headers["strict-transport-security"]).toBeDefined()
  })

  test.each([
    "http://chat.example.org/",
    "chat.example.org",
    "https://u:p@h/",
    "https://h/?q",
    "https://h/#f",
  ])("%s is no public URL", async (publicUrl) => {
    await expect(start({ web: { port: 0, page, publicUrl } })).rejects.toThrow("public URL")
  })
})

describe("ports", () => {
  test("that were picked are kept, and the rest of the file, also in a file of an earlier release", async () => {
    const dir = await freshDir()
    const made = await initServer({ dir, host: "localhost", port: 0, store: "memory" })
    const path = join(dir, "server.ini")
    const old = (await readFile(path, "utf8")).replace(/^(channel_port|web_port) = .*\n/gm, "")
    await writeFile(path, `; mine\n${old}`)
    const { port, channelPort, web } = await start({ dir, ...made })
    const { configuration } = await loadServer(dir)
    expect(configuration).toMatchObject({ port, channelPort, web: { port: web.port } })
    expect(await readFile(path, "utf8")).toMatch(/^; mine\n/)
  })

  test.each([
    ["--channel-port", (port: number) => ({ channel: { port } })],
    ["--web-port", (port: number) => ({ web: { port, page } })],
  ] as const)(
    "that are taken: the error names %s, and the others are free again",
    async (option, options) => {
      const first = await start()
      const starting = start({ ...options(first.web.port), port: 0 })
      await expect(starting).rejects.toMatchObject({ code: "PORT" })
      await expect(starting).rejects.toThrow(option)
    },
  )
})

// security.md Q24.
test("no level logs what a browser or a channel sends", async () => {
  let output = ""
  const logger = createLogger({ write: (line) => (output += line) }, "trace")
  const server = await start({ logger, host: "localhost" })
  await ask(server.web.port, "/canary-path?canary-query", {
    headers: { Host: "canary-host", Referer: "http://canary-referer/", "User-Agent": "canary-agent" },
  })
  const other = random.bytes(32)
  const stream = await connectWebSocket(`ws://127.0.0.1:${server.web.port}/smp?canary-query`)
  await expect(channelOver(stream, other)).rejects.toThrow()
  const over = await client(server, "channel/WebSocket")
  const tcp = await client(server, "channel/TCP")
  await passMessage(over, tcp)
  await over.session.close()
  await server.close()
  expect(output).toContain("a client has connected")
  expect(output).toContain("a handshake failed")
  const { keyHash } = server.address
  for (const bytes of [other, keyHash, over.session.sessionId, tcp.session.sessionId])
    for (const text of [toHex(bytes), toBase64Url(bytes, { padded: false })])
      expect(output).not.toContain(text)
  for (const text of ["canary", "127.0.0.1", "::ffff", "localhost"]) expect(output).not.toContain(text)
})
