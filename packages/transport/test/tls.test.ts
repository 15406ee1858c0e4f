import { execFile, spawn } from "node:child_process"
import { connect as connectTcp } from "node:net"
import { connect } from "node:tls"
import { promisify } from "node:util"
import { describe, expect, test } from "vitest"
import { concatBytes, decode, toBase64Url, utf8 } from "@smpkit/codec"
import { systemRandom } from "@smpkit/crypto"
import { serverHello, unpadBlock } from "@smpkit/smp"
import { clientHandshake, serverHandshake, serverIdentity } from "@smpkit/transport"
import { connectTls, createIdentity, listenTls } from "@smpkit/transport/tls"
import { createIdentityOf } from "../src/tls/certificate-writer.ts"
import { goodChains, identityOf } from "./chains.ts"
import { accepting, chainClock, dial, foreignTls } from "./tls-helpers.ts"
import { sessions, transportSuite } from "./transport-suite.ts"

const identity = identityOf(goodChains["two, Ed25519"])
const random = systemRandom
const loopback = "127.0.0.1"

transportSuite("TLS", async () => {
  const accepted = await accepting(identity)
  const client = await dial(accepted.listener.port, identity)
  const server = await accepted.next()
  return { client, server, identity, dispose: () => accepted.listener.close() }
})

describe("a session over TLS", () => {
  test.each(Object.entries(goodChains))("with a chain of %s", async (_name, names) => {
    const other = identityOf(names)
    await using accepted = await accepting(other)
    await using client = await dial(accepted.listener.port, other)
    await using server = await accepted.next()
    expect(client.peerChain).toEqual(other.chain)
    expect(client.sessionId).toEqual(server.sessionId)
    const [ours, theirs] = await sessions(client, server, other)
    await ours.send(utf8("hello"))
    expect(await theirs.receive()).toEqual({ type: "content", content: utf8("hello") })
    expect(accepted.listener.handshakes).toBe(0)
  })

  test.each(["ed25519", "ed448"] as const)("with an identity that we make, %s", async (alg) => {
    const made = createIdentityOf(alg, { host: "localhost", now: chainClock.now(), random })
    const own = serverIdentity([made.leafCertificate, made.caCertificate], made.leafKey)
    await using accepted = await accepting(own)
    await using client = await dial(accepted.listener.port, own)
    await using server = await accepted.next()
    const [ours] = await sessions(client, server, own)
    expect(ours.version).toBe(18)
  })

  test("has its own session id and session key each time", async () => {
    await using accepted = await accepting(identity)
    const seen = new Set<string>()
    for (let i = 0; i < 3; i++) {
      await using client = await dial(accepted.listener.port, identity)
      await using server = await accepted.next()
      expect(client.sessionId).toEqual(server.sessionId)
      seen.add(toBase64Url(client.sessionId))
    }
    expect(seen.size).toBe(3)
  })

  test("to an IPv6 address, where the machine has one", async () => {
    const listener = await listenTls({ identity, host: "::1", port: 0, onConnection: () => undefined }).catch(
      () => undefined,
    )
    await listener?.close()
    if (listener === undefined) return
    await using accepted = await accepting(identity, { host: "::1" })
    for (const host of ["::1", "[::1]"]) {
      const address = {
        hosts: [host] as const,
        port: String(accepted.listener.port),
        keyHash: identity.keyHash,
      }
      await using client = await connectTls(address, { clock: chainClock })
      expect(client.alpn).toBe("smp/1")
    }
  })

  test("a peer that vanishes is an error, not an end", async () => {
    await using accepted = await accepting(identity)
    const tcp = connectTcp({ host: loopback, port: accepted.listener.port })
    const raw = connect({ socket: tcp, rejectUnauthorized: false, ALPNProtocols: ["smp/1"] })
    for (const socket of [tcp, raw]) socket.on("error", () => undefined)
    const server = await accepted.next()
    const hello = server.write(new Uint8Array(16_384))
    raw.once("data", () => tcp.resetAndDestroy())
    await hello
    expect(await server.read()).toBeUndefined()
    expect(await server.closed).toMatchObject({ type: "error", code: "NETWORK" })
  })

  test("an end inside a block is an error", async () => {
    await using accepted = await accepting(identity)
    const raw = connect({
      host: loopback,
      port: accepted.listener.port,
      rejectUnauthorized: false,
      ALPNProtocols: ["smp/1"],
    })
    raw.on("error", () => undefined)
    raw.once("secureConnect", () => raw.end(new Uint8Array(20_000)))
    const server = await accepted.next()
    expect(await server.read()).toEqual(new Uint8Array(16_384))
    expect(await server.read()).toBeUndefined()
    expect(await server.closed).toEqual({
      type: "error",
      code: "BLOCK",
      message: "the connection ended inside a block",
    })
    raw.destroy()
  })
})

