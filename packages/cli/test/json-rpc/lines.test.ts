import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { LineTooLongError, readLines } from "../../src/json-rpc/lines.ts"

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  let from = 0
  for (let i = 0; from < bytes.length; i++) {
    const size = Math.max(1, sizes[i % Math.max(1, sizes.length)] ?? bytes.length)
    yield bytes.subarray(from, from + size)
    from += size
  }
}

async function collect(input: AsyncIterable<Uint8Array>, limit?: number): Promise<string[]> {
  const lines: string[] = []
  for await (const line of readLines(input, limit)) lines.push(new TextDecoder().decode(line))
  return lines
}

describe("lines of the input", () => {
  test("any chunking gives the same lines", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string().map((s) => s.replaceAll("\n", "")),
          { maxLength: 8 },
        ),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
        async (lines, sizes) => {
          const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""))
          expect(await collect(chunksOf(bytes, sizes))).toEqual(lines)
        },
      ),
    )
  })

  test("a last line needs no line feed", async () => {
    expect(await collect(chunksOf(new TextEncoder().encode("a\nb"), [1]))).toEqual(["a", "b"])
  })

  test.each([
    ["in one chunk", 1000],
    ["byte by byte", 1],
  ])("a line above the limit is refused, one at the limit is not: %s", async (_, size) => {
    const fits = new TextEncoder().encode(`${"x".repeat(10)}\n`)
    expect(await collect(chunksOf(fits, [size]), 10)).toEqual(["x".repeat(10)])
    const long = new TextEncoder().encode(`${"x".repeat(11)}\n`)
    await expect(collect(chunksOf(long, [size]), 10)).rejects.toThrow(LineTooLongError)
  })

  test("an endless line is refused before it ends", async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        await Promise.resolve()
        yield new Uint8Array(64).fill(120)
      }
    }
    await expect(collect(endless(), 1000)).rejects.toThrow(LineTooLongError)
  })
})
