import { describe, expect, test } from "vitest"
import { concatBytes, type Bytes, decode, encode, utf8, type VersionRange } from "@smpkit/codec"
import {
  decodePrivateKey,
  generateKeyPair,
  keyPairOf,
  PublicKey,
  sha256,
  type SignAlg,
  systemRandom,
} from "@smpkit/crypto"
import {
  type CertificateChain,
  clientHello,
  type ClientHello,
  padBlock,
  serverHello,
  type ServerHello,
  signKey,
  unpadBlock,
} from "@smpkit/smp"
import { FakeClock, loadVectors, ramp, ScriptedRandom, streamPair } from "@smpkit/testkit"
import {
  clientHandshake,
  fingerprint,
  serverHandshake,
  serverIdentity,
  type ServerIdentity,
} from "@smpkit/transport"
import { certificateOf, goodChains, identityOf, keyOf } from "./chains.ts"
import { sessions, transportSuite } from "./transport-suite.ts"

const identity = identityOf(goodChains["two, Ed25519"])
const random = systemRandom
const sessionId = ramp(1, 32)
const chainOf = ({ chain }: ServerIdentity): CertificateChain => chain as CertificateChain
const pairFor = ({ chain }: ServerIdentity = identity, alpn: string | undefined = "smp/1") =>
  streamPair({ sessionId, alpn, serverChain: chain })

transportSuite("in memory", () => {
  const { client, server } = pairFor()
  return Promise.resolve({ client, server, identity, dispose: () => Promise.resolve() })
})

