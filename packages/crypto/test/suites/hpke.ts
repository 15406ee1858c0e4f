import { concatBytes, toHex, utf8 } from "@smpkit/codec"
import { CryptoError, hpkeOpenBase, hpkeSealBase, loadXWing, type XWing } from "@smpkit/crypto"
import { hex, ramp } from "@smpkit/testkit"
import { beforeAll, expect, test } from "vitest"
import type { Platform } from "./platform.ts"

const empty = new Uint8Array(0)

export function hpkeSuite({ loadVectors }: Platform): void {
  let xWing: XWing
  beforeAll(async () => {
    xWing = await loadXWing()
  })

  // channel.md, "Keys": what K carries in each run of the channel.
  test.each(
    loadVectors("channel")
      .at("runs")
      .items()
      .map((run) => [run.at("name").text(), run] as const),
  )("the key message of %s", (_, run) => {
    const [seed, plaintext] = [run.at("random", "kemSeed").bytes(), run.at("random", "sessionKey").bytes()]
    const context = { info: run.at("hpke", "info").bytes(), aad: empty }
    const publicKey = xWing.publicKey(seed)
    expect(toHex(publicKey)).toBe(run.at("kemPublic").text())
    const randomness = run.at("random", "eseed").bytes()
    const { ciphertext, sharedSecret } = xWing.encapsulate(publicKey, randomness)
    expect(toHex(ciphertext)).toBe(run.at("hpke", "enc").text())
    expect(toHex(sharedSecret)).toBe(run.at("hpke", "sharedSecret").text())
    const { enc, sealed } = hpkeSealBase(xWing, { ...context, publicKey, plaintext, randomness })
    expect(toHex(enc)).toBe(run.at("hpke", "enc").text())
    expect(toHex(sealed)).toBe(run.at("hpke", "sealed").text())
    expect(toHex(concatBytes(hex("4b"), enc, sealed))).toBe(run.at("keyMessage").text())
    expect(hpkeOpenBase(xWing, { ...context, seed, enc, sealed })).toEqual(plaintext)
  })

  test("opens with associated data, and nothing that was changed", () => {
    const seed = ramp(1, 32)
    const context = { info: utf8("info"), aad: utf8("aad") }
    const plaintext = utf8("plaintext")
    const { enc, sealed } = hpkeSealBase(xWing, {
      ...context,
      publicKey: xWing.publicKey(seed),
      plaintext,
      randomness: ramp(2, 64),
    })
    const message = { ...context, seed, enc, sealed }
    expect(hpkeOpenBase(xWing, message)).toEqual(plaintext)
    const flip = (bytes: Uint8Array, at: number): Uint8Array => {
      const out = new Uint8Array(bytes)
      out[at] = (out[at] ?? 0) ^ 1
      return out
    }
    const changed = [
      { ...message, info: utf8("Info") },
      { ...message, info: empty },
      { ...message, aad: empty },
      { ...message, seed: ramp(3, 32) },
      { ...message, enc: enc.subarray(1) },
      { ...message, enc: concatBytes(enc.subarray(0, 1088), new Uint8Array(32)) },
      { ...message, sealed: concatBytes(sealed, hex("00")) },
      ...[0, 543, 1087, 1088, 1119].map((at) => ({ ...message, enc: flip(enc, at) })),
      ...[0, 15, 16, sealed.length].map((length) => ({ ...message, sealed: sealed.slice(0, length - 1) })),
      ...Array.from(sealed, (_, at) => ({ ...message, sealed: flip(sealed, at) })),
    ]
    for (const other of changed) expect(hpkeOpenBase(xWing, other)).toBeUndefined()
  })

  test("sealing to a key that is not usable is KEY, another seed than 32 bytes a bug", () => {
    const message = { info: empty, aad: empty }
    let error: unknown
    try {
      const publicKey = new Uint8Array(1216).fill(0xff)
      hpkeSealBase(xWing, { ...message, publicKey, plaintext: empty, randomness: ramp(2, 64) })
    } catch (e) {
      error = e
    }
    expect(CryptoError.is(error, "KEY")).toBe(true)
    const [enc, sealed] = [new Uint8Array(1120).fill(9), new Uint8Array(16)]
    expect(() => hpkeOpenBase(xWing, { ...message, seed: ramp(1, 31), enc, sealed })).toThrow(RangeError)
  })
}
