import { expect, test } from "vitest"
import fc from "fast-check"
import { type Bytes, concatBytes } from "@smpkit/codec"
import { equalBytes } from "@smpkit/crypto"
import { BlockFramer } from "../src/blocks.ts"

const blockSize = 16_384
const numbered = (n: number): Bytes => new Uint8Array(blockSize).fill(n)

function drain(framer: BlockFramer): Bytes[] {
  const blocks: Bytes[] = []
  for (let block = framer.shift(); block !== undefined; block = framer.shift()) blocks.push(block)
  return blocks
}

test("any chunking gives the same blocks", () => {
  const bytes = concatBytes(numbered(1), numbered(2), numbered(3))
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
      const framer = new BlockFramer()
      let at = 0
      for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
        framer.push(bytes.slice(at, cut))
        at = cut
      }
      const blocks = drain(framer)
      expect(blocks.map((block) => block.length)).toEqual([blockSize, blockSize, blockSize])
      expect(equalBytes(concatBytes(...blocks), bytes)).toBe(true)
      expect(framer.unfinished).toBe(0)
    }),
  )
})

test("a chunk that is a block is not copied", () => {
  const framer = new BlockFramer()
  const chunk = numbered(7)
  framer.push(chunk)
  expect(framer.shift()?.buffer).toBe(chunk.buffer)
})

test("several blocks in one chunk, and a rest that waits for its end", () => {
  const framer = new BlockFramer()
  framer.push(concatBytes(numbered(1), numbered(2), new Uint8Array(5).fill(3)))
  expect(framer.waiting).toBe(2)
  expect(framer.unfinished).toBe(5)
  expect(drain(framer)).toEqual([numbered(1), numbered(2)])
  framer.push(new Uint8Array(blockSize - 6).fill(3))
  expect(framer.shift()).toBeUndefined()
  framer.push(Uint8Array.of(3, 4))
  expect(drain(framer)).toEqual([numbered(3)])
  expect(framer.unfinished).toBe(1)
  framer.clear()
  expect(framer.unfinished).toBe(0)
})