describe("a handshake", () => {
  test.each(Object.entries(goodChains))("with a chain of %s", async (_name, names) => {
    const other = identityOf(names)
    const { client, server } = pairFor(other)
    const [ours, theirs] = await sessions(client, server, other)
    await ours.send(utf8("hello"))
    expect(await theirs.receive()).toEqual({ type: "content", content: utf8("hello") })
  })

  const all = Array.from({ length: 13 }, (_, i) => 6 + i)
  test.each(all)("at version %i", async (version) => {
    const { client, server } = pairFor()
    const versions = { min: version, max: version }
    const [ours, theirs] = await sessions(client, server, identity, { client: { versions } })
    expect(ours.version).toBe(version)
    expect(theirs.version).toBe(version)
    expect(ours.sessionId).toEqual(sessionId)
    if (version < 7) {
      expect(ours.serverSessionKey).toBeUndefined()
      expect(theirs.serverSessionPrivate).toBeUndefined()
    } else {
      if (theirs.serverSessionPrivate === undefined) throw new Error("no session key")
      expect(ours.serverSessionKey).toEqual(keyPairOf(theirs.serverSessionPrivate).publicKey)
    }
    expect(ours.maxContentSize).toBe(version < 11 ? 16_382 : 16_366)
    await ours.send(utf8("up"))
    await theirs.send(utf8("down"))
    expect(await theirs.receive()).toEqual({ type: "content", content: utf8("up") })
    expect(await ours.receive()).toEqual({ type: "content", content: utf8("down") })
    await expect(ours.send(new Uint8Array(ours.maxContentSize + 1))).rejects.toThrow(RangeError)
    await expect(theirs.send(new Uint8Array(ours.maxContentSize + 1))).rejects.toThrow(RangeError)
  })

  test.each<readonly [VersionRange, VersionRange, number]>([
    [{ min: 7, max: 18 }, { min: 6, max: 20 }, 18],
    [{ min: 7, max: 20 }, { min: 6, max: 18 }, 18],
    [{ min: 15, max: 17 }, { min: 17, max: 18 }, 17],
    [{ min: 7, max: 10 }, { min: 6, max: 18 }, 10],
  ])("of ranges %o and %o", async (clients, servers, version) => {
    const { client, server } = pairFor()
    const options = { client: { versions: clients }, server: { versions: servers } }
    const [ours, theirs] = await sessions(client, server, identity, options)
    expect([ours.version, theirs.version]).toEqual([version, version])
  })

  test("sends the recorded hellos, byte for byte", async () => {
    const vectors = loadVectors("handshake")
    const recorded = serverIdentity(
      vectors
        .at("certificates")
        .items()
        .map((item) => item.bytes()),
      keyPairOf(decodePrivateKey<SignAlg>(vectors.at("serverPrivateKey").bytes(), ["ed25519", "ed448"])),
    )
    expect(recorded.keyHash).toEqual(vectors.at("keyHash").bytes())
    const pair = (): ReturnType<typeof streamPair> =>
      streamPair({ sessionId: vectors.at("sessionId").bytes(), serverChain: recorded.chain })
    const privateKey = (name: string): ScriptedRandom =>
      new ScriptedRandom(vectors.at("keys", name, "privateRaw").bytes())
    const up = pair()
    const serving = serverHandshake(up.server, { identity: recorded, random: privateKey("x25519_1") })
    const hello = await up.client.read()
    expect(sha256(hello ?? new Uint8Array())).toEqual(vectors.at("serverBlock6-18Padded", "sha256").bytes())
    await up.client.write(padBlock(vectors.at("client", "18").bytes()))
    const served = await serving
    expect(served.version).toBe(18)
    for (const vector of vectors.at("blockEncryption", "serverSends").items()) {
      await served.send(vector.at("plain").bytes())
      expect(sha256((await up.client.read()) ?? new Uint8Array())).toEqual(vector.at("blockSha256").bytes())
    }

    const down = pair()
    const joining = clientHandshake(down.client, {
      keyHash: recorded.keyHash,
      random: privateKey("x25519_2"),
    })
    await down.server.write(padBlock(vectors.at("server", "6-18").bytes()))
    expect(await down.server.read()).toEqual(padBlock(vectors.at("client", "18").bytes()))
    const joined = await joining
    for (const vector of vectors.at("blockEncryption", "clientSends").items()) {
      await joined.send(vector.at("plain").bytes())
      expect(sha256((await down.server.read()) ?? new Uint8Array())).toEqual(vector.at("blockSha256").bytes())
    }
  })

  test("a block that does not open is told apart, and the next one opens", async () => {
    const { client, server } = pairFor()
    const [ours, theirs] = await sessions(client, server, identity)
    await client.write(new Uint8Array(16_384))
    expect(await theirs.receive()).toEqual({ type: "bad" })
    await server.write(new Uint8Array(16_384).fill(0xff))
    expect(await ours.receive()).toEqual({ type: "bad" })
    await theirs.send(utf8("lost"))
    await theirs.send(utf8("found"))
    expect(await ours.receive()).toEqual({ type: "bad" })
  })

  test("a bad block below version 11", async () => {
    const { client, server } = pairFor()
    const [, theirs] = await sessions(client, server, identity, {
      client: { versions: { min: 10, max: 10 } },
    })
    await client.write(new Uint8Array(16_384).fill(0xff))
    expect(await theirs.receive()).toEqual({ type: "bad" })
    await client.write(padBlock(utf8("good")))
    expect(await theirs.receive()).toEqual({ type: "content", content: utf8("good") })
  })
})

