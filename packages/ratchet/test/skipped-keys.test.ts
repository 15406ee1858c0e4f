import type { Bytes } from "@smpkit/codec"
import { type SkippedChanges, skippedLimits } from "@smpkit/ratchet"
import { expect, test } from "vitest"
import { countSkipped, headerKeysOf } from "../src/skipped-keys.ts"
import { at, connected, type Peer } from "./peers.ts"

const none: SkippedChanges = { added: 0, used: 0, evicted: 0, expired: 0 }

/** A new chain of `from` in which `lost` messages do not arrive. */
function loseInNewChain(
  from: Peer,
  to: Peer,
  lost: number,
): { lost: readonly Bytes[]; changes: SkippedChanges } {
  from.receive(to.send("turn"))
  const messages = from.sendMany(lost)
  return { lost: messages, changes: to.decrypt(from.send("arrives")).skipped }
}

test("a flood of lost messages: 2,048 keys, the oldest go first and are reported", () => {
  const { joiner, initiator } = connected()
  const chains = Array.from({ length: 5 }, () => loseInNewChain(joiner, initiator, 512))
  expect(chains.map((c) => c.changes.evicted)).toEqual([0, 0, 0, 0, 512])
  expect(countSkipped(initiator.state.skipped)).toBe(skippedLimits.perConnection)
  expect(initiator.code(at(at(chains, 0).lost, 511))).toBe("HEADER")
  expect(initiator.receive(at(at(chains, 1).lost, 0))).toBe("m0")
  expect(initiator.receive(at(at(chains, 4).lost, 511))).toBe("m511")
})

test("only as many of the oldest go as must", () => {
  const { joiner, initiator } = connected()
  const chains = Array.from({ length: 4 }, () => loseInNewChain(joiner, initiator, 512))
  expect(loseInNewChain(joiner, initiator, 3).changes).toEqual({ ...none, added: 3, evicted: 3 })
  expect(initiator.code(at(at(chains, 0).lost, 2))).toBe("HEADER")
  expect(initiator.receive(at(at(chains, 0).lost, 3))).toBe("m3")
})

test("at most 8 header keys: the oldest chain goes with all its keys", () => {
  const { joiner, initiator } = connected()
  const chains = Array.from({ length: 9 }, () => loseInNewChain(joiner, initiator, 2))
  expect(chains.map((c) => c.changes.evicted)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 2])
  expect(headerKeysOf(initiator.state.skipped).length).toBe(skippedLimits.headerKeys)
  expect(initiator.code(at(at(chains, 0).lost, 0))).toBe("HEADER")
  for (const { lost } of chains.slice(1)) expect(initiator.receive(at(lost, 1))).toBe("m1")
})

test("several losses in one chain count as one header key", () => {
  const { joiner, initiator } = connected()
  for (let i = 0; i < 12; i++) {
    joiner.send("lost")
    expect(initiator.decrypt(joiner.send("x")).skipped).toEqual({ ...none, added: 1 })
  }
  expect([initiator.state.skipped.length, headerKeysOf(initiator.state.skipped).length]).toEqual([12, 1])
})

test("keys are erased after 21 days, reported with the next message", () => {
  const { joiner, initiator } = connected()
  initiator.now = 1_000_000_000
  const old = joiner.send("old")
  initiator.receive(joiner.send("x"))
  initiator.now += 1000
  const younger = joiner.send("younger")
  initiator.receive(joiner.send("y"))
  initiator.now = 1_000_000_000 + skippedLimits.ageMs
  expect(initiator.code(old)).toBe("EARLIER")
  expect(countSkipped(initiator.state.skipped)).toBe(2) // a message that fails changes nothing
  expect(initiator.decrypt(joiner.send("z")).skipped).toEqual({ ...none, expired: 1 })
  expect(initiator.decrypt(younger).skipped).toEqual({ ...none, used: 1 })
})

test("one millisecond before 21 days the key is there", () => {
  const { joiner, initiator } = connected()
  const late = joiner.send("late")
  initiator.receive(joiner.send("x"))
  initiator.now = skippedLimits.ageMs - 1
  expect(initiator.receive(late)).toBe("late")
})

test("a clock that goes back erases nothing", () => {
  const { joiner, initiator } = connected()
  initiator.now = 5 * skippedLimits.ageMs
  const late = joiner.send("late")
  initiator.receive(joiner.send("x"))
  initiator.now = 0
  expect(initiator.receive(late)).toBe("late")
})
