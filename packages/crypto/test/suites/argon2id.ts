import { toHex, utf8 } from "@smpkit/codec"
import { argon2Ceiling, argon2Floor, argon2id, CryptoError } from "@smpkit/crypto"
import { ramp } from "@smpkit/testkit"
import { backend } from "#backend"
import { expect, test } from "vitest"

export function argon2idSuite(): void {
  test.each([
    { ...argon2Floor, passes: argon2Floor.passes - 1 },
    { ...argon2Floor, memoryKiB: argon2Floor.memoryKiB - 1 },
    { ...argon2Ceiling, passes: argon2Ceiling.passes + 1 },
    { ...argon2Ceiling, memoryKiB: argon2Ceiling.memoryKiB + 1 },
    { ...argon2Floor, passes: 3.5 },
    { ...argon2Floor, memoryKiB: Number.NaN },
    { passes: 2 ** 40, memoryKiB: 2 ** 40 },
  ])("refuses %j before it takes memory", (parameters) => {
    let error: unknown
    try {
      argon2id(utf8("password"), ramp(0, 16), parameters)
    } catch (e) {
      error = e
    }
    expect(CryptoError.is(error, "PARAMETER")).toBe(true)
  })

  test("a salt of another size is the caller's bug", () => {
    expect(() => argon2id(utf8("password"), ramp(0, 15), argon2Floor)).toThrow(RangeError)
  })

  test("the least that is permitted", () => {
    const key = argon2id(utf8("password"), ramp(0, 16), argon2Floor)
    expect(toHex(key)).toBe("def6fd068289b9a0cf1114f8e978a2c4dab6faef377d895b9c2d59fc93fc5653")
    expect(key.buffer.byteLength).toBe(32)
  })

  // Made with libsodium; less than the floor, so that they are quick. 65 KiB is no multiple of four blocks.
  test.each([
    [1, 8, "password", "3a008963c65f7ffa7331a90babd1fd17ea9f03bd05356b857ceb43f7b7080adc"],
    [3, 32, "", "8387f31bab9e60082389844f719447673640d4462f4cb2f1ec51a8180fcbe7aa"],
    [
      2,
      64,
      "pässword",
      "3b2a3e781173cdf7359cca344b879df4ee7df7512f28975aa9b2cda12392a41b01d4bea542ae1988dfd07673f623397c9806cae37d20e465e4e37a8b21cf8233",
    ],
    [4, 65, "password", "f06858d982568763577dd8a7a5cde30b"],
  ])("%i passes over %i KiB of %j", (passes, memoryKiB, password, key) => {
    const length = key.length / 2
    expect(toHex(backend.argon2id(utf8(password), ramp(0, 16), passes, memoryKiB * 1024, length))).toBe(key)
  })
}
