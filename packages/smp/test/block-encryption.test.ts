import { describe, expect, test } from "vitest"
import { concatBytes, utf8 } from "@smpkit/codec"
import {
  boxKey,
  dh,
  PrivateKey,
  PublicKey,
  sealBox,
  sealPaddedBox,
  sha256,
  type SharedSecret,
} from "@smpkit/crypto"
import {
  type BlockChainKey,
  blockChains,
  BlockOpener,
  BlockSealer,
  padBlock,
  plainContentSize,
  sealedContentSize,
  unpadBlock,
} from "@smpkit/smp"
import { hex, loadVectors, ramp } from "@smpkit/testkit"

const filled = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(0x61)

describe("handshake.json, blockEncryption", () => {
  const vectors = loadVectors("handshake")
  const blocks = vectors.at("blockEncryption")
  const secret = blocks.at("dhSecret").bytes() as SharedSecret
  const keys = blockChains(vectors.at("sessionId").bytes(), secret)

  test.each([
    ["clientSends", keys.clientToServer],
    ["serverSends", keys.serverToClient],
  ] as const)("%s: every block, byte for byte, and opened again", (name, chainKey) => {
    const sealer = new BlockSealer(chainKey)
    const opener = new BlockOpener(chainKey)
    for (const vector of blocks.at(name).items()) {
      const plain = vector.at("plain").bytes()
      const block = sealer.seal(plain)
      expect(block.length).toBe(vector.at("blockLen").number())
      expect(block.subarray(0, 64)).toEqual(vector.at("blockHead64").bytes())
      expect(sha256(block)).toEqual(vector.at("blockSha256").bytes())
      const again = sealPaddedBox(boxKey(vector.at("key").bytes()), vector.at("nonce").bytes(), plain, 16_368)
      expect(again).toEqual(block)
      expect(opener.open(block)).toEqual(plain)
    }
  })
})

describe("crypto.json, sbChain", () => {
  const vectors = loadVectors("crypto").at("sbChain")
  const keys = blockChains(vectors.at("sessionId").bytes(), vectors.at("dhSecret").bytes() as SharedSecret)
  const message = utf8("hello there")

  test.each([
    ["chain1", keys.serverToClient],
    ["chain2", keys.clientToServer],
  ] as const)("%s: keys and nonces in order", (name, chainKey) => {
    const sealer = new BlockSealer(chainKey)
    const items = vectors.at(name).items()
    expect(items.length).toBeGreaterThan(0)
    for (const item of items) {
      const key = boxKey(item.at("key").bytes())
      const nonce = item.at("nonce").bytes()
      expect(sealPaddedBox(key, nonce, message, 64)).toEqual(item.at("block").bytes())
      expect(sealer.seal(message)).toEqual(sealPaddedBox(key, nonce, message, 16_368))
    }
  })
})

describe("smp-transport.md, Worked examples", () => {
  const secret = dh(
    new PrivateKey("x25519", ramp(0xa0, 32)),
    new PublicKey("x25519", hex("493e82fc74464a59268817623d2053c5eb8e2cc4a988b4fee179ec6b010d531d")),
  )
  const keys = blockChains(ramp(1, 32), secret)

  test("secret and chain keys", () => {
    expect(secret).toEqual(hex("c6dea8dd115ef27b7e0953539b2b19e59b7abf3ffd57985ec76de86ec31d1b42"))
    expect(keys.serverToClient).toEqual(
      hex("713478750b548b48435bf6aa8d66e74ccef72b6247d1907722f9bb2f75551737"),
    )
    expect(keys.clientToServer).toEqual(
      hex("028f9da01a0381a80b70de4a6b087b2cdf83fa84cf091fa85c321e22b943009b"),
    )
  })

  test("the client's first two blocks", () => {
    // The SUB batch of smp-commands.md, "Worked examples".
    const content = concatBytes(
      hex("01 0077 40 c134b2eef7beb32600984ac76f7a21ac9da33d1d1e956b72ef85dc520e2bb49f"),
      hex("6f1deb8e2b925ca9a200c0ee8268f25e2f13771fa18b19cbfe73c791b9c4c306 30"),
      concatBytes(hex("18"), ramp(0x30, 24), hex("18"), ramp(0x50, 24), utf8("SUB")),
    )
    expect(content.length).toBe(122)
    const sealer = new BlockSealer(keys.clientToServer)
    const first = sealer.seal(content)
    expect(first.subarray(0, 24)).toEqual(hex("60fba6b1ac8e1c611eb9c8d450bbb484 a79dbf311e7cc74c"))
    expect(sha256(first)).toEqual(hex("75893ed548570ce1b5e852ada40f508f2f0cb47e91ffbb3c2a77ab50a418523a"))
    expect(sha256(sealer.seal(content))).toEqual(
      hex("a5ea9c88a8431345ce1f3d7ced0ba83b95e37573931487461eff496190a4d29d"),
    )
  })
})

