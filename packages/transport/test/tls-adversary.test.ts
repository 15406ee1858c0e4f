import { connect as connectTcp, type Socket } from "node:net"
import { describe, expect, test } from "vitest"
import { toBase64Url } from "@smpkit/codec"
import { systemRandom } from "@smpkit/crypto"
import { FakeClock, settle } from "@smpkit/testkit"
import { type BlockStream, clientHandshake, fingerprint, serverHandshake } from "@smpkit/transport"
import { connectTls } from "@smpkit/transport/tls"
import { certificateOf, chainTime, goodChains, identityOf, keyOf, unsoundIdentity } from "./chains.ts"
import { accepting, chainClock, dial, foreignTcp, foreignTls } from "./tls-helpers.ts"

const identity = identityOf(goodChains["two, Ed25519"])
const random = systemRandom
const loopback = "127.0.0.1"

describe("security.md Q15: a client does not go on with less", () => {
  test("a wrong fingerprint: the error says which was expected and which came, and the server hears nothing", async () => {
    await using server = await foreignTls(identity)
    const other = fingerprint(certificateOf("eveCa"))
    await expect(dial(server.port, { keyHash: other })).rejects.toMatchObject({
      name: "TransportError",
      code: "FINGERPRINT",
      message:
        "the server is not the one of the address: " +
        `expected fingerprint ${toBase64Url(other)}, received ${toBase64Url(identity.keyHash)}`,
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(server.heard).toEqual([])
    expect(server.accepted()).toBe(1) // no second attempt of another kind
  })

  test("no application protocol", async () => {
    await using server = await foreignTls(identity, { ALPNProtocols: undefined as unknown as string[] })
    await expect(dial(server.port, identity)).rejects.toMatchObject({
      code: "ALPN",
      message: "the server did not agree on the application protocol smp/1",
    })
    expect(server.heard).toEqual([])
    expect(server.accepted()).toBe(1)
  })

  test("another application protocol", async () => {
    await using server = await foreignTls(identity, { ALPNProtocols: ["h2", "http/1.1"] })
    await expect(dial(server.port, identity)).rejects.toMatchObject({
      code: "ALPN",
      message: `cannot connect to 127.0.0.1:${server.port}: it does not speak SMP (no common application protocol)`,
    })
    expect(server.accepted()).toBe(1)
  })

  test("TLS 1.2", async () => {
    await using server = await foreignTls(identity, {
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.2",
      ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305",
    })
    await expect(dial(server.port, identity)).rejects.toMatchObject({
      code: "HANDSHAKE",
      message: `cannot connect to 127.0.0.1:${server.port}: it does not speak TLS 1.3`,
    })
    expect(server.accepted()).toBe(1)
  })

  test("another cipher suite", async () => {
    await using server = await foreignTls(identity, { ciphers: "TLS_AES_256_GCM_SHA384" })
    await expect(dial(server.port, identity)).rejects.toMatchObject({ code: "HANDSHAKE" })
    expect(server.accepted()).toBe(1)
  })

  test("a server that speaks SMP 6 alone over TLS", async () => {
    await using accepted = await accepting(identity)
    await using client = await dial(accepted.listener.port, identity)
    const versions = { min: 6, max: 6 }
    const serving = serverHandshake(await accepted.next(), { identity, random, versions })
    const outcome = expect(serving).rejects.toMatchObject({ code: "CLOSED" })
    await expect(clientHandshake(client, { keyHash: identity.keyHash, random })).rejects.toMatchObject({
      code: "VERSION",
    })
    await outcome
  })
})

describe("security.md Q16: chains", () => {
  const three = identityOf(goodChains.three)

  test.each<readonly [string, readonly string[], string, RegExp]>([
    ["one certificate", ["leaf25519"], "leaf25519", /a chain of 1 certificates, where 2 to 4 belong/],
    [
      "five certificates",
      ["leaf25519", "identity25519", "operator25519", "network448", "network448"],
      "leaf25519",
      /a chain of 5 certificates/,
    ],
    [
      "a stranger's leaf under the stranger's anchor",
      ["leafUnderEveAnchor", "identity25519", "eveAnchor"],
      "eveLeaf",
      /certificate 1 of the chain is not issued by the next one/,
    ],
    [
      "the same with four",
      ["leafUnderEveAnchor", "identity25519", "operator25519", "eveAnchor"],
      "eveLeaf",
      /certificate 1 of the chain is not issued by the next one/,
    ],
    [
      "a stranger's leaf",
      ["eveLeaf", "identity25519", "operatorAnchor"],
      "eveLeaf",
      /certificate 1 of the chain is not issued/,
    ],
    ["an expired leaf", ["leafExpired", "ca25519"], "leaf25519", /expired on 2026-01-01/],
    ["a leaf of the future", ["leafFuture", "ca25519"], "leaf25519", /is not valid before 2040-01-01/],
    ["a leaf of version 1", ["leafV1", "ca25519"], "leaf25519", /not of X.509 version 3/],
  ])("%s", async (_what, names, key, message) => {
    const keyHash = fingerprint(certificateOf(names[1] ?? "identity25519"))
    await using server = await foreignTls(unsoundIdentity(names, keyOf(key), keyHash))
    await expect(dial(server.port, { keyHash })).rejects.toMatchObject({
      code: "CERTIFICATE",
      message: expect.stringMatching(message) as unknown,
    })
    expect(server.heard).toEqual([])
  })

  test("a certificate that ran out since", async () => {
    await using accepted = await accepting(identity)
    const late = { ...chainClock, now: () => Date.UTC(2035, 0, 2) }
    await expect(dial(accepted.listener.port, identity, { clock: late })).rejects.toMatchObject({
      code: "CERTIFICATE",
      message: "the server's certificate expired on 2035-01-01",
    })
  })

  test("an honest chain of three passes", async () => {
    await using accepted = await accepting(three)
    await using client = await dial(accepted.listener.port, three)
    expect(client.peerChain.length).toBe(3)
  })
})

describe("note N8: a man in the middle", () => {
  /** Eve ends TLS on both sides with an identity of her own, and passes blocks on. */
  async function middle(names: readonly string[], key: string, realPort: number) {
    const heardByEve: number[] = []
    const eve = await accepting(unsoundIdentity(names, keyOf(key), identity.keyHash), {
      onConnection: (victim) => {
        void (async () => {
          const server = await dial(realPort, identity)
          const pipe = async (from: BlockStream, to: BlockStream): Promise<void> => {
            for (let block = await from.read(); block !== undefined; block = await from.read()) {
              heardByEve.push(block.length)
              await to.write(block)
            }
            await to.close()
          }
          await Promise.allSettled([pipe(victim, server), pipe(server, victim)])
        })()
      },
    })
    return { eve, heardByEve }
  }

  test("without the right chain: refused before anything is said", async () => {
    await using accepted = await accepting(identity)
    for (const names of [
      ["eveLeaf", "eveCa"],
      ["eveLeaf", "ca25519"],
      ["leafUnderEveAnchor", "ca25519", "eveAnchor"],
    ]) {
      const { eve, heardByEve } = await middle(names, "eveLeaf", accepted.listener.port)
      await using _listener = eve
      await expect(dial(eve.listener.port, identity)).rejects.toMatchObject({
        code: names[1] === "eveCa" ? "FINGERPRINT" : "CERTIFICATE",
      })
      expect(heardByEve).toEqual([])
    }
  })

  test("with the server's chain but not its key: TLS itself refuses", async () => {
    await expect(middle(["leaf25519", "ca25519"], "eveLeaf", 1)).rejects.toThrow()
  })

  test("with a leaf of her own that the identity issued (a stolen authority): the hello of the real server gives her away", async () => {
    await using accepted = await accepting(identity)
    // leafExpired has the same key and issuer as the real leaf; the clock says it is still 2025.
    const { eve } = await middle(["leafExpired", "ca25519"], "leaf25519", accepted.listener.port)
    await using _listener = eve
    const clock = { ...chainClock, now: () => Date.UTC(2025, 6, 1) }
    await using client = await dial(eve.listener.port, identity, { clock })
    const joining = clientHandshake(client, { keyHash: identity.keyHash, random })
    const outcome = expect(joining).rejects.toMatchObject({ code: "SESSION" })
    const serving = serverHandshake(await accepted.next(), { identity, random }).catch(
      (error: unknown) => error,
    )
    await outcome
    expect(await serving).toMatchObject({ code: "CLOSED" })
  })

  test("with everything, TLS key included, on her own connection to the server: the session ids differ", async () => {
    await using accepted = await accepting(identity)
    const { eve } = await middle(["leaf25519", "ca25519"], "leaf25519", accepted.listener.port)
    await using _listener = eve
    await using client = await dial(eve.listener.port, identity)
    const outcome = expect(
      clientHandshake(client, { keyHash: identity.keyHash, random }),
    ).rejects.toMatchObject({
      code: "SESSION",
      message: "the server's hello belongs to another connection",
    })
    const serving = serverHandshake(await accepted.next(), { identity, random }).catch(
      (error: unknown) => error,
    )
    await outcome
    expect(await serving).toMatchObject({ code: "CLOSED" })
  })
})

describe("peers that are silent, gone or something else", () => {
  test("a TCP port that says nothing: the client gives up in time", async () => {
    const clock = new FakeClock(chainTime)
    await using server = await foreignTcp(() => undefined)
    let failure: unknown
    const dialling = dial(server.port, identity, { clock, timeoutMs: 15_000 }).catch(
      (error: unknown) => (failure = error),
    )
    while (server.accepted() === 0) await settle()
    await clock.advance(14_999)
    expect(failure).toBeUndefined()
    await clock.advance(1)
    await dialling
    expect(failure).toMatchObject({
      code: "TIMEOUT",
      message: `connecting to 127.0.0.1:${server.port} took longer than 15 seconds`,
    })
    expect(clock.pending).toBe(0)
  })

  test("a server that is silent after TLS", async () => {
    const clock = new FakeClock(chainTime)
    await using server = await foreignTls(identity)
    const client = await dial(server.port, identity, { clock })
    const joining = clientHandshake(client, { keyHash: identity.keyHash, random, clock, timeoutMs: 30_000 })
    const outcome = expect(joining).rejects.toMatchObject({ code: "TIMEOUT" })
    await clock.advance(30_000)
    await outcome
    expect(server.heard).toEqual([])
    await client.close()
  })

  test("a client that is silent before TLS: the listener gives up in time", async () => {
    const clock = new FakeClock(chainTime)
    await using accepted = await accepting(identity, { clock, handshakeTimeoutMs: 60_000 })
    const silent: Socket = connectTcp({ host: loopback, port: accepted.listener.port })
    silent.on("error", () => undefined)
    let gone = false
    const ended = new Promise<void>((resolve) =>
      silent.once("close", () => {
        gone = true
        resolve()
      }),
    )
    while (accepted.listener.handshakes === 0) await settle()
    await clock.advance(59_999)
    expect(gone).toBe(false)
    await clock.advance(1)
    await ended
    while (accepted.listener.handshakes > 0) await settle()
    expect(clock.pending).toBe(0)
  })

  test("a timer of TLS does not outlive its handshake", async () => {
    const clock = new FakeClock(chainTime)
    await using accepted = await accepting(identity, { clock })
    await using client = await dial(accepted.listener.port, identity, { clock })
    await using server = await accepted.next()
    expect(clock.pending).toBe(0)
    await clock.advance(600_000)
    await server.write(new Uint8Array(16_384))
    expect(await client.read()).toBeDefined()
  })

  test("a peer that neither reads nor ends does not hold up a close", async () => {
    const clock = new FakeClock(chainTime)
    await using server = await foreignTls(identity, { allowHalfOpen: true }, (socket) => socket.pause())
    const client = await dial(server.port, identity, { clock })
    for (let i = 0; i < 2_000; i++) void client.write(new Uint8Array(16_384)).catch(() => undefined)
    let closed = false
    const closing = client.close().then(() => (closed = true))
    await settle()
    expect(closed).toBe(false)
    await clock.advance(2_000)
    await closing
    expect(await client.closed).toEqual({ type: "local" })
  })

  test("a port that speaks something else", async () => {
    await using server = await foreignTcp((socket) => {
      socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")
    })
    await expect(dial(server.port, identity)).rejects.toMatchObject({
      code: "HANDSHAKE",
      message: `cannot connect to 127.0.0.1:${server.port}: it does not speak TLS`,
    })
  })

  test("a port that closes at once", async () => {
    await using server = await foreignTcp((socket) => socket.destroy())
    await expect(dial(server.port, identity)).rejects.toMatchObject({ code: "NETWORK" })
  })

  test("a name under .onion is not looked up, nor is a name that cannot be", async () => {
    const keyHash = identity.keyHash
    await expect(connectTls({ hosts: ["abcdef.onion"], port: "", keyHash })).rejects.toMatchObject({
      code: "NETWORK",
      message: "cannot connect to abcdef.onion: it is reachable through Tor only",
    })
  })

  test("a signal ends an attempt with its reason", async () => {
    await using server = await foreignTcp(() => undefined)
    const controller = new AbortController()
    const reason = new Error("enough")
    const outcome = expect(dial(server.port, identity, { signal: controller.signal })).rejects.toBe(reason)
    while (server.accepted() === 0) await settle()
    controller.abort(reason)
    await outcome
    await expect(dial(server.port, identity, { signal: controller.signal })).rejects.toBe(reason)
  })
})
