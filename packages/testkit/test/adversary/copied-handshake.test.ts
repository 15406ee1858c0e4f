import { memoryRawStore } from "@smpkit/agent"
import { toBase64Url, utf8 } from "@smpkit/codec"
import { sha256 } from "@smpkit/crypto"
import { expect, test } from "vitest"
import { openSealedStore } from "../../../agent/src/store/sealed.ts"
import { EveJoiner } from "../../src/eve-joiner.ts"
import { connectorOf } from "../../src/eve-server.ts"
import { settle } from "../../src/index.ts"
import { Person, until, world } from "./person.ts"

test("security.md Q2: Eve, whom Alice has invited, gets nothing under a key that Alice may have used before she came back from a copy", async () => {
  await using w = await world("copied handshake")
  const { one, two, clock, random } = w
  const raw = memoryRawStore()
  const parts = { connector: connectorOf(one, two), server: one.address, clock, random }
  const before = await Person.open("alice", parts, raw)
  const { link } = await before.agent.createConnection({ mode: "invitation" })
  const eve = new EveJoiner(link, { replyServer: two.address, random })
  const isReply = (entityId: Uint8Array): boolean => toBase64Url(entityId) === toBase64Url(eve.replyId)
  // Alice's answer stays with her, so that the handshake is not complete, and she may send already.
  two.intercept = ({ entityId, command }) =>
    isReply(entityId)
      ? command.type === "SEND"
        ? { type: "ERR", error: { type: "QUOTA" } }
        : { type: "OK" }
      : undefined
  await one.inject(eve.senderId, eve.confirmation(utf8("eve")))
  await before.agent.allowConnection(await before.next("confirmation"))
  await settle(20)
  await before.close()
  const store = await openSealedStore(raw, { passphrase: "test", random }, (passphrase, salt) =>
    sha256(passphrase, salt),
  )
  await store.markRestored()
  await store.close()

  await using copy = await Person.open("alice", parts, raw)
  const taken = one.of("ACK").length
  // In the chain of her confirmation: nothing that Alice's ratchet would go on from.
  await one.inject(eve.senderId, eve.message({ type: "HELLO" }))
  await until("Alice has taken it", () => one.of("ACK").length > taken)
  await settle(20)
  const sent = two.bodies(eve.replyId).length
  two.intercept = ({ entityId }) => (isReply(entityId) ? { type: "OK" } : undefined)
  await clock.advance(10 * 60_000)
  await until("Alice has sent", () => two.bodies(eve.replyId).length > sent)
  await clock.advance(10 * 60_000)
  const [answer = new Uint8Array(0), keys = new Uint8Array(0), ...more] = two.bodies(eve.replyId).slice(sent)
  expect(eve.open(answer)).toMatchObject({ type: "AgentConnInfo" })
  expect(() => eve.open(keys)).toThrow("AgentRatchetKey")
  expect(more).toEqual([])
  expect(copy.of("connected")).toHaveLength(1)
})
