import { describe, expect, test } from "vitest"
import { type Bytes, concatBytes, fromHex, toHex } from "@smpkit/codec"
import { hpkeOpenBase, systemRandom } from "@smpkit/crypto"
import { bytePipe, FakeClock, ScriptedRandom, settle } from "@smpkit/testkit"
import { helloHash, sessionKeyInfo } from "../../src/channel/key-schedule.ts"
import { chainTime, goodChains, identityOf, keyOf, unsoundIdentity } from "../chains.ts"
import { xWing } from "./helpers.ts"
import {
  blockSize,
  codeOf,
  failureOf,
  flipped,
  identity,
  opened,
  recordSize,
  start,
  startClient,
  startServer,
  testLimits,
} from "./pair.ts"

const other = identityOf(["leaf448", "ca448"])

describe("the seven steps of the note", () => {
  test("0, the connection is established: the client sends the identity it wants, and nothing of itself", async () => {
    const { pipe } = await opened()
    const [preamble] = pipe.sent.client
    expect(preamble?.length).toBe(76)
    expect(toHex(preamble?.subarray(0, 12) ?? new Uint8Array())).toBe("f5736d706368616e00010001")
    expect(preamble?.subarray(44)).toEqual(identity.keyHash)
  })

  test("1, the server sends its public key: a hello of 8,192 bytes with a fresh key, whatever the chain", async () => {
    const keys = new Set<string>()
    for (const names of Object.values(goodChains)) {
      const one = identityOf(names)
      const { pipe } = await opened({
        client: { keyHash: one.keyHash },
        server: { identities: [one] },
      })
      const [hello] = pipe.sent.server
      expect(hello?.length).toBe(8_192)
      keys.add(toHex(hello?.subarray(39, 1_255) ?? new Uint8Array()))
    }
    expect(keys.size).toBe(4)
  })

  test("2, the client compares the hash, and ends if it differs: it has sent nothing but its preamble", async () => {
    // A server that answers whoever asks with a chain of its own.
    const posing = unsoundIdentity(["leaf448", "ca448"], keyOf("leaf448"), identity.keyHash)
    const { client, server, pipe } = start({ server: { identities: [posing] } })
    const error = await failureOf(client)
    expect(error).toMatchObject({ code: "FINGERPRINT" })
    expect(codeOf(error)).toBe("IDENTITY")
    expect(String(error)).toContain("check the address")
    expect(pipe.sent.client).toHaveLength(1)
    expect(codeOf(await failureOf(server))).toBe("TRUNCATED")
  })

  test("3 and 4, the client makes a random session key and encrypts it with the server's key", async () => {
    const sessionKey = new Uint8Array(32).fill(0x5a)
    const seed = new Uint8Array(32).fill(7)
    const { pipe } = await opened({
      client: { random: new ScriptedRandom(new Uint8Array(32), sessionKey, new Uint8Array(64).fill(9)) },
      server: { random: new ScriptedRandom(new Uint8Array(32), seed.slice()) },
    })
    const [preamble, key] = pipe.sent.client as [Bytes, Bytes]
    const [hello] = pipe.sent.server as [Bytes]
    expect(key.length).toBe(1_169)
    expect(key[0]).toBe(0x4b)
    const message = { enc: key.subarray(1, 1_121), sealed: key.subarray(1_121), aad: new Uint8Array(0), seed }
    const info = sessionKeyInfo(helloHash(preamble, hello))
    expect(hpkeOpenBase(xWing, { ...message, info })).toEqual(new Uint8Array(32).fill(0x5a))
    // It is bound to all of preamble and hello.
    const changed = sessionKeyInfo(helloHash(preamble, flipped(hello, 8_191)))
    expect(hpkeOpenBase(xWing, { ...message, info: changed })).toBeUndefined()
  })

  test("5, the server decrypts and confirms: 49 bytes, and both sides have the same session id", async () => {
    const { client, server, pipe } = await opened()
    expect(pipe.sent.server[1]?.length).toBe(49)
    expect(pipe.sent.server[1]?.[0]).toBe(0x43)
    expect(client.sessionId).toEqual(server.sessionId)
    expect(client.peerChain).toEqual(identity.chain)
    expect(server.identity).toBe(identity)
  })

  test("6, a session key that does not decrypt: the refusal arrives, and the connection closes", async () => {
    const { client, server, pipe } = start({
      fromClient: (bytes) => [bytes.length === 1_169 ? flipped(bytes, 1_168) : bytes],
    })
    const error = await failureOf(client)
    expect(error).toMatchObject({ code: "REFUSED" })
    expect(codeOf(error)).toBe("REFUSED KEY")
    expect(await failureOf(server)).toMatchObject({ code: "KEY" })
    expect(pipe.sent.server.map((bytes) => bytes.length)).toEqual([8_192, 2])
    expect(toHex(pipe.sent.server[1] ?? new Uint8Array())).toBe("5203")
    await Promise.all([pipe.client.closed, pipe.server.closed])
  })

  test("7, everything after is encrypted: a record of 16,401 bytes for a block, and no byte of it in clear", async () => {
    const { client, server, pipe } = await opened()
    const secret = new Uint8Array(blockSize).fill(0x41)
    await client.write(secret)
    await server.write(secret)
    expect(await server.read()).toEqual(secret)
    expect(await client.read()).toEqual(secret)
    const records = [pipe.sent.client[2], pipe.sent.server[2]]
    for (const record of records) {
      expect(record?.length).toBe(recordSize)
      expect(toHex(record ?? new Uint8Array())).not.toContain("4141414141414141")
    }
    expect(records[0], "the directions have different keys").not.toEqual(records[1])
  })
})