describe("a client refuses", () => {
  const key = generateKeyPair("x25519", random).publicKey
  const good: ServerHello = {
    versions: { min: 6, max: 18 },
    sessionId,
    certifiedKey: { chain: chainOf(identity), signedKey: signKey(key, identity.leafKey) },
  }
  const helloOf = (change: Partial<ServerHello>): Bytes =>
    padBlock(encode(serverHello, { ...good, ...change }))
  const signedBy = (names: readonly string[], signer: string): Partial<ServerHello> => ({
    certifiedKey: {
      chain: names.map(certificateOf) as readonly Bytes[] as CertificateChain,
      signedKey: signKey(key, keyOf(signer)),
    },
  })
  const garbledKey = (): Bytes => {
    const hello = helloOf({})
    const content = unpadBlock(hello)
    content[content.length - 120] = 0 // in the DER of the signed key
    return hello
  }

  test("nothing of a server that does it right", async () => {
    const { client, server } = pairFor()
    const joining = clientHandshake(client, { keyHash: identity.keyHash, random })
    await server.write(helloOf({}))
    expect((await joining).version).toBe(18)
    const answer = decode(clientHello, unpadBlock((await server.read()) ?? new Uint8Array()))
    expect(answer).toMatchObject({ version: 18, keyHash: identity.keyHash, proxy: false, service: undefined })
  })

  test("nothing of a hello with other upper certificates, the same leaf and the same identity", async () => {
    const three = identityOf(goodChains.three)
    const { client, server } = pairFor({ ...three, chain: three.chain.slice(0, 2) })
    const joining = clientHandshake(client, { keyHash: three.keyHash, random })
    await server.write(helloOf(signedBy(goodChains.three, "leaf25519")))
    expect((await joining).version).toBe(18)
  })

  test.each<readonly [what: string, block: () => Bytes, code: string, message: RegExp]>([
    [
      "another session id",
      () => helloOf({ sessionId: ramp(2, 32) }),
      "SESSION",
      /belongs to another connection/,
    ],
    ["a session id that is cut", () => helloOf({ sessionId: ramp(1, 31) }), "SESSION", /another connection/],
    [
      "a range above its own",
      () => helloOf({ versions: { min: 19, max: 20 } }),
      "VERSION",
      /speaks SMP 19-20, this client 7-18/,
    ],
    [
      "a range below version 7",
      () => helloOf({ versions: { min: 6, max: 6 }, certifiedKey: undefined }),
      "VERSION",
      /speaks SMP 6, this client 7-18/,
    ],
    ["no session key", () => helloOf({ certifiedKey: undefined }), "HANDSHAKE", /no readable session key/],
    [
      "a maximum of 7 without session key",
      () => helloOf({ versions: { min: 6, max: 7 }, certifiedKey: undefined }),
      "HANDSHAKE",
      /no readable session key/,
    ],
    ["a session key that cannot be read", garbledKey, "HANDSHAKE", /no readable session key/],
    [
      "a session key that another key signed",
      () => helloOf(signedBy(goodChains["two, Ed25519"], "eveLeaf")),
      "HANDSHAKE",
      /not signed by its certificate/,
    ],
    [
      "a session key that the other curve signed",
      () => helloOf(signedBy(goodChains["two, Ed25519"], "leaf448")),
      "HANDSHAKE",
      /not signed by its certificate/,
    ],
    [
      "another leaf of the same identity",
      () => helloOf(signedBy(["leafFuture", "ca25519"], "leaf25519")),
      "CERTIFICATE",
      /not that of its connection/,
    ],
    [
      "the chain of another server",
      () => helloOf(signedBy(["eveLeaf", "eveCa"], "eveLeaf")),
      "FINGERPRINT",
      /expected fingerprint .*, received /,
    ],
    [
      "a chain of one",
      () => helloOf(signedBy(["leaf25519"], "leaf25519")),
      "CERTIFICATE",
      /a chain of 1 certificates/,
    ],
    [
      "a chain of five",
      () => helloOf(signedBy(["leaf25519", "ca25519", "ca25519", "ca25519", "ca25519"], "leaf25519")),
      "CERTIFICATE",
      /a chain of 5 certificates/,
    ],
    ["garbage", () => new Uint8Array(16_384).fill(0xaa), "HANDSHAKE", /the server's hello cannot be used/],
    ["an empty content", () => padBlock(new Uint8Array()), "HANDSHAKE", /the server's hello cannot be used/],
    [
      "a range that ends before it begins",
      () => padBlock(concatBytes(Uint8Array.of(0, 18, 0, 6, 0))),
      "HANDSHAKE",
      /the server's hello cannot be used/,
    ],
  ])("%s, and says nothing", async (_what, block, code, message) => {
    const { client, server } = pairFor()
    const joining = clientHandshake(client, { keyHash: identity.keyHash, random })
    const outcome = expect(joining).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as unknown,
    })
    await server.write(block())
    await outcome
    expect(await server.read()).toBeUndefined()
    expect(await client.closed).toEqual({ type: "local" })
  })

  test("a hello with a stranger's anchor after the real identity", async () => {
    const real = identityOf(goodChains.three)
    const { client, server } = pairFor(real)
    const joining = clientHandshake(client, { keyHash: real.keyHash, random })
    const outcome = expect(joining).rejects.toMatchObject({ code: "CERTIFICATE" })
    await server.write(helloOf(signedBy(["leafUnderEveAnchor", "identity25519", "eveAnchor"], "eveLeaf")))
    await outcome
    expect(await server.read()).toBeUndefined()
  })

  test("a connection whose own chain is a stranger's, before it reads anything", async () => {
    for (const names of [
      ["eveLeaf", "eveCa"],
      ["leafUnderEveAnchor", "identity25519", "eveAnchor"],
    ]) {
      const { client, server } = streamPair({ sessionId, serverChain: names.map(certificateOf) })
      const keyHash = fingerprint(certificateOf("identity25519"))
      await expect(clientHandshake(client, { keyHash, random })).rejects.toMatchObject({
        code: names[1] === "eveCa" ? "FINGERPRINT" : "CERTIFICATE",
      })
      expect(await server.read()).toBeUndefined()
    }
  })

  test("a connection without application protocol", async () => {
    const { client, server } = streamPair({ sessionId, alpn: undefined, serverChain: identity.chain })
    await server.write(helloOf({ versions: { min: 6, max: 6 }, certifiedKey: undefined }))
    const versions = { min: 6, max: 18 }
    await expect(
      clientHandshake(client, { keyHash: identity.keyHash, random, versions }),
    ).rejects.toMatchObject({
      code: "ALPN",
    })
  })

  test("a server that closes", async () => {
    const { client, server } = pairFor()
    const joining = expect(
      clientHandshake(client, { keyHash: identity.keyHash, random }),
    ).rejects.toMatchObject({
      code: "CLOSED",
      message: "the server closed the connection during the handshake",
    })
    await server.close()
    await joining
  })

  test("a server that is silent", async () => {
    const clock = new FakeClock()
    const { client, server } = pairFor()
    let failure: unknown
    const joining = clientHandshake(client, {
      keyHash: identity.keyHash,
      random,
      clock,
      timeoutMs: 45_000,
    }).catch((error: unknown) => (failure = error))
    await clock.advance(44_999)
    expect(failure).toBeUndefined()
    await clock.advance(1)
    expect(failure).toMatchObject({
      code: "TIMEOUT",
      message: "the server's SMP handshake took longer than 45 seconds",
    })
    await joining
    expect(await server.read()).toBeUndefined()
    expect(clock.pending).toBe(0)
  })

  test("to go on when its signal says so", async () => {
    const controller = new AbortController()
    const { client } = pairFor()
    const reason = new Error("enough")
    const joining = clientHandshake(client, { keyHash: identity.keyHash, random, signal: controller.signal })
    const outcome = expect(joining).rejects.toBe(reason)
    controller.abort(reason)
    await outcome
    const { client: late } = pairFor()
    await expect(
      clientHandshake(late, { keyHash: identity.keyHash, random, signal: controller.signal }),
    ).rejects.toBe(reason)
    expect(await late.closed).toEqual({ type: "local" })
  })
})