describe("a chain", () => {
  const key = ramp(1, 32) as BlockChainKey

  test("holds 16,366 bytes and not one more, and a refused content advances nothing", () => {
    const sealer = new BlockSealer(key)
    const opener = new BlockOpener(key)
    expect(() => sealer.seal(filled(sealedContentSize + 1))).toThrow(RangeError)
    const block = sealer.seal(filled(sealedContentSize))
    expect(block.length).toBe(16_384)
    expect(opener.open(block)).toEqual(filled(16_366))
  })

  test("goes on after a block that does not open", () => {
    const sealer = new BlockSealer(key)
    const opener = new BlockOpener(key)
    const damaged = sealer.seal(utf8("first"))
    damaged[100] = (damaged[100] ?? 0) ^ 1
    expect(() => opener.open(damaged)).toThrow(expect.objectContaining({ code: "DECRYPT" }))
    expect(opener.open(sealer.seal(utf8("second")))).toEqual(utf8("second"))
  })

  test("opens a block once, in its place, and in its direction only", () => {
    const sealer = new BlockSealer(key)
    const [first, second] = [sealer.seal(utf8("1")), sealer.seal(utf8("2"))]
    const repeated = new BlockOpener(key)
    repeated.open(first)
    expect(() => repeated.open(first)).toThrow(expect.objectContaining({ code: "DECRYPT" }))
    expect(() => new BlockOpener(key).open(second)).toThrow(expect.objectContaining({ code: "DECRYPT" }))
    expect(() => new BlockOpener(ramp(2, 32) as BlockChainKey).open(first)).toThrow(
      expect.objectContaining({ code: "DECRYPT" }),
    )
  })

  test("a length beyond the block is an error as a wrong tag is", () => {
    const items = loadVectors("crypto").at("sbChain")
    const keys = blockChains(items.at("sessionId").bytes(), items.at("dhSecret").bytes() as SharedSecret)
    const first = items.at("chain1", 0)
    const overlong = concatBytes(hex("fffd"), filled(16_366))
    const block = sealBox(boxKey(first.at("key").bytes()), first.at("nonce").bytes(), overlong)
    expect(() => new BlockOpener(keys.serverToClient).open(block)).toThrow(
      expect.objectContaining({ code: "DECRYPT" }),
    )
    expect(() => unpadBlock(concatBytes(hex("3fff"), filled(16_382)))).toThrow(
      expect.objectContaining({ code: "PADDING" }),
    )
  })

  test("its copy of the key is its own", () => {
    const given = ramp(1, 32) as BlockChainKey
    const sealer = new BlockSealer(given)
    given.fill(0)
    expect(new BlockOpener(key).open(sealer.seal(utf8("x")))).toEqual(utf8("x"))
  })
})

describe("a block that is not encrypted", () => {
  test("holds 16,382 bytes and not one more", () => {
    expect(unpadBlock(padBlock(filled(plainContentSize)))).toEqual(filled(16_382))
    expect(() => padBlock(filled(plainContentSize + 1))).toThrow(RangeError)
  })

  test("is filled with #", () => {
    expect(padBlock(utf8("abc")).subarray(0, 8)).toEqual(hex("0003616263232323"))
  })
})