describe("a server that is not the one of the address", () => {
  test("another key: the leaf's signature is not there", async () => {
    const posing = unsoundIdentity(["leaf25519", "ca25519"], keyOf("eveLeaf"), identity.keyHash)
    const { client, pipe } = start({ server: { identities: [posing] } })
    const error = await failureOf(client)
    expect(error).toMatchObject({ code: "HANDSHAKE" })
    expect(codeOf(error)).toBe("SIGNATURE")
    expect(pipe.sent.client).toHaveLength(1)
  })

  test.each([
    ["a leaf that the identity did not sign", ["leafForged", "ca25519"], "CHAIN"],
    ["the identity beside an anchor of Eve's", ["leafUnderEveAnchor", "ca25519", "eveAnchor"], "CHAIN"],
    ["an expired leaf", ["leafExpired", "ca25519"], "EXPIRED"],
    ["a leaf that is not valid yet", ["leafFuture", "ca25519"], "EXPIRED"],
  ] as const)("another chain: %s", async (_name, names, code) => {
    const key = names[0] === "leafExpired" || names[0] === "leafFuture" ? "leaf25519" : "eveLeaf"
    const posing = unsoundIdentity(names, keyOf(key), identity.keyHash)
    const { client, pipe } = start({ server: { identities: [posing] } })
    const error = await failureOf(client)
    expect(error).toMatchObject({ code: "CERTIFICATE" })
    expect(codeOf(error)).toBe(code)
    expect(pipe.sent.client).toHaveLength(1)
  })

  test.each([
    ["the server's random", 7, "SIGNATURE"],
    ["the KEM key", 100, "SIGNATURE"],
    ["the chosen version", 6, "VERSION"],
    ["the identity certificate", 1_600, "IDENTITY"],
    ["the filler", 8_191, "HELLO"],
  ])("an altered hello: %s", async (_name, at, code) => {
    const { client, pipe } = start({
      fromServer: (bytes) => [bytes.length === 8_192 ? flipped(bytes, at) : bytes],
    })
    expect(codeOf(await failureOf(client))).toBe(code)
    expect(pipe.sent.client).toHaveLength(1)
  })

  test.each([
    ["a TLS alert", "15030300020228"],
    ["an HTTP answer", "485454502f312e31"],
    ["zeros", "00000000"],
  ])("garbage in place of a hello: %s", async (_name, bytes) => {
    const pipe = bytePipe()
    const client = startClient(pipe, new FakeClock(chainTime))
    await pipe.server.write(concatBytes(fromHex(bytes), new Uint8Array(8_200)))
    const error = await failureOf(client)
    expect(error).toMatchObject({ code: "HANDSHAKE" })
    expect(codeOf(error)).toBe("HELLO")
    expect(pipe.sent.client).toHaveLength(1)
  })

  test("silence, then the end: the sentence says what it means", async () => {
    const pipe = bytePipe()
    const client = startClient(pipe, new FakeClock(chainTime))
    await settle()
    await pipe.server.end()
    const error = await failureOf(client)
    expect(error).toMatchObject({ code: "TRUNCATED" })
    expect(String(error)).toContain(
      "the server closed without an answer: it is not the server of this address, or has no channel on this port",
    )
  })

  test("silence without an end: the client gives up in time", async () => {
    const pipe = bytePipe()
    const clock = new FakeClock(chainTime)
    const client = startClient(pipe, clock)
    await clock.advance(14_999)
    expect(clock.pending).toBe(1)
    await clock.advance(1)
    expect(await failureOf(client)).toMatchObject({ code: "TIMEOUT" })
    expect(await pipe.client.closed).toEqual({ type: "local" })
  })

  test("a refusal with a number that nobody knows is told", async () => {
    const pipe = bytePipe()
    const client = startClient(pipe, new FakeClock(chainTime))
    await pipe.server.write(fromHex("524d"))
    const error = await failureOf(client)
    expect(codeOf(error)).toBe("REFUSED 77")
    expect(String(error)).toContain("77")
  })
})