describe("a server", () => {
  const good: ClientHello = {
    version: 18,
    keyHash: identity.keyHash,
    sessionKey: generateKeyPair("x25519", random).publicKey,
    proxy: false,
    service: undefined,
  }
  const ed25519 = generateKeyPair("ed25519", random).publicKey
  const lowOrder = (): Bytes => {
    const block = padBlock(encode(clientHello, good))
    block.fill(0, 2 + 35 + 1 + 12, 2 + 35 + 1 + 44)
    return block
  }

  test.each<readonly [what: string, block: () => Bytes, code: string]>([
    [
      "version 5",
      () => padBlock(encode(clientHello, { ...good, version: 5, sessionKey: undefined })),
      "VERSION",
    ],
    ["version 19", () => padBlock(encode(clientHello, { ...good, version: 19 })), "VERSION"],
    [
      "another server's hash",
      () => padBlock(encode(clientHello, { ...good, keyHash: ramp(9, 32) })),
      "FINGERPRINT",
    ],
    [
      "a hash that is cut",
      () => padBlock(encode(clientHello, { ...good, keyHash: identity.keyHash.slice(0, 31) })),
      "FINGERPRINT",
    ],
    ["a key of small order", lowOrder, "HANDSHAKE"],
    ["a hello that is cut", () => padBlock(encode(clientHello, good).slice(0, 80)), "HANDSHAKE"],
    ["garbage", () => new Uint8Array(16_384).fill(0xaa), "HANDSHAKE"],
    ["an empty content", () => padBlock(new Uint8Array()), "HANDSHAKE"],
  ])("closes without a word on %s", async (_what, block, code) => {
    const { client, server } = pairFor()
    const serving = serverHandshake(server, { identity, random })
    const outcome = expect(serving).rejects.toMatchObject({ name: "TransportError", code })
    expect(await client.read()).toBeDefined()
    await client.write(block())
    await outcome
    expect(await client.read()).toBeUndefined()
    expect(await server.closed).toEqual({ type: "local" })
  })

  test("offers version 6 alone, without key, to a client without application protocol", async () => {
    const { client, server } = streamPair({ sessionId, alpn: undefined, serverChain: identity.chain })
    const serving = serverHandshake(server, { identity, random: new ScriptedRandom() })
    const hello = unpadBlock((await client.read()) ?? new Uint8Array())
    expect(hello).toEqual(concatBytes(Uint8Array.of(0, 6, 0, 6, 32), sessionId))
    await client.write(padBlock(encode(clientHello, { ...good, version: 6, sessionKey: undefined })))
    const session = await serving
    expect(session.version).toBe(6)
    expect(session.serverSessionPrivate).toBeUndefined()
  })

  test("and a higher version than that is refused", async () => {
    const { client, server } = streamPair({ sessionId, alpn: undefined, serverChain: identity.chain })
    const outcome = expect(serverHandshake(server, { identity, random })).rejects.toMatchObject({
      code: "VERSION",
    })
    await client.read()
    await client.write(padBlock(encode(clientHello, { ...good, version: 7 })))
    await outcome
  })

  test.each([
    ["a client without key", { ...good, sessionKey: undefined }],
    ["a proxy", { ...good, proxy: true }],
  ])("does not encrypt the blocks of %s", async (_what, hello) => {
    const { client, server } = pairFor()
    const serving = serverHandshake(server, { identity, random })
    await client.read()
    await client.write(padBlock(encode(clientHello, hello)))
    const session = await serving
    expect(session.maxContentSize).toBe(16_382)
    expect(session.serverSessionPrivate).toBeDefined()
    await session.send(utf8("plain"))
    expect(await client.read()).toEqual(padBlock(utf8("plain")))
  })

  test("tells a service that it does not serve it, then closes", async () => {
    const { client, server } = pairFor()
    const serving = serverHandshake(server, { identity, random })
    const outcome = expect(serving).rejects.toMatchObject({ code: "HANDSHAKE" })
    await client.read()
    const certifiedKey = { chain: chainOf(identity), signedKey: signKey(ed25519, identity.leafKey) }
    await client.write(padBlock(encode(clientHello, { ...good, service: { role: "M", certifiedKey } })))
    expect(await client.read()).toEqual(padBlock(utf8("EHANDSHAKE BAD_AUTH")))
    expect(await client.read()).toBeUndefined()
    await outcome
  })

  test("waits for a silent client no longer than it is told", async () => {
    const clock = new FakeClock()
    const { client, server } = pairFor()
    const serving = serverHandshake(server, { identity, random, clock, timeoutMs: 120_000 })
    const outcome = expect(serving).rejects.toMatchObject({ code: "TIMEOUT" })
    await client.read()
    await clock.advance(120_000)
    await outcome
    expect(await client.read()).toBeUndefined()
  })

  test("makes a new session key for every connection", async () => {
    const keys = await Promise.all(
      [1, 2].map(async () => {
        const { client, server } = pairFor()
        const [ours] = await sessions(client, server, identity)
        return ours.serverSessionKey
      }),
    )
    expect(keys[0]).toBeInstanceOf(PublicKey)
    expect(keys[0]).not.toEqual(keys[1])
  })
})