describe("openssl s_client", () => {
  const run = promisify(execFile)
  const flags = (port: number): string[] => ["s_client", "-connect", `${loopback}:${port}`, "-no_ign_eof"]

  test("-alpn smp/1 gets a hello of 16,384 bytes, with the full range and a session key", async () => {
    await using accepted = await accepting(identity)
    const serving = accepted.next().then(async (stream) => serverHandshake(stream, { identity, random }))
    const client = spawn("openssl", [...flags(accepted.listener.port), "-alpn", "smp/1", "-quiet"])
    const chunks: Buffer[] = []
    let length = 0
    const hello = await new Promise<Buffer>((resolve) => {
      client.stdout.on("data", (data: Buffer) => {
        chunks.push(data)
        length += data.length
        if (length >= 16_384) resolve(Buffer.concat(chunks))
      })
    })
    expect(hello.length).toBe(16_384)
    const { versions, certifiedKey } = decode(serverHello, unpadBlock(new Uint8Array(hello)))
    expect(versions).toEqual({ min: 6, max: 18 })
    expect(certifiedKey?.chain).toEqual(identity.chain)
    client.kill()
    await expect(serving).rejects.toMatchObject({ code: "CLOSED" })
  })

  test("without -alpn is offered version 6 alone", async () => {
    await using accepted = await accepting(identity)
    const raw = connect({ host: loopback, port: accepted.listener.port, rejectUnauthorized: false })
    const stream = await accepted.next()
    expect(stream.alpn).toBeUndefined()
    const serving = expect(serverHandshake(stream, { identity, random })).rejects.toMatchObject({
      code: "CLOSED",
    })
    const first = await new Promise<Buffer>((resolve) => raw.once("data", resolve))
    expect(new Uint8Array(first.subarray(0, 6))).toEqual(Uint8Array.of(0, 37, 0, 6, 0, 6))
    raw.destroy()
    await serving
  })

  test("sees TLS 1.3 and the one suite", async () => {
    await using accepted = await accepting(identity)
    const args = [...flags(accepted.listener.port), "-alpn", "smp/1", "-groups", "X25519:X448"]
    const { stdout } = await withInput(args, "")
    expect(stdout).toContain("New, TLSv1.3, Cipher is TLS_CHACHA20_POLY1305_SHA256")
    expect(stdout).toContain("ALPN protocol: smp/1")
    expect(stdout).toContain("Peer signature type: ed25519")
    await (await accepted.next()).close()
  })

  test.each([
    ["TLS 1.2", ["-tls1_2"]],
    ["another suite", ["-ciphersuites", "TLS_AES_256_GCM_SHA384"]],
    ["another group", ["-groups", "P-256"]],
    ["another protocol", ["-alpn", "h2"]],
  ])("with %s is refused", async (_what, more) => {
    await using accepted = await accepting(identity)
    await expect(run("openssl", [...flags(accepted.listener.port), ...more])).rejects.toMatchObject({
      code: 1,
    })
  })

  async function withInput(args: readonly string[], input: string): Promise<{ stdout: string }> {
    const child = spawn("openssl", args)
    let stdout = ""
    child.stdout.on("data", (data: Buffer) => (stdout += data.toString("latin1")))
    child.stdin.end(input)
    await new Promise((resolve) => child.once("close", resolve))
    return { stdout }
  }
})

