import { type Bytes, concatBytes, toHex, utf8 } from "@smpkit/codec"
import { type AuthAlg, boxKey, decodePublicKey, keyPairOf, PrivateKey, sha256 } from "@smpkit/crypto"
import {
  type AuthKey,
  authorizationKind,
  type Command,
  credentialError,
  encodeBrokerMessage,
  encodeCommand,
  encodeTransmission,
  openMessageBody,
  parseBrokerMessage,
  parseClientEnvelope,
  parseCommand,
  parseTransmission,
  type ReceivedMessage,
  sealMessageBody,
  signedBytes,
  verifyAuthorization,
} from "@smpkit/smp"
import { loadVectors, type Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"

const names = [
  "invitation-fast",
  "invitation-fast-pq",
  "invitation-slow",
  "invitation-v6-no-alpn",
  "short-link-invitation",
  "contact-address",
  "short-link-contact",
  "deletion",
  "rotation",
  "quota",
  "resubscription",
  "proxy",
]

interface Connection {
  readonly version: number
  readonly sessionId: Bytes
  readonly sessionPrivate: PrivateKey<"x25519">
}

function connectionsOf(conversation: Vector): ReadonlyMap<number, Connection> {
  return new Map(
    conversation
      .at("connections")
      .items()
      .map((one) => [
        one.at("conn").number(),
        {
          version: one.at("version").number(),
          sessionId: one.at("sessionId").bytes(),
          sessionPrivate: new PrivateKey("x25519", one.at("serverSessionPrivate").bytes()),
        },
      ]),
  )
}

const authAlgs: readonly AuthAlg[] = ["ed25519", "ed448", "x25519"]

/** Keys that may have authorized commands about an entity. */
function keysByEntity(conversation: Vector): ReadonlyMap<string, readonly AuthKey[]> {
  const keys = new Map<string, readonly AuthKey[]>()
  for (const queue of conversation.at("queues").items()) {
    const recipientKeys = queue.at("recipientKeys").items()
    keys.set(
      queue.at("recipientId").text(),
      recipientKeys.map((key) => decodePublicKey(key.bytes(), authAlgs)),
    )
    const senderKey = queue.find("senderKey")
    keys.set(
      queue.at("senderId").text(),
      senderKey === undefined ? [] : [decodePublicKey(senderKey.bytes(), authAlgs)],
    )
  }
  return keys
}

function keyInside(command: Command): AuthKey | undefined {
  if (command.type === "NEW") return command.authKey
  return command.type === "SKEY" || command.type === "LKEY" ? command.senderKey : undefined
}

describe.each(names)("%s", (name) => {
  const conversation = loadVectors(`conversations/${name}`)
  const connections = connectionsOf(conversation)
  const steps = conversation
    .at("steps")
    .items()
    .filter((step) => step.has("dir"))
  const complete = steps.filter((step) => step.has("command"))
  const connectionOf = (step: Vector): Connection => {
    const connection = connections.get(step.at("conn").number())
    if (connection === undefined) throw new Error(`${step.path} has no connection`)
    // What a proxy forwards has the version that it was sealed for.
    return step.has("forwarded") ? { ...connection, version: 17 } : connection
  }
  const transmissionOf = (step: Vector) => {
    const service = step.find("service")?.bytes()
    return {
      authorization: step.at("authorization").bytes(),
      corrId: step.at("corrId").bytes(),
      entityId: step.at("entityId").bytes(),
      command: step.at("command").bytes(),
      ...(service && { serviceSignature: service }),
    }
  }

  test("every command parses and encodes again", () => {
    for (const step of complete) {
      const { version, sessionId } = connectionOf(step)
      const t = transmissionOf(step)
      expect(parseTransmission(version, sessionId, encodeTransmission(version, sessionId, t))).toEqual(t)
      if (step.at("dir").text() === "C>S") {
        const command = parseCommand(version, t.command)
        expect(command.type).toBe(step.at("tag").text())
        expect(toHex(encodeCommand(version, command))).toBe(toHex(t.command))
        const given = { authorized: t.authorization.length > 0, entity: t.entityId.length > 0 }
        expect(credentialError(command.type, given)).toBeUndefined()
      } else {
        const message = parseBrokerMessage(version, t.command)
        expect(message.type).toBe(step.at("tag").text())
        expect(toHex(encodeBrokerMessage(version, message))).toBe(toHex(t.command))
      }
    }
    expect(complete.length).toBeGreaterThan(10)
  })

  test("every authorization verifies, and none with a byte changed", () => {
    const keys = keysByEntity(conversation)
    let verified = 0
    for (const step of complete) {
      const t = transmissionOf(step)
      if (authorizationKind(t.authorization) === "none") continue
      const { version, sessionId, sessionPrivate } = connectionOf(step)
      const inside = keyInside(parseCommand(version, t.command))
      const candidates = inside === undefined ? (keys.get(toHex(t.entityId)) ?? []) : [inside]
      const verifies = (signed: Uint8Array, authorization: Uint8Array = t.authorization) =>
        candidates.some((key) => verifyAuthorization(key, authorization, sessionPrivate, t.corrId, signed))
      const signed = signedBytes(sessionId, t)
      expect([step.path, verifies(signed)]).toEqual([step.path, true])
      // One byte each of the session, the ids and the command, and of the authorization itself.
      for (const at of [1, 34, 34 + t.corrId.length, signed.length - 1])
        expect(verifies(changed(signed, at))).toBe(false)
      expect(verifies(signed, changed(t.authorization, 0))).toBe(false)
      expect(verifies(signed, changed(t.authorization, t.authorization.length - 1))).toBe(false)
      verified++
    }
    expect(verified).toBeGreaterThan(4)
  })

  test("every MSG is rebuilt from its SEND, and opens", () => {
    const byIndex = new Map(steps.map((step) => [step.at("i").number(), step]))
    const secrets = new Map(
      conversation
        .at("queues")
        .items()
        .map((queue) => [queue.at("queue").text(), queue.at("msgSecret").bytes()]),
    )
    let rebuilt = 0
    for (const step of steps.filter((one) => one.has("msg"))) {
      const message = receivedOf(step.at("msg"), byIndex, connectionOf)
      if (message === undefined) continue
      const key = boxKey(secrets.get(step.at("queue").text()) ?? new Uint8Array(0))
      const msgId = step.at("msg", "msgId").bytes()
      const body = sealMessageBody(key, msgId, message)
      const bytes = encodeBrokerMessage(connectionOf(step).version, { type: "MSG", msgId, body })
      expect(bytes).toHaveLength(step.at("commandLen").number())
      expect(toHex(sha256(bytes))).toBe(step.at("commandSha256").text())
      expect(openMessageBody(key, msgId, body)).toEqual(message)
      rebuilt++
    }
    const shortened = new Set([
      "invitation-v6-no-alpn",
      "short-link-contact",
      "deletion",
      "proxy",
      "resubscription",
    ])
    if (!shortened.has(name)) expect(rebuilt).toBeGreaterThan(0)
  })
})

/** What a recorded MSG delivers; `undefined` where the body of its SEND is shortened. */
function receivedOf(
  recorded: Vector,
  byIndex: ReadonlyMap<number, Vector>,
  connectionOf: (step: Vector) => Connection,
): ReceivedMessage | undefined {
  const time = recorded.at("time").number()
  if (recorded.find("quota")?.boolean() === true) return { type: "quota", time }
  const send = byIndex.get(recorded.at("send").number())
  const bytes = send?.find("command")?.bytes()
  if (send === undefined || bytes === undefined) return undefined
  const command = parseCommand(connectionOf(send).version, bytes)
  if (command.type !== "SEND") throw new Error(`${send.path} is no SEND`)
  expect(concatBytes(utf8(recorded.at("flags").text()))).toEqual(utf8(command.notification ? "T" : "F"))
  expect(parseClientEnvelope(command.body).version).toBe(4)
  return { type: "message", time, notification: command.notification, body: command.body }
}

function changed(bytes: Uint8Array, at: number): Bytes {
  const copy = new Uint8Array(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

test("the keys of the recorded sessions belong together", () => {
  for (const connection of loadVectors("conversations/quota").at("connections").items()) {
    const { publicKey } = keyPairOf(new PrivateKey("x25519", connection.at("serverSessionPrivate").bytes()))
    expect(publicKey).toEqual(decodePublicKey(connection.at("serverSessionPublic").bytes(), ["x25519"]))
  }
})
