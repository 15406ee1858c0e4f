import { type Bytes, decode, encode, utf8 } from "@smpkit/codec"
import { encrypt, type RatchetState, ratchetState } from "@smpkit/ratchet"
import { seededRandom } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { kemCiphertext, type KemKeys, kemPublicKey } from "../src/kem.ts"
import { connected, paddedLength, type Peer, stateHex } from "./peers.ts"

// What a peer with post-quantum agreement sends to a side that has none (double-ratchet.md, "KEM step", rows with "no").
const random = seededRandom("kem")
const long = (size: number): Bytes => Uint8Array.of(size >> 8, size & 0xff, ...random.bytes(size))
const keys: KemKeys = {
  publicKey: decode(kemPublicKey, long(1158)),
  privateKey: random.bytes(1763),
  accepted: undefined,
}
const accepted: KemKeys = {
  ...keys,
  accepted: {
    peerKey: decode(kemPublicKey, long(1158)),
    secret: random.bytes(32),
    ciphertext: decode(kemCiphertext, long(1039)),
  },
}

function withKem(peer: Peer, kem: KemKeys | undefined): void {
  const postQuantum = {
    supported: true,
    enabled: true,
    sending: kem?.accepted !== undefined,
    receiving: false,
    keys: kem,
  }
  peer.state = { ...peer.state, postQuantum }
}

describe("headers with a KEM field", () => {
  test.each([
    ["none", undefined],
    ["P", keys],
  ] as const)("%s in the long header: read, and ignored", (_name, kem) => {
    const { joiner, initiator } = connected()
    withKem(joiner, kem)
    const message = joiner.send("hello")
    expect(message.length).toBe(paddedLength + 2364)
    const { plaintext, hybrid, state } = initiator.decrypt(message)
    expect([plaintext, hybrid]).toEqual([utf8("hello"), false])
    expect(state.postQuantum).toEqual({
      supported: false,
      enabled: false,
      sending: false,
      receiving: false,
      keys: undefined,
    })
    expect(initiator.send("answer").length).toBe(paddedLength + 142)
    expect(initiator.receive(joiner.send("again"))).toBe("again")
  })

  test("A without an own proposal: KEM_STATE, nothing is kept", () => {
    const { joiner, initiator } = connected()
    withKem(joiner, accepted)
    const message = joiner.send("hello")
    expect(message.length).toBe(paddedLength + 2364)
    expect(initiator.code(message)).toBe("KEM_STATE")
  })

  test("only the first message of a chain matters", () => {
    const { joiner, initiator } = connected()
    initiator.receive(joiner.send("a new chain"))
    withKem(joiner, accepted)
    expect(initiator.receive(joiner.send("the same chain"))).toBe("the same chain")
  })

  test("room for a KEM, once there, stays", () => {
    const { joiner, initiator } = connected()
    withKem(joiner, keys)
    initiator.receive(joiner.send("P"))
    joiner.receive(initiator.send("none"))
    expect(joiner.state.postQuantum).toEqual({
      supported: true,
      enabled: false,
      sending: false,
      receiving: false,
      keys: undefined,
    })
    const message = joiner.send("none")
    expect(message.length).toBe(paddedLength + 2364)
    expect(initiator.receive(message)).toBe("none")
  })

  test("version 2 has no room for one", () => {
    const { joiner } = connected()
    withKem(joiner, keys)
    joiner.state = { ...joiner.state, version: 2 }
    expect(joiner.send("hello").length).toBe(paddedLength + 140)
  })
})

test("KEM keys in the store", () => {
  const { joiner } = connected()
  for (const kem of [keys, accepted]) {
    withKem(joiner, kem)
    const read: RatchetState = decode(ratchetState, encode(ratchetState, joiner.state))
    expect(read.postQuantum).toEqual(joiner.state.postQuantum)
    expect(stateHex(read)).toBe(stateHex(joiner.state))
  }
})

test("each message tells whether its own chain is hybrid, also one that comes late", () => {
  const { joiner, initiator } = connected()
  initiator.receive(joiner.send("a new chain"))
  joiner.state = { ...joiner.state, postQuantum: { ...joiner.state.postQuantum, sending: true } }
  initiator.state = { ...initiator.state, postQuantum: { ...initiator.state.postQuantum, receiving: true } }
  expect(encrypt(joiner.state, utf8("x"), paddedLength).hybrid).toBe(true)
  expect(encrypt(initiator.state, utf8("x"), paddedLength).hybrid).toBe(false)
  const late = joiner.send("late")
  const last = joiner.send("lost at the end of the chain")
  joiner.receive(initiator.send("turn"))
  expect(initiator.decrypt(joiner.send("no longer")).hybrid).toBe(false)
  initiator.state = decode(ratchetState, encode(ratchetState, initiator.state))
  expect([initiator.decrypt(last).hybrid, initiator.decrypt(late).hybrid]).toEqual([true, true])
})
