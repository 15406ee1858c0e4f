import { type Bytes, toHex } from "@smpkit/codec"
import {
  type AuthAlg,
  boxKey,
  type BoxKey,
  dh,
  generateKeyPair,
  type KeyPair,
  systemRandom,
} from "@smpkit/crypto"
import { openMessageBody, type ServerAddress } from "@smpkit/smp"
import { TransportError } from "@smpkit/transport"
import { expect } from "vitest"
import { connectClient } from "./server-process.ts"

export interface TestQueue {
  readonly recipientId: Bytes
  readonly senderId: Bytes
  readonly key: KeyPair<AuthAlg>
  readonly boxKey: BoxKey
}

export async function newQueue(address: ServerAddress): Promise<TestQueue> {
  const client = await connectClient(address)
  const key = client.newKey("ed25519")
  const dhKey = generateKeyPair("x25519", systemRandom)
  const ids = await client.request(
    {
      type: "NEW",
      authKey: key.publicKey,
      dhKey: dhKey.publicKey,
      basicAuth: undefined,
      subscribe: false,
      queueMode: "messaging",
    },
    { key },
  )
  if (ids.type !== "IDS") throw new Error(ids.type)
  await client.session.close()
  return { ...ids, key, boxKey: boxKey(dh(dhKey.privateKey, ids.serverDhKey)) }
}

/** Sends to a queue until the server is gone; the bodies that were answered OK. */
export async function load(address: ServerAddress, { senderId }: TestQueue, kept: string[]): Promise<void> {
  try {
    const client = await connectClient(address)
    for (;;) {
      const body = systemRandom.bytes(32)
      const answer = await client.request({ type: "SEND", notification: false, body }, { entityId: senderId })
      if (answer.type === "OK") kept.push(toHex(body))
      else if (answer.type === "ERR" && answer.error.type === "QUOTA") return
      else throw new Error(answer.type)
    }
  } catch (error) {
    if (error instanceof TransportError || (error instanceof Error && error.message.includes("closed")))
      return
    throw error
  }
}

/** Everything in a queue, acknowledged as it comes. */
export async function drain(address: ServerAddress, queue: TestQueue): Promise<string[]> {
  const client = await connectClient(address)
  const { recipientId: entityId, key } = queue
  const bodies: string[] = []
  let answer = await client.request({ type: "GET" }, { entityId, key })
  while (answer.type === "MSG") {
    const opened = openMessageBody(queue.boxKey, answer.msgId, answer.body)
    if (opened.type === "message") bodies.push(toHex(opened.body))
    expect(await client.request({ type: "ACK", msgId: answer.msgId }, { entityId, key })).toEqual({
      type: "OK",
    })
    answer = await client.request({ type: "GET" }, { entityId, key })
  }
  expect(answer).toEqual({ type: "OK" })
  await client.session.close()
  return bodies
}
