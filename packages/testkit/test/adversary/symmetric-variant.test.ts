import { SmpClient } from "@smpkit/client"
import { type Bytes, concatBytes, decodeUtf8, utf8 } from "@smpkit/codec"
import {
  aesGcmOpen,
  aesGcmSeal,
  boxKey,
  boxNonceSize,
  CryptoError,
  dh,
  generateKeyPair,
  openBox,
  sealBox,
} from "@smpkit/crypto"
import { describe, expect, test } from "vitest"
import { EveServer } from "../../src/eve-server.ts"
import { FakeClock, seededRandom } from "../../src/index.ts"

const none = new Uint8Array(0)

/** A queue of A's on Eve's server, to which B sends bodies: what both variants have in common. */
async function queueOfA() {
  const random = seededRandom("symmetric")
  const clock = new FakeClock()
  const server = new EveServer("eve.example", { clock, random })
  const client = await SmpClient.connect(server.address, { connector: server, clock, random })
  const key = generateKeyPair("ed25519", random)
  const { senderId } = await client.request(
    {
      type: "NEW",
      authKey: key.publicKey,
      dhKey: generateKeyPair("x25519", random).publicKey,
      basicAuth: undefined,
      subscribe: false,
      queueMode: "contact",
    },
    { entityId: none, key },
  )
  const send = async (body: Bytes): Promise<void> => {
    await client.request({ type: "SEND", notification: false, body }, { entityId: senderId })
  }
  return { random, server, client, senderId, send }
}

const plaintexts = ["my reply queue is ABq", "meet me at nine"]

// The note's argument for key pairs in the out-of-band message: the other way lives in this test only.
describe("the variant that the note rejects: a symmetric key in the out-of-band message", () => {
  test("whoever has read the message reads everything, now and in what was recorded", async () => {
    const { random, server, client, senderId, send } = await queueOfA()
    await using _client = client
    const outOfBand = { senderId, key: random.bytes(32) }
    for (const text of plaintexts) {
      const iv = random.bytes(16)
      await send(concatBytes(iv, aesGcmSeal(outOfBand.key, iv, none, utf8(text))))
    }
    const read = server
      .bodies(outOfBand.senderId)
      .map((body) => decodeUtf8(aesGcmOpen(outOfBand.key, body.slice(0, 16), none, body.slice(16))))
    expect(read).toEqual(plaintexts)
  })

  test("with a public key in the message she has all that the servers and the message have, and reads nothing", async () => {
    const { random, server, client, senderId, send } = await queueOfA()
    await using _client = client
    const alice = generateKeyPair("x25519", random)
    const outOfBand = { senderId, key: alice.publicKey }
    const bob = generateKeyPair("x25519", random)
    for (const text of plaintexts) {
      const nonce = random.bytes(boxNonceSize)
      const box = sealBox(boxKey(dh(bob.privateKey, outOfBand.key)), nonce, utf8(text))
      await send(concatBytes(bob.publicKey.raw, nonce, box))
    }
    const eve = generateKeyPair("x25519", random)
    for (const body of server.bodies(outOfBand.senderId)) {
      const [nonce, box] = [body.slice(32, 32 + boxNonceSize), body.slice(32 + boxNonceSize)]
      const secrets = [dh(eve.privateKey, outOfBand.key), dh(eve.privateKey, bob.publicKey)]
      for (const secret of [...secrets, outOfBand.key.raw, bob.publicKey.raw])
        expect(() => openBox(boxKey(secret.slice()), nonce, box)).toThrow(CryptoError)
      // Alice, who has the private half, reads it.
      expect(plaintexts).toContain(
        decodeUtf8(openBox(boxKey(dh(alice.privateKey, bob.publicKey)), nonce, box)),
      )
    }
  })
})
