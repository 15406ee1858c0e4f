import {
  type Codec,
  decode,
  encode,
  fixed,
  list,
  nonEmptyList,
  optional,
  shortBytes,
  struct,
  u16,
} from "@smpkit/codec"
import { expect, test } from "vitest"

// Each line must not compile; `tsc -p tsconfig.test.json` says so when one does.
test("mix-ups that the compiler refuses", () => {
  interface Sample {
    readonly a: number
    readonly b: Uint8Array<ArrayBuffer> | undefined
  }
  // @ts-expect-error a field is missing
  struct<Sample>({ a: u16 })
  // @ts-expect-error a field has the codec of another type
  struct<Sample>({ a: u16, b: shortBytes })
  // @ts-expect-error a field too many
  struct<Sample>({ a: u16, b: optional(shortBytes), c: u16 })
  // @ts-expect-error a codec is neither wider nor narrower than its type
  const wider: Codec<number | undefined> = u16
  // @ts-expect-error nor the other way
  const narrower: Codec<Uint8Array<ArrayBuffer>> = optional(shortBytes)
  // @ts-expect-error a list may be empty where its type says that it is not
  const some: Codec<readonly [number, ...number[]]> = list(u16)
  // @ts-expect-error a value of another type
  const text = () => encode(fixed(2), "ab")
  // @ts-expect-error an empty list
  expect(() => encode(nonEmptyList(u16), [])).toThrow(RangeError)
  // @ts-expect-error what was decoded has the codec's type
  const wrong: string = decode(u16, new Uint8Array(2))
  expect([wider, narrower, some, wrong, text]).toHaveLength(5)
})
