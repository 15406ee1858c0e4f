import { Reader, WireError } from "@smpkit/codec"
import { hex } from "@smpkit/testkit"
import { expect, test } from "vitest"

test("reads numbers of each width, most significant byte first", () => {
  const r = new Reader(hex("01 0203 04050607 ffffffffffffff00"))
  expect([r.u8(), r.u16(), r.u32(), r.i64(), r.left, r.offset]).toEqual([1, 0x0203, 0x04050607, -256n, 0, 15])
})

test("reads a part of a larger buffer", () => {
  const r = new Reader(hex("aabbccdd").subarray(1, 3))
  expect([r.u16(), r.left]).toEqual([0xbbcc, 0])
})

test("what it takes does not alias the unit", () => {
  const unit = hex("0102")
  const taken = new Reader(unit).take(2)
  unit.fill(9)
  expect(taken).toEqual(hex("0102"))
})

test.each<[string, (r: Reader) => unknown]>([
  ["u8", (r) => r.u8()],
  ["u16", (r) => r.u16()],
  ["u32", (r) => r.u32()],
  ["i64", (r) => r.i64()],
  ["take", (r) => r.take(1)],
  [
    "skip",
    (r) => {
      r.skip(1)
    },
  ],
])("%s past the end is a WireError with the offset", (_, read) => {
  const r = new Reader(hex("000000"))
  r.skip(3)
  let error: unknown
  try {
    read(r)
  } catch (e) {
    error = e
  }
  expect(error).toBeInstanceOf(WireError)
  expect(error).toMatchObject({ code: "WIRE", offset: 3 })
})

test("a read that fails does not move", () => {
  const r = new Reader(hex("01"))
  expect(() => r.u16()).toThrow(WireError)
  expect(r.u8()).toBe(1)
})

test("peek does not read", () => {
  const r = new Reader(hex("07"))
  expect([r.peek(), r.u8(), r.peek()]).toEqual([7, 7, undefined])
})

test("attempt goes back after a WireError and only after that", () => {
  const r = new Reader(hex("010203"))
  expect(r.attempt((inner) => inner.take(9))).toBeUndefined()
  expect(r.attempt((inner) => [inner.u8(), inner.fail("no")])).toBeUndefined()
  expect(r.offset).toBe(0)
  expect(r.attempt((inner) => inner.u16())).toBe(0x0102)
  const bug = (): never => {
    throw new RangeError("a bug")
  }
  expect(() => {
    r.attempt(bug)
  }).toThrow(RangeError)
})
