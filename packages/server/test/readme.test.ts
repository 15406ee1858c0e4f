import { readFileSync } from "node:fs"
import { type Bytes, utf8 } from "@smpkit/codec"
import { type AuthAlg, generateKeyPair, type KeyPair } from "@smpkit/crypto"
import { type Command, credentialError, formatProtocolError, parseBrokerMessage } from "@smpkit/smp"
import { seededRandom } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { exchange, LooseSession, serve, testCore } from "./support/below-transport.ts"
import { TestClient } from "./support/test-client.ts"

// What README.md says about commands is what the server answers.

const random = seededRandom("readme")
const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8")

/** The tags that stand between backticks in the row of a table. */
function tagsOf(row: RegExp): readonly string[] {
  const line = readme.split("\n").find((text) => row.test(text)) ?? ""
  const tags = /`([A-Z]{2,}(?: [A-Z]{2,})+)`/g
  return [...line.matchAll(tags)]
    .map(([, list = ""]) => list)
    .filter((list) => !list.startsWith("ERR "))
    .flatMap((list) => list.split(" "))
}
const served = tagsOf(/^\| Server \|/)
const prohibited = tagsOf(/^\| Known commands that answer/)

const authKey = generateKeyPair("ed25519", random)
const dhKey = generateKeyPair("x25519", random).publicKey
const id = random.bytes(24)
const link = { fixed: utf8("fixed"), user: utf8("user") }
const server = { hosts: ["localhost"], port: "", keyHash: random.bytes(32) } as const
const plainNew = {
  type: "NEW",
  authKey: authKey.publicKey,
  dhKey,
  basicAuth: undefined,
  subscribe: false,
  queueMode: "messaging",
} as const
const senderKey = authKey.publicKey
const commands: { readonly [T in Command["type"]]: Command & { readonly type: T } } = {
  NEW: plainNew,
  SUB: { type: "SUB" },
  KEY: { type: "KEY", senderKey },
  RKEY: { type: "RKEY", recipientKeys: [senderKey] },
  LSET: { type: "LSET", linkId: id, ...link },
  LDEL: { type: "LDEL" },
  NKEY: { type: "NKEY", authKey: senderKey, dhKey },
  NDEL: { type: "NDEL" },
  GET: { type: "GET" },
  ACK: { type: "ACK", msgId: id },
  OFF: { type: "OFF" },
  DEL: { type: "DEL" },
  QUE: { type: "QUE" },
  SUBS: { type: "SUBS" },
  SKEY: { type: "SKEY", senderKey },
  SEND: { type: "SEND", notification: false, body: utf8("hello") },
  LKEY: { type: "LKEY", senderKey },
  LGET: { type: "LGET" },
  NSUB: { type: "NSUB" },
  NSUBS: { type: "NSUBS" },
  PRXY: { type: "PRXY", server, basicAuth: undefined },
  PFWD: { type: "PFWD", version: 18, commandKey: dhKey, sealed: utf8("sealed") },
  RFWD: { type: "RFWD", sealed: utf8("sealed") },
  PING: { type: "PING" },
}
const all = Object.values<Command>(commands)

async function ask(
  command: Command,
  options: { readonly entityId?: Bytes; readonly key?: KeyPair<AuthAlg> },
): Promise<string> {
  const pair = generateKeyPair("x25519", random)
  const session = new LooseSession(18, random.bytes(32), pair.privateKey, pair.publicKey)
  serve(testCore({ random }), session)
  const [answer, ...more] = await exchange(
    session,
    new TestClient(session, random).transmission(command, options),
  )
  if (answer === undefined || more.length > 0) throw new Error("not one answer")
  const message = parseBrokerMessage(18, answer.command)
  return message.type === "ERR" ? formatProtocolError(message.error) : message.type
}

/** The answers with and without an entity and an authorization, and which of them the rules of credentials give. */
const credentials = [
  { authorized: false, entity: false },
  { authorized: false, entity: true },
  { authorized: true, entity: false },
  { authorized: true, entity: true },
]
async function answers(command: Command): Promise<readonly string[]> {
  return Promise.all(
    credentials.map(({ authorized, entity }) =>
      ask(command, { ...(entity ? { entityId: id } : {}), ...(authorized ? { key: authKey } : {}) }),
    ),
  )
}
function expected(command: Command): readonly string[] {
  return credentials.map((given) => {
    const error = credentialError(command.type, given)
    return error === undefined ? "CMD PROHIBITED" : formatProtocolError(error)
  })
}

describe("the README's lists of commands", () => {
  test("name each command once", () => {
    expect([...served, ...prohibited].sort()).toEqual(Object.keys(commands).sort())
  })

  test.each(all.filter(({ type }) => prohibited.includes(type)).map((c) => [c.type, c] as const))(
    "%s is prohibited with its credentials, and wrong credentials are told first",
    async (_tag, command) => {
      const told = await answers(command)
      expect(told).toContain("CMD PROHIBITED")
      expect(told).toEqual(expected(command))
    },
  )

  test("NEW with notifier credentials is prohibited", async () => {
    const command = { ...plainNew, notifier: { authKey: senderKey, dhKey } }
    expect(readme).toContain(`\`NEW\` with notifier credentials`)
    expect(await answers(command)).toEqual(expected(command))
  })

  test.each(all.filter(({ type }) => served.includes(type)).map((c) => [c.type, c] as const))(
    "%s is served",
    async (_tag, command) => {
      expect(await answers(command)).not.toContain("CMD PROHIBITED")
    },
  )
})
