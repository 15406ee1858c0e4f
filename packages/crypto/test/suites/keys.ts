import { CryptoError, generateKeyPair, keyPairOf, keySizes, PrivateKey, systemRandom } from "@smpkit/crypto"
import { ramp, ScriptedRandom, seededRandom } from "@smpkit/testkit"
import { describe, expect, test } from "vitest"

export function keysSuite(): void {
  const algs = ["x25519", "x448", "ed25519", "ed448"] as const

  describe.each(algs)("%s", (alg) => {
    test("a pair comes from as many random bytes as its private key has", () => {
      const raw = ramp(3, keySizes[alg].privateKey)
      const random = new ScriptedRandom(raw)
      const pair = generateKeyPair(alg, random)
      expect(random.left).toBe(0)
      expect(pair.privateKey.use((secret) => new Uint8Array(secret))).toEqual(raw)
      expect(pair.publicKey).toEqual(keyPairOf(pair.privateKey).publicKey)
    })

    test("a private key of another length is refused", () => {
      expect(() => new PrivateKey(alg, new Uint8Array(keySizes[alg].privateKey + 1))).toThrow(CryptoError)
    })

    test("a private key is in no serialisation and no copy of its object", () => {
      const key = new PrivateKey(alg, new Uint8Array(keySizes[alg].privateKey).fill(0xab))
      expect(JSON.stringify({ key })).toBe(`{"key":"[${alg} private key]"}`)
      expect(Object.assign({}, key)).toEqual({ alg })
      expect(structuredClone(key)).toEqual({ alg })
    })

    test("disposal wipes, twice without harm", () => {
      const key = new PrivateKey(alg, ramp(1, keySizes[alg].privateKey))
      const held = key.use((raw) => raw)
      key[Symbol.dispose]()
      key[Symbol.dispose]()
      expect(held).toEqual(new Uint8Array(keySizes[alg].privateKey))
    })
  })

  test("the bytes that a generator gave are wiped after a pair was made of them", () => {
    const given: Uint8Array<ArrayBuffer>[] = []
    const source = seededRandom("pair")
    generateKeyPair("x25519", {
      bytes: (length) => {
        const bytes = source.bytes(length)
        given.push(bytes)
        return bytes
      },
    })
    expect(given).toEqual([new Uint8Array(32)])
  })

  test("the platform's generator gives as much as is asked for, also above what it gives at once", () => {
    const large = systemRandom.bytes(200_001)
    expect(large.length).toBe(200_001)
    // Each stretch was filled: 32 zero bytes do not come by chance.
    for (const at of [0, 65_536 - 16, 65_536, 131_072, 196_608, large.length - 32])
      expect(large.slice(at, at + 32)).not.toEqual(new Uint8Array(32))
  })

  test("the platform's generator gives what is asked for, not twice the same", () => {
    expect(systemRandom.bytes(0).length).toBe(0)
    const [a, b] = [systemRandom.bytes(32), systemRandom.bytes(32)]
    expect([a.length, a.buffer.byteLength]).toEqual([32, 32])
    expect(a).not.toEqual(b)
  })
}
