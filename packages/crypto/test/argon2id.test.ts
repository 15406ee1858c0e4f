import { utf8 } from "@smpkit/codec"
import { argon2Ceiling, argon2Floor, argon2id, CryptoError } from "@smpkit/crypto"
import { ramp } from "@smpkit/testkit"
import { expect, test } from "vitest"

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

test("password, salt, passes and length all matter", () => {
  const key = argon2id(utf8("password"), ramp(0, 16), argon2Floor)
  expect(argon2id(utf8("password"), ramp(0, 16), argon2Floor)).toEqual(key)
  expect(key.length).toBe(32)
  expect(argon2id(utf8("passwore"), ramp(0, 16), argon2Floor)).not.toEqual(key)
  expect(argon2id(utf8("password"), ramp(1, 16), argon2Floor)).not.toEqual(key)
  expect(argon2id(utf8("password"), ramp(0, 16), { ...argon2Floor, passes: 4 })).not.toEqual(key)
  expect(argon2id(new Uint8Array(0), ramp(0, 16), argon2Floor, 64).length).toBe(64)
})