describe("a client that is not what it seems", () => {
  const serverFor = (
    options: Parameters<typeof startServer>[2] = {},
  ): { pipe: ReturnType<typeof bytePipe>; clock: FakeClock; server: ReturnType<typeof startServer> } => {
    const pipe = bytePipe()
    const clock = new FakeClock(chainTime)
    return { pipe, clock, server: startServer(pipe, clock, options) }
  }
  const preambleFor = (keyHash: Bytes, versions = "00010001"): Bytes =>
    concatBytes(fromHex("f5736d706368616e"), fromHex(versions), new Uint8Array(32), keyHash)

  test("one that does not know the address gets no byte", async () => {
    const { pipe, server } = serverFor()
    await pipe.client.write(preambleFor(other.keyHash))
    expect(await failureOf(server)).toMatchObject({ code: "FINGERPRINT" })
    expect(pipe.sent.server).toEqual([])
  })

  test("garbage is closed in silence at its first wrong byte", async () => {
    const { pipe, server } = serverFor()
    await pipe.client.write(fromHex("f573ff"))
    expect(await failureOf(server)).toMatchObject({ code: "PREAMBLE" })
    expect(pipe.sent.server).toEqual([])
  })

  test("nobody makes a key before the identity is right", async () => {
    const noRandom = { bytes: () => expect.fail("randomness for a stranger") }
    const { pipe, server } = serverFor({ random: noRandom })
    await pipe.client.write(preambleFor(other.keyHash))
    expect(await failureOf(server)).toMatchObject({ code: "FINGERPRINT" })
  })

  test("one that shares no version is told", async () => {
    const { pipe, server } = serverFor()
    await pipe.client.write(preambleFor(identity.keyHash, "00020003"))
    expect(await failureOf(server)).toMatchObject({ code: "VERSION" })
    expect(pipe.sent.server.map(toHex)).toEqual(["5202"])
  })

  test("silence: ten seconds for the preamble, and no byte", async () => {
    const { pipe, clock, server } = serverFor()
    await pipe.client.write(preambleFor(identity.keyHash).subarray(0, 75))
    await clock.advance(10_000)
    expect(await failureOf(server)).toMatchObject({ code: "TIMEOUT" })
    expect(pipe.sent.server).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test("silence after the hello: twenty seconds for the key, and no refusal", async () => {
    const { pipe, clock, server } = serverFor()
    await pipe.client.write(preambleFor(identity.keyHash))
    await clock.advance(19_999)
    expect(clock.pending).toBe(1)
    await clock.advance(1)
    expect(await failureOf(server)).toMatchObject({ code: "TIMEOUT" })
    expect(pipe.sent.server.map((bytes) => bytes.length)).toEqual([8_192])
    expect(clock.pending).toBe(0)
  })

  test("a replayed preamble and key message open nothing", async () => {
    const { pipe: recorded } = await opened()
    const { pipe, server } = serverFor()
    const [preamble, key] = recorded.sent.client as [Bytes, Bytes]
    await pipe.client.write(concatBytes(preamble, key))
    expect(await failureOf(server)).toMatchObject({ code: "KEY" })
    expect(toHex(pipe.sent.server[1] ?? new Uint8Array())).toBe("5203")
  })

  test("what comes after a refusal is thrown away for a second, then the connection is closed", async () => {
    const { pipe, clock, server } = serverFor()
    await pipe.client.write(preambleFor(identity.keyHash, "00020003"))
    expect(await failureOf(server)).toMatchObject({ code: "VERSION" })
    await pipe.client.write(new Uint8Array(1_000))
    await settle()
    expect(clock.pending).toBe(1)
    await clock.advance(1_000)
    expect(await pipe.server.closed).toEqual({ type: "local" })
  })

  test("what comes after a refusal is thrown away up to 64 KiB", async () => {
    const { pipe, server } = serverFor()
    await pipe.client.write(preambleFor(identity.keyHash, "00020003"))
    await failureOf(server)
    for (let i = 0; i < 5; i++) await pipe.client.write(new Uint8Array(16_384)).catch(() => undefined)
    expect(await pipe.server.closed).toEqual({ type: "local" })
  })

  test("a key message with another first byte is refused at that byte", async () => {
    const { pipe, server } = serverFor()
    await pipe.client.write(preambleFor(identity.keyHash))
    await pipe.client.write(fromHex("00"))
    expect(await failureOf(server)).toMatchObject({ code: "KEY" })
  })
})

describe("versions", () => {
  test("a client that knows more agrees on what both know", async () => {
    const { client, server } = await opened({ client: { versions: { min: 1, max: 3 } } })
    expect(client.sessionId).toEqual(server.sessionId)
  })

  test("whoever lowers the client's range on the way is found out by the signature", async () => {
    const { client, pipe } = start({
      client: { versions: { min: 1, max: 3 } },
      server: { versions: { min: 1, max: 2 } },
      fromClient: (bytes) => {
        const copy = bytes.slice()
        if (copy.length === 76) copy[11] = 1
        return [copy]
      },
    })
    // The server chose 1 for the range that it saw, where both know 2.
    expect(codeOf(await failureOf(client))).toBe("VERSION")
    expect(pipe.sent.client).toHaveLength(1)
  })

  test("whoever rewrites the range so that the choice is the same is found out as well", async () => {
    const { client } = start({
      client: { versions: { min: 1, max: 3 } },
      fromClient: (bytes) => {
        const copy = bytes.slice()
        if (copy.length === 76) copy[11] = 2
        return [copy]
      },
    })
    expect(codeOf(await failureOf(client))).toBe("SIGNATURE")
  })

  test("a refusal for the version is not a reason to try with less", async () => {
    const { client, pipe } = start({ client: { versions: { min: 2, max: 3 } } })
    const error = await failureOf(client)
    expect(codeOf(error)).toBe("REFUSED VERSION")
    expect(pipe.sent.client).toHaveLength(1)
  })
})

describe("several identities on one port", () => {
  test("each client gets the one that it names", async () => {
    const identities = [identity, other]
    for (const wanted of identities) {
      const { client, server } = await opened({
        client: { keyHash: wanted.keyHash },
        server: { identities },
      })
      expect(client.peerChain).toEqual(wanted.chain)
      expect(server.identity).toBe(wanted)
    }
  })
})

test("a handshake of which nothing is open leaves no timer", async () => {
  const { clock, client, server } = await opened()
  expect(clock.pending).toBe(0)
  const closing = Promise.all([client.close(), server.close()])
  await closing
  expect(clock.pending).toBe(0)
})

test("a signal ends a handshake with its reason", async () => {
  const pipe = bytePipe()
  const abort = new AbortController()
  const client = startClient(pipe, new FakeClock(chainTime), { signal: abort.signal })
  await settle()
  abort.abort(new Error("enough"))
  await expect(client).rejects.toThrow("enough")
  expect(await pipe.client.closed).toEqual({ type: "local" })
})

test("limits that are reached are told as such", async () => {
  const clock = new FakeClock(chainTime)
  const limits = testLimits(clock, { maxHalfOpen: 1 })
  const first = bytePipe()
  startServer(first, clock, { limits }).catch(() => undefined)
  await first.client.write(
    concatBytes(fromHex("f5736d706368616e00010001"), systemRandom.bytes(32), identity.keyHash),
  )
  await settle()
  const { client, server } = start({ clock, server: { limits } })
  const error = await failureOf(client)
  expect(codeOf(error)).toBe("REFUSED BUSY")
  expect(String(error)).toContain("try again")
  expect(await failureOf(server)).toMatchObject({ code: "BUSY" })
})
