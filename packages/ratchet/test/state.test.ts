import { decode, encode, WireError } from "@smpkit/codec"
import { ratchetState } from "@smpkit/ratchet"
import { expect, test } from "vitest"
import { connected, newRatchets, Peer, stateHex } from "./peers.ts"

test("states of all shapes survive the store", () => {
  const { joiner, initiator } = newRatchets()
  const peers = connected()
  peers.joiner.sendMany(3)
  peers.initiator.now = 1_700_000_000_000
  peers.initiator.receive(peers.joiner.send("after a loss"))
  for (const state of [joiner, initiator, peers.joiner.state, peers.initiator.state]) {
    const read = decode(ratchetState, encode(ratchetState, state))
    expect(stateHex(read)).toBe(stateHex(state))
    expect(read.skipped).toEqual(state.skipped)
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
})

test("a state of another layout, cut or extended: WireError", () => {
  const bytes = encode(ratchetState, newRatchets().joiner)
  expect(() => decode(ratchetState, Uint8Array.of(2, ...bytes.slice(1)))).toThrow(WireError)
  expect(() => decode(ratchetState, Uint8Array.of(...bytes, 0))).toThrow(WireError)
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decode(ratchetState, bytes.slice(0, length))).toThrow(WireError)
  }
})

test("private keys do not show in JSON", () => {
  const { joiner } = newRatchets()
  expect(JSON.stringify(joiner.keyPair.privateKey)).toBe('"[x448 private key]"')
})
