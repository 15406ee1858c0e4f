// A page that commits numbered changes until its browser ends; `writerInTest` is what a test calls.
import type { RawStore } from "@smpkit/agent"
import { indexedDbRawStore } from "@smpkit/agent/browser"

const text = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value)
const read = (raw: RawStore, key: string): string => new TextDecoder().decode(raw.get(text(key)))

/** What an earlier run left: how many numbers there are, and the two values that must be equal. */
export interface Left {
  readonly numbers: number
  readonly pair: readonly [string, string]
}

let acknowledged = -1

async function start(): Promise<Left> {
  const raw = await indexedDbRawStore("writer")
  const numbers = [...raw.scan(text("number "))].length
  const left: Left = { numbers, pair: [read(raw, "a"), read(raw, "b")] }
  void write(raw, numbers)
  return left
}

async function write(raw: RawStore, first: number): Promise<never> {
  for (let i = first; ; i++) {
    const value = text(String(i))
    await raw.commit([
      { type: "put", key: text("a"), value },
      { type: "put", key: text(`number ${i}`), value: crypto.getRandomValues(new Uint8Array(3000)) },
      { type: "put", key: text("b"), value },
    ])
    acknowledged = i
  }
}

/** The last number whose commit has resolved, once that is `wanted` or more. */
async function until(wanted: number): Promise<number> {
  while (acknowledged < wanted) await new Promise((resolve) => setTimeout(resolve, 1))
  return acknowledged
}

const writerInTest = { start, until }
export type WriterInTest = typeof writerInTest
Object.assign(globalThis, { writerInTest })
