import { systemRandom, generateKeyPair, dh, boxKey } from "@smpkit/crypto"
import { openMessageBody } from "@smpkit/smp"
import { clientHandshake } from "@smpkit/transport"
import { connectTls } from "@smpkit/transport/tls"
import { utf8 } from "@smpkit/codec"
import { expect, test } from "vitest"
import { startServer } from "../src/index.ts"
import { TestClient } from "./support/test-client.ts"

test("two clients pass a message through a server over TLS", async () => {
  await using server = await startServer({ store: "memory", bind: "127.0.0.1", port: 0, host: "127.0.0.1" })
  const connect = async (): Promise<TestClient> => {
    const stream = await connectTls(server.address)
    const session = await clientHandshake(stream, { keyHash: server.address.keyHash, random: systemRandom })
    return new TestClient(session, systemRandom)
  }
  const recipient = await connect()
  const sender = await connect()
  expect((await recipient.request({ type: "PING" })).type).toBe("PONG")
  const key = recipient.newKey("ed25519")
  const dhKey = generateKeyPair("x25519", systemRandom)
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
  const senderKey = sender.newKey("x25519")
  expect(
    await sender.request(
      { type: "SKEY", senderKey: senderKey.publicKey },
      { entityId: ids.senderId, key: senderKey },
    ),
  ).toEqual({ type: "OK" })
  expect(
    await sender.request(
      { type: "SEND", notification: false, body: utf8("hello") },
      { entityId: ids.senderId, key: senderKey },
    ),
  ).toEqual({ type: "OK" })
  const { message } = await recipient.next()
  if (message.type !== "MSG") throw new Error(message.type)
  const opened = openMessageBody(boxKey(dh(dhKey.privateKey, ids.serverDhKey)), message.msgId, message.body)
  expect(opened).toMatchObject({ type: "message", notification: false, body: utf8("hello") })
  expect(
    await recipient.request({ type: "ACK", msgId: message.msgId }, { entityId: ids.recipientId, key }),
  ).toEqual({ type: "OK" })
})
