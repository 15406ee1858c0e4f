import { type Bytes, concatBytes, decode, encode, toHex, utf8 } from "@smpkit/codec"
import { aesGcmSeal, aesTagSize, pad } from "@smpkit/crypto"
import type { RatchetState } from "@smpkit/ratchet"
import { hex } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"
import { deriveChainStep } from "../src/chains.ts"
import { paddedHeaderLength, type RatchetHeader, ratchetHeader, sealedHeader } from "../src/header.ts"
import { connected, newPeers } from "./peers.ts"

interface Forged {
  /** Bytes of the plain header. */
  readonly header?: (valid: Bytes) => Bytes
  readonly paddedHeader?: (valid: Bytes) => Bytes
  readonly paddedBody?: Bytes
  readonly fields?: Partial<RatchetHeader>
  /** Whether both lengths have one byte. */
  readonly shortLengths?: boolean
}

const same = (valid: Bytes): Bytes => valid

/** A message that only the peer can make: sealed with the right keys, with contents of our choice. */
function forge(state: RatchetState, forged: Forged): Bytes {
  const { header = same, paddedHeader = same, paddedBody = pad(utf8("forged"), 100) } = forged
  const sending = state.sending ?? expect.fail("no sending chain")
  const step = deriveChainStep(sending.chainKey)
  const plain = header(
    encode(ratchetHeader(3), {
      maxVersion: 3,
      key: state.keyPair.publicKey,
      kem: undefined,
      previousSent: state.previousSent,
      number: state.sent,
      ...forged.fields,
    }),
  )
  const sealed = aesGcmSeal(sending.headerKey, step.headerIv, state.ad, paddedHeader(pad(plain, 88)))
  const ciphertext = sealed.slice(0, -aesTagSize)
  const short = forged.shortLengths === true
  const emHeader = concatBytes(
    hex("0003"),
    step.headerIv,
    sealed.slice(-aesTagSize),
    short ? Uint8Array.of(ciphertext.length) : Uint8Array.of(0, ciphertext.length),
    ciphertext,
  )
  const body = aesGcmSeal(step.messageKey, step.messageIv, concatBytes(state.ad, emHeader), paddedBody)
  return concatBytes(
    short ? Uint8Array.of(emHeader.length) : Uint8Array.of(0, emHeader.length),
    emHeader,
    body.slice(-aesTagSize),
    body.slice(0, -aesTagSize),
  )
}

describe("what only the peer can send", () => {
  test("a regular message, and lengths of one byte in version 3", () => {
    for (const shortLengths of [false, true]) {
      const { joiner, initiator } = connected()
      expect(initiator.receive(forge(joiner.state, { shortLengths }))).toBe("forged")
    }
  })

  test("bytes behind the header's number are ignored", () => {
    const { joiner, initiator } = connected()
    const message = forge(joiner.state, { header: (v) => concatBytes(v, hex("ffff")) })
    expect(initiator.receive(message)).toBe("forged")
  })

  test.each<readonly [string, Forged]>([
    ["a header that ends early", { header: (v) => v.slice(0, -1) }],
    ["no header at all", { header: () => new Uint8Array(0) }],
    ["a KEM field that is none", { header: (v) => v.with(71, 0x32) }],
    ["a ratchet key of small order", { header: (v) => v.slice().fill(0, 15, 71) }],
    ["a ratchet key of another curve", { header: (v) => v.with(11, 0x71) }],
    ["a header with wrong padding", { paddedHeader: (v) => v.with(0, 0xff) }],
  ])("%s: MESSAGE", (_name, forged) => {
    const { joiner, initiator } = connected()
    expect(initiator.code(forge(joiner.state, forged))).toBe("MESSAGE")
    expect(initiator.receive(joiner.send("x"))).toBe("x")
  })

  test("a body with wrong padding is told like a wrong tag", () => {
    const { joiner, initiator } = connected()
    expect(initiator.code(forge(joiner.state, { paddedBody: hex("ffff2323") }))).toBe("DECRYPT")
    expect(initiator.code(forge(joiner.state, { paddedBody: hex("") }))).toBe("DECRYPT")
  })

  test("counts that make no sense", () => {
    const { joiner, initiator } = connected()
    const code = (fields: Partial<RatchetHeader>): string => initiator.code(forge(joiner.state, { fields }))
    expect(code({ number: 513 })).toBe("SKIPPED")
    expect(code({ number: 0xfffffffe })).toBe("SKIPPED")
    expect(code({ number: 0xffffffff })).toBe("COUNTER")
    expect(code({ previousSent: 0xffffffff })).toBe("SKIPPED")
    expect(code({ previousSent: 0 })).toBe("DUPLICATE") // the initiator has received one of the chain before
    initiator.state = { ...initiator.state, received: 3 }
    const error = initiator.refusal(forge(joiner.state, { fields: { previousSent: 0 } }))
    expect([error.code, error.count]).toEqual(["EARLIER", 2])
  })

  test("a higher version than we speak is no reason to leave ours", () => {
    const { joiner, initiator } = newPeers("versions", 2, 3)
    joiner.state = { ...joiner.state, version: 3 }
    expect(initiator.receive(forge(joiner.state, { fields: { maxVersion: 9 } }))).toBe("forged")
    expect(initiator.state.version).toBe(3)
  })

  test("a lower version in the header does not take the ratchet back", () => {
    const { joiner, initiator } = connected()
    expect(initiator.receive(forge(joiner.state, { fields: { maxVersion: 2 } }))).toBe("forged")
    expect(initiator.state.version).toBe(3)
  })
})

test("lengths of padded headers", () => {
  expect([
    paddedHeaderLength(3, false),
    paddedHeaderLength(3, true),
    paddedHeaderLength(2, true),
    paddedHeaderLength(2, false),
  ]).toEqual([88, 2310, 88, 88])
})

test("sealed headers have 123, 124 or 2,346 bytes, and read back", () => {
  for (const [version, size, total] of [
    [2, 88, 123],
    [3, 88, 124],
    [3, 2310, 2346],
  ] as const) {
    const value = {
      version,
      iv: new Uint8Array(16).fill(1),
      tag: new Uint8Array(16).fill(2),
      ciphertext: new Uint8Array(size).fill(3),
    }
    const bytes = encode(sealedHeader, value)
    expect(bytes.length).toBe(total)
    expect(decode(sealedHeader, bytes)).toEqual(value)
    expect(toHex(encode(sealedHeader, decode(sealedHeader, bytes)))).toBe(toHex(bytes))
  }
})

test("a first byte of 31 begins a length of two bytes, one of 32 is a length", () => {
  const prefix = new Uint8Array(2 + 16 + 16)
  const long = decode(sealedHeader, concatBytes(prefix, hex("1f00"), new Uint8Array(0x1f00)))
  const short = decode(sealedHeader, concatBytes(prefix, hex("20"), new Uint8Array(0x20)))
  expect([long.ciphertext.length, short.ciphertext.length]).toEqual([0x1f00, 0x20])
})
