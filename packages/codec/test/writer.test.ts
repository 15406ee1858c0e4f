import { toHex, Writer } from "@smpkit/codec"
import { expect, test } from "vitest"

test("writes numbers of each width, most significant byte first", () => {
  const w = new Writer()
  w.u8(1)
  w.u16(0x0203)
  w.u32(0x04050607)
  w.i64(-256n)
  expect([w.length, toHex(w.finish())]).toEqual([15, "01020304050607ffffffffffffff00"])
})

test("grows past its capacity", () => {
  const w = new Writer(1)
  for (let i = 0; i < 300; i++) w.u8(i & 0xff)
  w.bytes(new Uint8Array(1000).fill(7))
  const out = w.finish()
  expect([out.length, out[299], out[300], out[1299]]).toEqual([1300, 43, 7, 7])
})

test("take hands long bytes over, and what is written next is new memory", () => {
  for (const length of [10, 4_096, 16_384]) {
    const w = new Writer(length + 256)
    w.bytes(new Uint8Array(length).fill(7))
    const taken = w.take()
    expect(w.length).toBe(0)
    expect(taken).toEqual(new Uint8Array(length).fill(7))
    w.bytes(new Uint8Array(length).fill(9))
    expect(taken).toEqual(new Uint8Array(length).fill(7))
    expect(w.take()).toEqual(new Uint8Array(length).fill(9))
  }
})

test("finish gives a copy", () => {
  const w = new Writer()
  w.u8(1)
  w.finish().fill(9)
  expect(toHex(w.finish())).toBe("01")
})

test.each<[string, (w: Writer) => void]>([
  [
    "u8 256",
    (w) => {
      w.u8(256)
    },
  ],
  [
    "u8 -1",
    (w) => {
      w.u8(-1)
    },
  ],
  [
    "u8 1.5",
    (w) => {
      w.u8(1.5)
    },
  ],
  [
    "u8 NaN",
    (w) => {
      w.u8(Number.NaN)
    },
  ],
  [
    "u16 65536",
    (w) => {
      w.u16(0x1_0000)
    },
  ],
  [
    "u32 2^32",
    (w) => {
      w.u32(0x1_0000_0000)
    },
  ],
  [
    "i64 2^63",
    (w) => {
      w.i64(2n ** 63n)
    },
  ],
  [
    "i64 -2^63-1",
    (w) => {
      w.i64(-(2n ** 63n) - 1n)
    },
  ],
])("%s does not fit, and nothing is written", (_, write) => {
  const w = new Writer()
  expect(() => {
    write(w)
  }).toThrow(RangeError)
  expect(w.length).toBe(0)
})
