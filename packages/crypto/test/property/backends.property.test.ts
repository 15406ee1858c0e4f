import { backend as browser } from "../../src/browser-backend.ts"
import { backend as node } from "../../src/node-backend.ts"
import fc from "fast-check"
import { expect, test } from "vitest"

// OpenSSL and libsodium against noble, which shares no code with them: every function of a backend, on what its callers may give.

const numRuns = process.env["SLOW"] === "1" ? 500 : 12
const exactly = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((b) => new Uint8Array(b))
const message = fc.uint8Array({ maxLength: 300 }).map((b) => new Uint8Array(b))
const changeAt = (bytes: Uint8Array, at: number, flip: number): Uint8Array<ArrayBuffer> => {
  const out = new Uint8Array(bytes)
  if (out.length > 0) out[at % out.length] = (out[at % out.length] ?? 0) ^ flip
  return out
}
const flip = fc.integer({ min: 0, max: 255 })

test.each([
  ["x25519", 32],
  ["x448", 56],
] as const)("%s, with any bytes as the other side's key", (alg, size) => {
  fc.assert(
    fc.property(exactly(size), exactly(size), exactly(size), (ours, theirs, any) => {
      const publicKey = node[alg].publicKey(theirs)
      expect(browser[alg].publicKey(theirs)).toEqual(publicKey)
      const secret = node[alg].derive(ours, publicKey)
      expect(secret?.length).toBe(size)
      expect(browser[alg].derive(ours, publicKey)).toEqual(secret)
      expect(browser[alg].derive(ours, any)).toEqual(node[alg].derive(ours, any))
    }),
    { numRuns },
  )
})

test.each([
  ["ed25519", 32],
  ["ed448", 57],
] as const)("%s, with a byte changed in key, message or signature", (alg, size) => {
  fc.assert(
    fc.property(exactly(size), message, fc.nat(2), fc.nat(), flip, (seed, text, part, at, by) => {
      const publicKey = node[alg].publicKey(seed)
      expect(browser[alg].publicKey(seed)).toEqual(publicKey)
      const signature = node[alg].sign(seed, publicKey, text)
      expect(browser[alg].sign(seed, publicKey, text)).toEqual(signature)
      const change = (bytes: Uint8Array, index: number) => (index === part ? changeAt(bytes, at, by) : bytes)
      const args = [change(publicKey, 0), change(text, 1), change(signature, 2)] as const
      const verified = node[alg].verify(...args)
      expect(browser[alg].verify(...args)).toBe(verified)
      if (by === 0) expect(verified).toBe(true)
    }),
    { numRuns: 3 * numRuns },
  )
})

test("boxes", () => {
  fc.assert(
    fc.property(exactly(32), exactly(24), message, fc.nat(), flip, (key, nonce, text, at, by) => {
      expect(browser.hsalsa20(key, nonce.slice(0, 16))).toEqual(node.hsalsa20(key, nonce.slice(0, 16)))
      const sealed = node.secretbox(key, nonce, text)
      expect(browser.secretbox(key, nonce, text)).toEqual(sealed)
      const inPlace = new Uint8Array([...new Uint8Array(16), ...text])
      browser.secretboxInPlace(key, nonce, inPlace)
      expect(inPlace).toEqual(sealed)
      const changed = changeAt(sealed, at, by)
      const opened = node.openSecretbox(key, nonce, changed)
      expect(browser.openSecretbox(key, nonce, changed)).toEqual(opened)
      expect(opened).toEqual(by === 0 ? text : undefined)
    }),
    { numRuns: 5 * numRuns },
  )
})

test("AES-256-GCM with an IV of 8 to 40 bytes, from memory at any offset", () => {
  fc.assert(
    fc.property(
      exactly(32),
      fc.oneof(exactly(12), exactly(16), fc.uint8Array({ minLength: 8, maxLength: 40 })),
      message,
      message,
      fc.nat(3),
      fc.nat(),
      flip,
      (key, iv, aad, text, offset, at, by) => {
        const unaligned = new Uint8Array([...new Uint8Array(offset), ...text]).subarray(offset)
        const sealed = node.aesGcmSeal(key, iv, aad, text)
        expect(browser.aesGcmSeal(key, iv, aad, unaligned)).toEqual(sealed)
        const changed = changeAt(sealed, at, by)
        const opened = node.aesGcmOpen(key, iv, aad, changed)
        expect(browser.aesGcmOpen(key, iv, aad, changed)).toEqual(opened)
        expect(opened).toEqual(by === 0 ? text : undefined)
      },
    ),
    { numRuns: 10 * numRuns },
  )
})

test("hashes, HMAC and HKDF", () => {
  fc.assert(
    fc.property(message, message, fc.integer({ min: 0, max: 200 }), (key, text, length) => {
      for (const name of ["sha256", "sha384", "sha512", "sha3-256", "sha3-384"] as const)
        expect(browser.hash(name, key, text)).toEqual(node.hash(name, key, text))
      if (length > 0) expect(browser.shake256(text, length)).toEqual(node.shake256(text, length))
      for (const name of ["sha256", "sha512"] as const) {
        expect(browser.hmac(name, key, text, key)).toEqual(node.hmac(name, key, text, key))
        expect(browser.hkdf(name, text, key, key, length)).toEqual(node.hkdf(name, text, key, key, length))
      }
      expect(browser.equal(key, key.slice())).toBe(true)
      const other = changeAt(key, length, 1)
      expect(browser.equal(key, other)).toBe(node.equal(key, other))
    }),
    { numRuns: 5 * numRuns },
  )
})

test("HKDF refuses more than 255 hashes", () => {
  const empty = new Uint8Array(0)
  for (const backend of [node, browser]) {
    expect(backend.hkdf("sha256", empty, empty, empty, 255 * 32).length).toBe(255 * 32)
    expect(() => backend.hkdf("sha256", empty, empty, empty, 255 * 32 + 1)).toThrow()
  }
})

test("Argon2id", () => {
  fc.assert(
    fc.property(
      message,
      exactly(16),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 8, max: 80 }),
      fc.integer({ min: 16, max: 80 }),
      (password, salt, passes, memoryKiB, length) => {
        const args = [password, salt, passes, memoryKiB * 1024, length] as const
        expect(browser.argon2id(...args)).toEqual(node.argon2id(...args))
      },
    ),
    { numRuns },
  )
})

test("ML-KEM-768, with a byte of the ciphertext changed", async () => {
  const [a, b] = [await node.loadMlKem768(), await browser.loadMlKem768()]
  fc.assert(
    fc.property(exactly(64), exactly(32), fc.nat(), flip, (seed, randomness, at, by) => {
      const pair = a.keyPair(seed)
      expect(b.keyPair(seed)).toEqual(pair)
      const made = a.encapsulate(pair.publicKey, randomness)
      expect(b.encapsulate(pair.publicKey, randomness)).toEqual(made)
      const changed = changeAt(made.ciphertext, at, by)
      const secret = a.decapsulate(pair.secretKey, changed)
      expect(b.decapsulate(pair.secretKey, changed)).toEqual(secret)
      if (by === 0) expect(secret).toEqual(made.sharedSecret)
      else expect(secret).not.toEqual(made.sharedSecret)
    }),
    { numRuns },
  )
})
