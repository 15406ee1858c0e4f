import { type Bytes, concatBytes, toHex, utf8 } from "@smpkit/codec"
import {
  aesGcmOpen,
  CryptoError,
  hmacSha256,
  hpkeOpenBase,
  loadXWing,
  type Random,
  sha256,
  systemRandom,
} from "@smpkit/crypto"
import { newIdentity } from "@smpkit/server"
import { type ServerIdentity, systemClock } from "@smpkit/transport"
import { channelClient, ChannelLimits, channelServer } from "@smpkit/transport/channel"
import { describe, expect, test } from "vitest"
import { bytePipe, type BytePipe } from "../../src/index.ts"

const xWing = await loadXWing()
const nothing = new Uint8Array(0)
const said = utf8("what was said yesterday")
const clock = systemClock
const newServer = (): ServerIdentity =>
  newIdentity({ host: "127.0.0.1", clock, random: systemRandom }).identity

/** Randomness that remembers what it gave: the arrays themselves, which their users may erase, and copies of them. */
class Watched implements Random {
  readonly given: Bytes[] = []
  readonly copies: Bytes[] = []
  readonly bytes = (length: number): Bytes => {
    const bytes = systemRandom.bytes(length)
    this.given.push(bytes)
    this.copies.push(bytes.slice())
    return bytes
  }
}

interface Conversation {
  /** All that an observer records. */
  readonly recorded: BytePipe["sent"]
  readonly clients: Watched
  readonly servers: Watched
}

/** A client and a server with this identity; the client says one thing. */
async function converse(identity: ServerIdentity, keyHash = identity.keyHash): Promise<Conversation> {
  const pipe = bytePipe()
  const [clients, servers] = [new Watched(), new Watched()]
  const limits = new ChannelLimits({ clock, nextTurn: () => Promise.resolve() })
  const [server, client] = await Promise.all([
    channelServer(pipe.server, { clock, random: servers, xWing, identities: [identity], limits }),
    channelClient(pipe.client, { clock, random: clients, xWing, keyHash }),
  ])
  const block = new Uint8Array(16_384)
  block.set(said)
  await client.write(block)
  expect(await server.read()).toEqual(block)
  await Promise.all([client.close(), server.close()])
  return { recorded: pipe.sent, clients, servers }
}

const label = (name: string): Bytes => utf8(`SMP channel 1, ${name}`)
const derived = (key: Bytes, name: string): Bytes => hmacSha256(key, label(name), Uint8Array.of(1))

/** What somebody reads in a recording who has a KEM key for it, or tries something else as one: from channel.md alone. */
function readWith(seed: Bytes, { client, server }: BytePipe["sent"]): Bytes | undefined {
  const [preamble, keyMessage, record] = client as [Bytes, Bytes, Bytes]
  const [hello] = server as [Bytes]
  const h1 = sha256(preamble, hello)
  const sessionKey = hpkeOpenBase(xWing, {
    seed,
    enc: keyMessage.subarray(1, 1_121),
    sealed: keyMessage.subarray(1_121),
    info: concatBytes(label("session key"), Uint8Array.of(0), h1),
    aad: nothing,
  })
  return sessionKey && readWithSessionKey(sessionKey, sha256(h1, keyMessage), record)
}

function readWithSessionKey(sessionKey: Bytes, h2: Bytes, record: Bytes): Bytes | undefined {
  const key = derived(derived(hmacSha256(h2, sessionKey), "client"), "key")
  try {
    return aesGcmOpen(key, new Uint8Array(12), nothing, record).subarray(0, said.length)
  } catch (error) {
    if (error instanceof CryptoError) return undefined
    throw error
  }
}

describe("Eve recorded yesterday's bytes, and has the server's online private key today", () => {
  test("a server that had kept its KEM key would be read: this is how Eve reads", async () => {
    const { recorded, servers } = await converse(newServer())
    const kept = servers.copies[1] ?? nothing
    expect(readWith(kept, recorded)).toEqual(said)
  })

  test("the key message is not made for the online key, in whatever way Eve uses it", async () => {
    const identity = newServer()
    const { recorded } = await converse(identity)
    const stolen = identity.leafKey.privateKey.use((raw) => new Uint8Array(raw))
    const [preamble, keyMessage, record] = recorded.client as [Bytes, Bytes, Bytes]
    const [hello] = recorded.server as [Bytes]
    const h2 = sha256(sha256(preamble, hello), keyMessage)
    for (const key of [stolen.slice(0, 32), stolen.slice(-32), sha256(stolen), sha256(stolen, h2)]) {
      expect(readWith(key, recorded)).toBeUndefined()
      expect(readWithSessionKey(key, h2, record)).toBeUndefined()
    }
  })

  test("nothing that a side drew is left where she could find it: KEM key, session key and its randomness are erased", async () => {
    const { recorded, clients, servers } = await converse(newServer())
    // The server's random and the client's are public; the rest is zero.
    expect(clients.given.map((bytes) => bytes.length)).toEqual([32, 32, 64])
    expect(servers.given.map((bytes) => bytes.length)).toEqual([32, 32])
    for (const secret of [clients.given[1], clients.given[2], servers.given[1]])
      expect(secret?.every((byte) => byte === 0)).toBe(true)
    expect(readWith(servers.given[1] ?? nothing, recorded)).toBeUndefined()
  })

  test("another connection's KEM key does not open this one: each handshake has its own", async () => {
    const identity = newServer()
    const yesterday = await converse(identity)
    const today = await converse(identity)
    expect(readWith(today.servers.copies[1] ?? nothing, today.recorded)).toEqual(said)
    expect(readWith(today.servers.copies[1] ?? nothing, yesterday.recorded)).toBeUndefined()
  })

  test("what was said is nowhere in the recording", async () => {
    const { recorded } = await converse(newServer())
    expect(toHex(concatBytes(...recorded.client, ...recorded.server))).not.toContain(toHex(said))
  })

  test("what the key is good for is to pose as the server from now on, which is why its certificate is short-lived", async () => {
    const identity = newServer()
    const eve: ServerIdentity = { ...identity }
    const { recorded, servers } = await converse(eve, identity.keyHash)
    expect(readWith(servers.copies[1] ?? nothing, recorded)).toEqual(said)
  })
})