describe("a listener", () => {
  test("resumes no session", async () => {
    await using accepted = await accepting(identity)
    const visit = async (session?: Buffer): Promise<{ tickets: Buffer[]; reused: boolean }> => {
      const tickets: Buffer[] = []
      const raw = connect({
        host: loopback,
        port: accepted.listener.port,
        rejectUnauthorized: false,
        session,
      })
      raw.on("session", (ticket) => tickets.push(ticket))
      await using server = await accepted.next()
      const data = new Promise((resolve) => raw.once("data", resolve))
      await server.write(new Uint8Array(16_384))
      await data
      const reused = raw.isSessionReused()
      raw.destroy()
      return { tickets, reused }
    }
    // The library sends tickets whether asked to or not; what counts is that none is honoured.
    const [ticket] = (await visit()).tickets
    expect((await visit(ticket)).reused).toBe(false)
  })

  test("is told no server name", async () => {
    await using server = await foreignTls(identity)
    const address = { hosts: ["localhost"] as const, port: String(server.port), keyHash: identity.keyHash }
    const client = await connectTls(address, { clock: chainClock }).catch(() => undefined)
    if (client === undefined) return // the machine's localhost is not 127.0.0.1
    await client.write(new Uint8Array(16_384))
    await until(() => server.heard.length > 0)
    expect(server.names).toEqual([false])
    await client.close()
  })

  test("says that its port is in use, and goes on elsewhere", async () => {
    await using accepted = await accepting(identity)
    const again = listenTls({
      identity,
      host: loopback,
      port: accepted.listener.port,
      onConnection: () => undefined,
    })
    await expect(again).rejects.toMatchObject({
      code: "NETWORK",
      message: `cannot listen on 127.0.0.1 port ${accepted.listener.port}: the port is in use by another program`,
    })
  })

  test("accepts nothing after close, and leaves what it handed out", async () => {
    const accepted = await accepting(identity)
    const { port } = accepted.listener
    await using client = await dial(port, identity)
    await using server = await accepted.next()
    const [ours, theirs] = await sessions(client, server, identity)
    await accepted.listener.close()
    await accepted.listener.close()
    await expect(dial(port, identity)).rejects.toMatchObject({
      code: "NETWORK",
      message: `cannot connect to 127.0.0.1:${port}: nothing listens there`,
    })
    await ours.send(utf8("still here"))
    expect(await theirs.receive()).toEqual({ type: "content", content: utf8("still here") })
  })

  test("ends handshakes that are under way when it is closed", async () => {
    const accepted = await accepting(identity)
    const silent = connectTcp({ host: loopback, port: accepted.listener.port })
    const ended = new Promise((resolve) => silent.once("close", resolve))
    silent.on("error", () => undefined)
    await until(() => accepted.listener.handshakes === 1)
    await accepted.listener.close()
    await ended
  })

  test("bounds connections without a first block: the oldest makes room, and a first block frees a place", async () => {
    await using accepted = await accepting(identity, { maxHandshakes: 2 })
    const { listener } = accepted
    const silent = connectTcp({ host: loopback, port: listener.port })
    silent.on("error", () => undefined)
    const silenced = new Promise((resolve) => silent.once("close", resolve))
    await until(() => listener.handshakes === 1)
    await using client = await dial(listener.port, identity)
    await using server = await accepted.next()
    expect(listener.handshakes).toBe(2)
    await using second = await dial(listener.port, identity)
    await silenced
    expect(listener.handshakes).toBe(2)

    await sessions(client, server, identity)
    expect(listener.handshakes).toBe(1)
    await (await accepted.next()).write(new Uint8Array(16_384))
    expect(await second.read()).toBeDefined()
    expect(listener.handshakes).toBe(1)
    await second.close()
    await until(() => listener.handshakes === 0)
  })

  test("a stranger who holds every place keeps nobody out", async () => {
    await using accepted = await accepting(identity, { maxHandshakes: 4 })
    const { listener } = accepted
    const idle = Array.from({ length: 12 }, () => connectTcp({ host: loopback, port: listener.port }))
    for (const socket of idle) socket.on("error", () => undefined)
    await until(() => idle.filter((socket) => socket.closed).length === 8)
    await using client = await dial(listener.port, identity)
    await using server = await accepted.next()
    await sessions(client, server, identity)
    expect(listener.handshakes).toBe(3)
    for (const socket of idle) socket.destroy()
  })

  test("a single byte does not free a place", async () => {
    await using accepted = await accepting(identity, { maxHandshakes: 1 })
    const raw = connect({
      host: loopback,
      port: accepted.listener.port,
      rejectUnauthorized: false,
      ALPNProtocols: ["smp/1"],
    })
    raw.on("error", () => undefined)
    await using server = await accepted.next()
    raw.write(Uint8Array.of(1))
    raw.write(new Uint8Array(16_382))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(accepted.listener.handshakes).toBe(1)
    raw.write(Uint8Array.of(1))
    await until(() => accepted.listener.handshakes === 0)
    expect(await server.read()).toEqual(
      concatBytes(Uint8Array.of(1), new Uint8Array(16_382), Uint8Array.of(1)),
    )
    raw.destroy()
  })

  test("survives bytes that are no TLS", async () => {
    await using accepted = await accepting(identity)
    for (const bytes of [
      utf8("GET / HTTP/1.1\r\n\r\n"),
      new Uint8Array(20_000),
      Uint8Array.of(0x16, 3, 1, 0xff, 0xff),
    ]) {
      const raw = connectTcp({ host: loopback, port: accepted.listener.port })
      raw.on("error", () => undefined)
      raw.end(bytes)
      await new Promise((resolve) => raw.once("close", resolve).resume())
    }
    await until(() => accepted.listener.handshakes === 0)
    await using client = await dial(accepted.listener.port, identity)
    expect(client.alpn).toBe("smp/1")
  })
})

test("a whole session with the client's and the server's defaults", async () => {
  const made = createIdentity({ host: "localhost", now: Date.now(), random })
  const own = serverIdentity([made.leafCertificate, made.caCertificate], made.leafKey)
  const accepted = await accepting(own)
  const client = await dial(accepted.listener.port, own, { clock: { ...chainClock, now: () => Date.now() } })
  const serving = serverHandshake(await accepted.next(), { identity: own, random })
  const session = await clientHandshake(client, { keyHash: own.keyHash, random })
  const served = await serving
  await session.close()
  expect(await served.receive()).toBeUndefined()
  await served.close()
  await accepted.listener.close()
})

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(condition()).toBe(true)
}
