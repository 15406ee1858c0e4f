import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { brokenEnd, chunkSize, decodeFrame, encodeFrame, type PipeFrame } from "../../src/pipe/frame.ts"

const bytes = fc.uint8Array({ maxLength: 300 }).map((b) => new Uint8Array(b))
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => new Uint8Array(b))
const summary = { length: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), hash }
const frame: fc.Arbitrary<PipeFrame> = fc.oneof(
  fc.record({ type: fc.constant("chunk" as const), data: bytes }),
  fc.record({ type: fc.constant("end" as const), ...summary }),
  fc.record({ type: fc.constant("received" as const), ...summary }),
  fc.record({
    type: fc.constant("refused" as const),
    ...summary,
    reason: fc.string({ unit: "grapheme", maxLength: 50 }),
  }),
)

describe("docs/pipe.md: frames", () => {
  test("what is written is read back", () => {
    fc.assert(
      fc.property(frame, (value) => {
        expect(decodeFrame(encodeFrame(value))).toEqual(value)
      }),
    )
  })

  test("what is read is written back to the same bytes", () => {
    fc.assert(
      fc.property(bytes, (body) => {
        const read = decodeFrame(body)
        if (read !== undefined) expect(encodeFrame(read)).toEqual(body)
      }),
    )
  })

  test.each([
    ["a chunk", { type: "chunk", data: Uint8Array.of(0xaa, 0xbb) } as const, "00aabb"],
    [
      "an end",
      { type: "end", length: 258n, hash: new Uint8Array(32).fill(7) } as const,
      `010000000000000102${"07".repeat(32)}`,
    ],
    [
      "a confirmation",
      { type: "received", length: 1n, hash: new Uint8Array(32) } as const,
      `020000000000000001${"00".repeat(32)}`,
    ],
    [
      "a refusal",
      { type: "refused", length: 1n, hash: new Uint8Array(32), reason: "no" } as const,
      `030000000000000001${"00".repeat(32)}6e6f`,
    ],
    ["an end that fits nothing", brokenEnd, `010000000000000000${"00".repeat(32)}`],
  ])("%s, byte for byte", (_, value, hex) => {
    expect(Buffer.from(encodeFrame(value)).toString("hex")).toBe(hex)
  })

  test.each([
    ["nothing", ""],
    ["an unknown tag", "04"],
    ["text", "6869"],
    ["an end that is too short", `01${"00".repeat(39)}`],
    ["an end that is too long", `01${"00".repeat(41)}`],
    ["a refusal of nothing", "036e6f"],
    ["a refusal that is not UTF-8", `03${"00".repeat(40)}ff`],
  ])("%s is no frame", (_, hex) => {
    expect(decodeFrame(Buffer.from(hex, "hex"))).toBeUndefined()
  })

  test("a full chunk fits the smaller body of agent-protocol.md, Padded lengths", () => {
    expect(encodeFrame({ type: "chunk", data: new Uint8Array(chunkSize) }).length).toBeLessThanOrEqual(13_573)
  })
})
