import { readFileSync } from "node:fs"
import { decode, encode, toHex, WireError } from "@smpkit/codec"
import { generateX3dhKeys, hybridX3dhKeys, ratchetState, type RatchetState, x3dhKeys } from "@smpkit/ratchet"
import { seededRandom, Vector } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { connected, newRatchets, Peer, stateHex } from "./peers.ts"

test("states of all shapes survive the store", () => {
  const { joiner, initiator } = newRatchets()
  const peers = connected()
  peers.joiner.sendMany(3)
  peers.initiator.now = 1_700_000_000_000
  peers.initiator.receive(peers.joiner.send("after a loss"))
  const hybrid = connected("hybrid", { link: true, joiner: true, initiator: true })
  const proposed = newRatchets("proposed", 3, 3, { joiner: true })
  expect([hybrid.joiner.state, proposed.joiner].map((s) => s.postQuantum.keys?.accepted?.length)).toEqual([
    1039,
    undefined,
  ])
  for (const state of [
    joiner,
    initiator,
    peers.joiner.state,
    peers.initiator.state,
    hybrid.joiner.state,
    hybrid.initiator.state,
    proposed.joiner,
  ]) {
    const read = decode(ratchetState, encode(ratchetState, state))
    expect(stateHex(read)).toBe(stateHex(state))
    expect(read.skipped).toEqual(state.skipped)
    expect(read.postQuantum).toEqual(state.postQuantum)
  }
  expect(peers.initiator.state.skipped[0]?.createdAt).toBe(1_700_000_000_000)
})

test("a state goes on after the store", () => {
  const { joiner, initiator } = connected()
  const late = joiner.send("late")
  initiator.receive(joiner.send("x"))
  const again = new Peer(decode(ratchetState, encode(ratchetState, initiator.state)), "again")
  expect([again.receive(late), again.receive(joiner.send("y"))]).toEqual(["late", "y"])
  expect(joiner.receive(again.send("z"))).toBe("z")
})

test("a state is small: about half a kilobyte, and 52 bytes for each skipped key", () => {
  const { joiner, initiator } = connected()
  initiator.receive(joiner.send("a new chain"))
  const before = encode(ratchetState, initiator.state).length
  expect(before).toBeLessThan(600)
  joiner.sendMany(100)
  initiator.receive(joiner.send("x"))
  expect(encode(ratchetState, initiator.state).length - before).toBe(32 + 8 + 1 + 2 + 100 * 52)
  const hybrid = connected("size", { link: true, joiner: true, initiator: true })
  expect(encode(ratchetState, hybrid.initiator.state).length).toBeLessThan(3400)
})

test("a state of another layout, cut or extended: WireError", () => {
  const bytes = encode(ratchetState, newRatchets().joiner)
  expect(() => decode(ratchetState, Uint8Array.of(3, ...bytes.slice(1)))).toThrow(WireError)
  expect(() => decode(ratchetState, Uint8Array.of(0, ...bytes.slice(1)))).toThrow(WireError)
  expect(() => decode(ratchetState, Uint8Array.of(...bytes, 0))).toThrow(WireError)
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decode(ratchetState, bytes.slice(0, length))).toThrow(WireError)
  }
})

test("private keys do not show in JSON", () => {
  const { joiner } = newRatchets()
  expect(JSON.stringify(joiner.keyPair.privateKey)).toBe('"[x448 private key]"')
})

test("keys of a key agreement, in the layout of the first release and with KEM keys", () => {
  const plain = generateX3dhKeys(seededRandom("plain"))
  const hybrid = generateX3dhKeys(seededRandom("hybrid"), { postQuantum: true })
  expect(decode(x3dhKeys, encode(x3dhKeys, plain)).kem).toBeUndefined()
  expect(() => encode(x3dhKeys, hybrid)).toThrow(RangeError)
  for (const keys of [plain, hybrid]) {
    const bytes = encode(hybridX3dhKeys, keys)
    const read = decode(hybridX3dhKeys, bytes)
    expect(read.kem).toEqual(keys.kem)
    expect(encode(hybridX3dhKeys, read)).toEqual(bytes)
  }
})

describe("what the first release wrote", () => {
  const url = new URL("first-release.json", import.meta.url)
  const recorded = new Vector(JSON.parse(readFileSync(url, "utf8")), "first-release")
  const state = (name: string): RatchetState => decode(ratchetState, recorded.at("states", name).bytes())
  const peer = (name: string): Peer => {
    const result = new Peer(state(name), name)
    result.now = recorded.at("now").number()
    return result
  }

  test("states are read, and written in the new layout", () => {
    for (const [name, bytes] of recorded.at("states").entries()) {
      const read = state(name)
      const again = encode(ratchetState, read)
      // Nothing but the number of the layout has changed where there are no KEM keys.
      expect(toHex(again)).toBe(bytes.text().replace(/^01/, "02"))
      expect(decode(ratchetState, again)).toEqual(read)
    }
    const { version, skipped } = state("initiator")
    expect([version, skipped.map(({ keys }) => keys.length)]).toEqual([3, [2]])
  })

  test("a state with KEM keys is none of that release", () => {
    const hybrid = encode(
      ratchetState,
      connected("keys", { link: true, joiner: true, initiator: true }).joiner.state,
    )
    expect(() => decode(ratchetState, Uint8Array.of(1, ...hybrid.slice(1)))).toThrow(WireError)
  })

  test("a conversation that had not begun begins", () => {
    const initiator = peer("initiatorNew")
    const joiner = peer("joinerNew")
    expect(initiator.receive(recorded.at("first").bytes())).toBe("first")
    expect(joiner.receive(initiator.send("hello"))).toBe("hello")
  })

  test("one under way goes on, with its skipped keys, and becomes hybrid when both want it", () => {
    const initiator = peer("initiator")
    const joiner = peer("joiner")
    expect(initiator.receive(recorded.at("late").bytes())).toBe("late")
    expect(initiator.receive(recorded.at("next").bytes())).toBe("next")
    expect(joiner.receive(initiator.send("on?", true))).toBe("on?")
    for (let turn = 0; turn < 3; turn++) {
      initiator.receive(joiner.send("yes", true))
      joiner.receive(initiator.send("yes", true))
    }
    expect([joiner, initiator].map((p) => p.encrypt("hybrid").directions)).toEqual([
      { sending: true, receiving: true },
      { sending: true, receiving: true },
    ])
  })

  test("keys of a key agreement", () => {
    const bytes = recorded.at("x3dhKeys").bytes()
    expect(encode(x3dhKeys, decode(x3dhKeys, bytes))).toEqual(bytes)
  })
})
