import { generateX3dhKeys, initReceivingRatchet, initSendingRatchet, x3dhJoiner } from "@smpkit/ratchet"
import { seededRandom } from "@smpkit/testkit"
import { expect, test } from "vitest"
import { newPeers } from "./peers.ts"

test("a ratchet of version 2 between two sides that speak 3 becomes version 3", () => {
  const { joiner, initiator } = newPeers("upgrade", 2, 3)
  const first = joiner.send("v2")
  expect([first[0], first.length]).toEqual([123, 200 + 140])
  expect(initiator.receive(first)).toBe("v2")
  expect([joiner.state.version, initiator.state.version]).toEqual([2, 3])
  const second = joiner.send("still v2")
  expect(initiator.receive(second)).toBe("still v2")
  const answer = initiator.send("v3")
  expect([answer[0], answer[1], answer.length]).toEqual([0, 124, 200 + 142])
  expect(joiner.receive(answer)).toBe("v3")
  expect(joiner.state.version).toBe(3)
  expect(initiator.receive(joiner.send("v3 too"))).toBe("v3 too")
})

test("a message of version 2 that comes late, after the upgrade", () => {
  const { joiner, initiator } = newPeers("late", 2, 3)
  const late = joiner.send("late")
  initiator.receive(joiner.send("v2"))
  joiner.receive(initiator.send("v3"))
  initiator.receive(joiner.send("v3"))
  expect(initiator.receive(late)).toBe("late")
  expect(initiator.state.version).toBe(3)
})

test("a side that speaks 2 only stays there, and so does its peer", () => {
  const { joiner, initiator } = newPeers("old", 2, 2)
  joiner.state = { ...joiner.state, maxVersion: 3 }
  initiator.receive(joiner.send("a"))
  joiner.receive(initiator.send("b"))
  expect([joiner.state.version, initiator.state.version]).toEqual([2, 2])
})

test.each([1, 4])("version %i is refused where a ratchet begins", (version) => {
  const random = seededRandom("version")
  const keys = generateX3dhKeys(random)
  const peer = generateX3dhKeys(random)
  const secrets = x3dhJoiner(keys, {
    key1: peer.key1.publicKey,
    key2: peer.key2.publicKey,
    kem: undefined,
  })
  const refused = expect.objectContaining({ code: "VERSION" }) as Error
  expect(() => initReceivingRatchet({ version, secrets, keyPair: keys.key2 })).toThrow(refused)
  expect(() => initSendingRatchet({ version, secrets, peerKey: peer.key2.publicKey, random })).toThrow(
    refused,
  )
})
