import { describe, expect, test } from "vitest"
import { type Bytes, decode, encode, utf8 } from "@smpkit/codec"
import { generateKeyPair, systemRandom } from "@smpkit/crypto"
import { type CertificateChain, clientHello, padBlock, serverHello, signKey, unpadBlock } from "@smpkit/smp"
import { type BlockStream, clientHandshake, serverHandshake, type ServerIdentity } from "@smpkit/transport"
import { goodChains, identityOf, keyOf } from "../chains.ts"
import { sessions } from "../transport-suite.ts"
import { identity, opened } from "./pair.ts"

const random = systemRandom
const options = { keyHash: identity.keyHash, random, overChannel: true }

/** A server's SMP hello over its end of a channel, with this chain and leaf key. */
async function sayHello(
  server: BlockStream,
  { chain, leafKey }: Pick<ServerIdentity, "chain" | "leafKey">,
  sessionId: Bytes = server.sessionId,
): Promise<void> {
  const key = generateKeyPair("x25519", random)
  const certifiedKey = { chain: chain as CertificateChain, signedKey: signKey(key.publicKey, leafKey) }
  await server.write(
    padBlock(encode(serverHello, { versions: { min: 6, max: 18 }, sessionId, certifiedKey })),
  )
}

describe("the SMP handshake over a channel", () => {
  test.each(Object.entries(goodChains))("with a chain of %s", async (_name, names) => {
    const other = identityOf(names)
    const { client, server } = await opened({
      client: { keyHash: other.keyHash },
      server: { identities: [other] },
    })
    const [ours, theirs] = await sessions(client, server, other, { client: { overChannel: true } })
    expect(ours.sessionId).toEqual(client.sessionId)
    expect(theirs.sessionId).toEqual(client.sessionId)
    expect(ours.serverSessionKey).toBeDefined()
    await ours.send(utf8("hello"))
    expect(await theirs.receive()).toEqual({ type: "content", content: utf8("hello") })
  })

  test("the client leaves its session key out, so that blocks are not encrypted twice", async () => {
    const { client, server } = await opened()
    const joining = clientHandshake(client, options)
    await sayHello(server, identity)
    const session = await joining
    const hello = decode(clientHello, unpadBlock((await server.read()) ?? new Uint8Array()))
    expect(hello.sessionKey).toBeUndefined()
    expect(hello.keyHash).toEqual(identity.keyHash)
    await session.send(utf8("in a plain block"))
    expect(unpadBlock((await server.read()) ?? new Uint8Array())).toEqual(utf8("in a plain block"))
  })

  test("should a client send one all the same, both layers run", async () => {
    const { client, server } = await opened()
    const [ours, theirs] = await sessions(client, server, identity)
    expect(ours.maxContentSize).toBe(16_366)
    await theirs.send(utf8("twice"))
    expect(await ours.receive()).toEqual({ type: "content", content: utf8("twice") })
  })

  test("the session id of the hello is the channel's, else SESSION", async () => {
    const { client, server } = await opened()
    const joining = clientHandshake(client, options)
    await sayHello(server, identity, new Uint8Array(32).fill(1))
    await expect(joining).rejects.toMatchObject({ code: "SESSION" })
  })

  test("the hello repeats the channel's whole chain: the same leaf under another anchor is refused", async () => {
    const three = identityOf(goodChains.three)
    const { client, server } = await opened({
      client: { keyHash: three.keyHash },
      server: { identities: [three] },
    })
    const joining = clientHandshake(client, { ...options, keyHash: three.keyHash })
    // Sound by itself, and of the same identity: the last certificate is another one with the same key and name.
    const four = identityOf(goodChains.four)
    expect(four.keyHash).toEqual(three.keyHash)
    await sayHello(server, four)
    await expect(joining).rejects.toMatchObject({ code: "CERTIFICATE" })
  })

  test("the session key is signed by the channel's leaf", async () => {
    const { client, server } = await opened()
    const joining = clientHandshake(client, options)
    await sayHello(server, { chain: identity.chain, leafKey: keyOf("eveLeaf") })
    await expect(joining).rejects.toMatchObject({ code: "HANDSHAKE" })
  })

  test("the server's identity in the client's hello is that of the channel", async () => {
    const other = identityOf(["leaf448", "ca448"])
    const { client, server } = await opened({ server: { identities: [identity, other] } })
    const serving = serverHandshake(server, { identity: server.identity, random })
    serving.catch(() => undefined)
    const hello = decode(serverHello, unpadBlock((await client.read()) ?? new Uint8Array()))
    const wrong = {
      version: hello.versions.max,
      keyHash: other.keyHash,
      sessionKey: undefined,
      proxy: false,
      service: undefined,
    }
    await client.write(padBlock(encode(clientHello, wrong)))
    await expect(serving).rejects.toMatchObject({ code: "FINGERPRINT" })
  })

  test("the session ids of two connections differ", async () => {
    const one = await opened()
    const two = await opened()
    expect(one.client.sessionId).not.toEqual(two.client.sessionId)
  })
})
