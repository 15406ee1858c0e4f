import { decodePublicKey, encodePublicKey, type KeyPair, type PrivateKey } from "@smpkit/crypto"
import {
  authorize,
  type BrokerMessage,
  type ClientMessage,
  type Command,
  encodeCommand,
  type LinkCommand,
  type ProtocolError,
  type QueueInfo,
  type QueueUri,
  type RecipientCommand,
  type Reply,
  sealMessageBody,
  type SenderCommand,
  type ServerAddress,
  SmpError,
  verifyAuthorization,
} from "@smpkit/smp"
import { expect, test } from "vitest"
import { rdh, rk, sessionId, srvSess } from "./fixtures.ts"

// Each marked line must not compile; `tsc -p tsconfig.test.json` says so when one does. None of them runs.
test("mix-ups that the compiler refuses", () => {
  const x448 = decodePublicKey(encodePublicKey(rk.publicKey), ["x448", "ed25519"])
  const bytes = new Uint8Array(24)
  const uri = {} as QueueUri
  const mixUps = [
    // @ts-expect-error a command that does not exist
    () => encodeCommand(18, { type: "SUBX" }),
    // @ts-expect-error a field of another command
    (): Command => ({ type: "SUB", msgId: bytes }),
    // @ts-expect-error a field is missing
    (): Command => ({ type: "ACK" }),
    // @ts-expect-error a message where a command belongs
    (): Command => ({ type: "OK" }),
    // @ts-expect-error a command where a message belongs
    (): BrokerMessage => ({ type: "PING" }),
    // @ts-expect-error a private key where a public one belongs
    (): Command => ({ type: "SKEY", senderKey: rk.privateKey }),
    // @ts-expect-error a key of X448 authorizes nothing
    (): Command => ({ type: "SKEY", senderKey: x448 }),
    // @ts-expect-error a signing key where a DH key belongs
    (): Command => ({ type: "NKEY", authKey: rk.publicKey, dhKey: rk.publicKey }),
    // @ts-expect-error keys in the wrong order would need the wrong types
    (): Command => ({ type: "PFWD", version: 17, commandKey: rk.publicKey, sealed: bytes }),
    // @ts-expect-error an empty list of keys
    (): Command => ({ type: "RKEY", recipientKeys: [] }),
    // @ts-expect-error a recipient does not send
    (): RecipientCommand => ({ type: "SEND", notification: false, body: bytes }),
    // @ts-expect-error a sender does not acknowledge
    (): SenderCommand => ({ type: "ACK", msgId: bytes }),
    // @ts-expect-error LKEY is not SKEY
    (): LinkCommand => ({ type: "SKEY", senderKey: rk.publicKey }),
    // @ts-expect-error NEW is not answered by OK
    (): Reply<"NEW"> => ({ type: "OK" }),
    // @ts-expect-error PING is not answered by a message
    (): Reply<"PING"> => ({ type: "MSG", msgId: bytes, body: bytes }),
    // @ts-expect-error a reason that the protocol does not have
    (): ProtocolError => ({ type: "CMD", reason: "AUTH" }),
    // @ts-expect-error a reason is missing
    (): ProtocolError => ({ type: "CMD" }),
    // @ts-expect-error a server has at least one host
    (): ServerAddress => ({ hosts: [], port: "", keyHash: bytes }),
    // @ts-expect-error an address for all versions where one version is agreed
    (): QueueInfo => uri,
    // @ts-expect-error the header K has a key
    (): ClientMessage => ({ header: { type: "K" }, payload: bytes }),
    // @ts-expect-error a secret that was not made a box key
    () => sealMessageBody(bytes, bytes, { type: "quota", time: 0 }),
    // @ts-expect-error a quota mark has no body
    () => sealMessageBody(bytes as never, bytes, { type: "quota", time: 0, body: bytes }),
    // @ts-expect-error the session key is an X25519 key
    () => authorize(rk, rk.publicKey, bytes, bytes),
    // @ts-expect-error a lone public key authorizes nothing
    () => authorize(rk.publicKey, srvSess.publicKey, bytes, bytes),
    // @ts-expect-error the server verifies with its private session key
    () => verifyAuthorization(rk.publicKey, bytes, srvSess.publicKey, bytes, bytes),
    // @ts-expect-error a code that does not exist
    () => SmpError.is(undefined, "AUTH"),
  ]
  expect(mixUps).toHaveLength(26)
})

test("what the compiler accepts", () => {
  const keys: readonly KeyPair<"ed25519" | "x25519">[] = [rk, rdh]
  const session: PrivateKey<"x25519"> = srvSess.privateKey
  const answer: Reply<"SUB"> = { type: "SOK", serviceId: undefined }
  const refused: Reply<"KEY"> = { type: "ERR", error: { type: "AUTH" } }
  const done: Reply<"KEY"> = { type: "OK" }
  const made = keys.map((key) => authorize(key, srvSess.publicKey, sessionId, sessionId))
  expect(made.map((authorization) => authorization.length)).toEqual([64, 80])
  expect(
    made.map((authorization, i) =>
      verifyAuthorization(keys[i]?.publicKey ?? rk.publicKey, authorization, session, sessionId, sessionId),
    ),
  ).toEqual([true, true])
  expect([answer.type, refused.type, done.type]).toEqual(["SOK", "ERR", "OK"])
})
