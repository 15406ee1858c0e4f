import { type Bytes, concatBytes, toHex, utf8 } from "@smpkit/codec"
import { CryptoError, type CryptoErrorCode, type Random, sha256, sha512, sntrup761 } from "@smpkit/crypto"
import { seededRandom, type Vector } from "@smpkit/testkit"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { reciprocalMod3 } from "../../src/sntrup761-reciprocal3.ts"
import { mod3, modQ, multiply, p, reciprocalOfTriple } from "../../src/sntrup761-ring.ts"
import { randomShort, randomSmall, sort, weight } from "../../src/sntrup761-sampling.ts"

/** `vectors` is `sntrup761.json`. */
export function sntrup761Suite(vectors: Vector): void {
  describe.each(vectors.items().map((v, i) => [i, v] as const))("recorded key %i", (_i, v) => {
    const secretKey = v.at("secret").bytes()

    test("its ciphertext, and a damaged one", () => {
      const before = toHex(secretKey)
      expect(toHex(sntrup761.decapsulate(secretKey, v.at("ciphertext").bytes()))).toBe(v.at("shared").text())
      expect(v.at("decapsulated").text()).toBe(v.at("shared").text())
      const bad = sntrup761.decapsulate(secretKey, v.at("badCiphertext").bytes())
      expect(toHex(bad)).toBe(v.at("badDecapsulated").text())
      expect(toHex(secretKey)).toBe(before)
    })

    test("the public key in the secret key, and its hash", () => {
      const publicKey = v.at("public").bytes()
      expect(sntrup761.publicKeyOf(secretKey)).toEqual(publicKey)
      expect(secretKey.slice(1731)).toEqual(sha512(Uint8Array.of(4), publicKey).slice(0, 32))
    })

    test("a new ciphertext for it", () => {
      const { ciphertext, sharedSecret } = sntrup761.encapsulate(v.at("public").bytes(), seededRandom("new"))
      expect(sntrup761.decapsulate(secretKey, ciphertext)).toEqual(sharedSecret)
    })
  })

  // sntrup761.md, "Test vector".
  test("the whole run with a known stream of random bytes", () => {
    const first = new Stream(1)
    const { publicKey, secretKey } = sntrup761.generateKeyPair(first)
    expect(first.taken).toBe(6279)
    expect(toHex(sha256(publicKey))).toBe("06c81e632150cd3f9c07729e6274af3392971c608127f6065c662c8987da01f5")
    expect(toHex(sha256(secretKey))).toBe("fe31814717bfc80ccb6a5c0fe6b160e49910c9ae21ece9097c3cc9f48536b6a8")
    const second = new Stream(2)
    const { ciphertext, sharedSecret } = sntrup761.encapsulate(publicKey, second)
    expect(second.taken).toBe(3044)
    expect(toHex(sha256(ciphertext))).toBe("023f15293156361ebf953f349526913ac31365aabb6a2083bf4bccfda63c82f0")
    const decapsulated = (change: (c: Bytes) => void): string => {
      const copy = ciphertext.slice()
      change(copy)
      return toHex(sntrup761.decapsulate(secretKey, copy))
    }
    expect(toHex(sharedSecret)).toBe("213bfddffdcc56a213176d32326e5d203239297cb662a0af8a853c11b2913ad7")
    expect(decapsulated(() => undefined)).toBe(toHex(sharedSecret))
    expect(decapsulated((c) => (c[0] = at(c, 0) ^ 0x01))).toBe(
      "c51cba5124b3ab9c486998a8f8f8884721b930ffc83eb65c2f13c898a89b76b2",
    )
    expect(decapsulated((c) => (c[1038] = at(c, 1038) ^ 0x80))).toBe(
      "1e9cef5c143949b0fa3f02321071ec40d90904a74d0a2aac3ab31680cf3c10ec",
    )
  })

  test("sizes", () => {
    const { publicKeySize, secretKeySize, ciphertextSize, sharedSecretSize } = sntrup761
    expect([publicKeySize, secretKeySize, ciphertextSize, sharedSecretSize]).toEqual([1158, 1763, 1039, 32])
  })

  test("another length is refused before anything else", () => {
    const { publicKey, secretKey } = sntrup761.generateKeyPair(seededRandom("lengths"))
    const { ciphertext } = sntrup761.encapsulate(publicKey, seededRandom("lengths"))
    const none: Random = { bytes: () => expect.fail("random bytes for nothing") }
    for (const length of [0, 1, 1157, 1159]) {
      expect(codeOf(() => sntrup761.encapsulate(new Uint8Array(length), none))).toBe("KEY")
    }
    for (const length of [0, 1762, 1764]) {
      expect(codeOf(() => sntrup761.decapsulate(new Uint8Array(length), ciphertext))).toBe("KEY")
      expect(codeOf(() => sntrup761.publicKeyOf(new Uint8Array(length)))).toBe("KEY")
    }
    for (const length of [0, 1007, 1038, 1040]) {
      expect(codeOf(() => sntrup761.decapsulate(secretKey, new Uint8Array(length)))).toBe("CIPHERTEXT")
    }
  })

  test("a key and a ciphertext that no one encodes like that are taken, and agree on nothing", () => {
    const { secretKey } = sntrup761.generateKeyPair(seededRandom("key"))
    const { ciphertext, sharedSecret } = sntrup761.encapsulate(
      new Uint8Array(1158).fill(0xff),
      seededRandom("r"),
    )
    const wrong = sntrup761.decapsulate(secretKey, ciphertext)
    expect(wrong).toHaveLength(32)
    expect(wrong).not.toEqual(sharedSecret)
    const worse = sntrup761.decapsulate(secretKey, new Uint8Array(1039).fill(0xff))
    expect(worse).toHaveLength(32)
    expect(worse).not.toEqual(wrong)
  })

  test("what goes in stays as it is, also as a view of a larger buffer", () => {
    const { publicKey, secretKey } = sntrup761.generateKeyPair(seededRandom("views"))
    const { ciphertext, sharedSecret } = sntrup761.encapsulate(publicKey, seededRandom("views"))
    const all = concatBytes(publicKey, secretKey, ciphertext)
    const before = toHex(all)
    // Like Node's Buffer, whose slice shares memory.
    const view = Object.assign(all.subarray(1158, 1158 + 1763), { slice: Uint8Array.prototype.subarray })
    expect(sntrup761.encapsulate(all.subarray(0, 1158), seededRandom("views")).ciphertext).toEqual(ciphertext)
    expect(sntrup761.decapsulate(view, all.subarray(1158 + 1763))).toEqual(sharedSecret)
    expect(toHex(all)).toBe(before)
  })

  test("any key pair opens what was sealed to it; a changed bit gives another secret", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(8 * 1039 - 1), (seed, bit) => {
        const random = seededRandom(seed)
        const { publicKey, secretKey } = sntrup761.generateKeyPair(random)
        const { ciphertext, sharedSecret } = sntrup761.encapsulate(publicKey, random)
        expect(sntrup761.decapsulate(secretKey, ciphertext)).toEqual(sharedSecret)
        ciphertext[bit >> 3] = at(ciphertext, bit >> 3) ^ (1 << (bit & 7))
        expect(sntrup761.decapsulate(secretKey, ciphertext)).not.toEqual(sharedSecret)
      }),
      { numRuns: 15 },
    )
  })

  test("a polynomial without a reciprocal is thrown away", () => {
    // 761 numbers that all give the coefficient 0.
    const zeros = new Uint8Array(new Uint32Array(p).fill(0x20000000).buffer)
    const random = seededRandom("after")
    const asked: number[] = []
    const { publicKey, secretKey } = sntrup761.generateKeyPair({
      bytes: (length) => {
        asked.push(length)
        return asked.length === 1 ? zeros : random.bytes(length)
      },
    })
    expect(asked).toEqual([3044, 3044, 3044, 191])
    expect(sntrup761.generateKeyPair(seededRandom("after"))).toEqual({ publicKey, secretKey })
  })

  test("reciprocals", () => {
    const one = new Float64Array(p)
    one[0] = 1
    const random = seededRandom("reciprocals")
    let without = 0
    for (let i = 0; i < 10; i++) {
      const f = randomShort(random)
      const product = multiply(reciprocalOfTriple(f), f).map((x) => modQ(3 * modQ(x)))
      expect(product).toEqual(one)
      const g = randomSmall(random)
      const reciprocal = reciprocalMod3(g)
      if (reciprocal === undefined) without++
      // `+ 0`: a negative zero is as good as the other one.
      else expect(multiply(g, reciprocal).map((x) => mod3(x) + 0)).toEqual(one)
    }
    expect(without).toBeLessThan(3)
    expect(reciprocalMod3(new Float64Array(p))).toBeUndefined()
  })

  test("a product is the same as by the school's way", () => {
    const random = seededRandom("product")
    const a = Float64Array.from(randomSmall(random), (x, i) => modQ(x * i * 977))
    const b = randomShort(random)
    const long = new Float64Array(2 * p)
    for (let i = 0; i < p; i++)
      for (let j = 0; j < p; j++) long[i + j] = at(long, i + j) + at(a, i) * at(b, j)
    for (let i = 2 * p - 1; i >= p; i--) {
      long[i - p] = at(long, i - p) + at(long, i)
      long[i - p + 1] = at(long, i - p + 1) + at(long, i)
    }
    expect(multiply(a, b).map((x) => x + 0)).toEqual(long.slice(0, p).map((x) => x + 0))
  })

  test("residues are the ones nearest to zero", () => {
    for (let x = -2 * 4591; x <= 2 * 4591; x++) {
      const [big, small] = [modQ(x), mod3(x)]
      expect(Math.abs(big) <= 2295 && Number.isInteger((x - big) / 4591)).toBe(true)
      expect(Math.abs(small) <= 1 && Number.isInteger((x - small) / 3)).toBe(true)
    }
    for (const x of [10534050, -10534050, 2 ** 39, -(2 ** 39)]) {
      expect(Math.abs(modQ(x)) <= 2295 && Number.isInteger((x - modQ(x)) / 4591)).toBe(true)
    }
  })

  test("short polynomials have 286 coefficients that are not 0, small ones about two thirds", () => {
    const random = seededRandom("weights")
    const count = (a: Float64Array): number => a.reduce((sum, x) => sum + Math.abs(x), 0)
    for (let i = 0; i < 20; i++) {
      expect(count(randomShort(random))).toBe(weight)
      expect(Math.abs(count(randomSmall(random)) - (2 / 3) * p)).toBeLessThan(100)
    }
  })

  test("numbers of any size and count are sorted", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (numbers) => {
        const values = Int32Array.from(numbers)
        const sorted = values.slice().sort()
        sort(values)
        expect(values).toEqual(sorted)
      }),
    )
  })
}

/** The stream of `sntrup761.md`, "Test vector". */
class Stream implements Random {
  readonly #seed: number
  #block = 0
  #held: Bytes = new Uint8Array(0)
  taken = 0

  constructor(seed: number) {
    this.#seed = seed
  }

  readonly bytes = (length: number): Bytes => {
    while (this.#held.length < length) {
      const counter = new Uint8Array(4)
      new DataView(counter.buffer).setUint32(0, this.#block++)
      const next = sha256(utf8("sntrup761 test"), Uint8Array.of(this.#seed), counter)
      this.#held = concatBytes(this.#held, next)
    }
    const bytes = this.#held.slice(0, length)
    this.#held = this.#held.slice(length)
    this.taken += length
    return bytes
  }
}

function at(values: Uint8Array | Float64Array, i: number): number {
  const value = values[i]
  if (value === undefined) throw new RangeError(`nothing at ${i}`)
  return value
}

function codeOf(call: () => unknown): CryptoErrorCode | undefined {
  try {
    call()
  } catch (error) {
    if (error instanceof CryptoError) return (error as CryptoError).code
    throw error
  }
  return undefined
}
