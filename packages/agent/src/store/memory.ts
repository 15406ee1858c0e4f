import { type Bytes, fromHex, toHex } from "@smpkit/codec"
import { type Change, type Expectation, type KeyValue, type RawStore, sameBytes } from "./raw-store.ts"
import { StoreError } from "./errors.ts"

/** A raw store that lives as long as the process. Closing it keeps its content, so that a test can open it again as after a restart. */
export function memoryRawStore(): RawStore {
  return new MemoryRawStore()
}

class MemoryRawStore implements RawStore {
  readonly #values = new Map<string, Bytes>()

  get(key: Bytes): Bytes | undefined {
    return this.#values.get(toHex(key))?.slice()
  }

  *scan(prefix: Bytes): Iterable<KeyValue> {
    const start = toHex(prefix)
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(start)).sort()
    for (const key of keys) {
      const value = this.#values.get(key)
      if (value !== undefined) yield { key: fromHex(key), value: value.slice() }
    }
  }

  async commit(changes: readonly Change[], expected?: Expectation): Promise<void> {
    await Promise.resolve()
    if (expected !== undefined && !sameBytes(this.#values.get(toHex(expected.key)), expected.value)) {
      throw new StoreError("STORE_CONFLICT", "the store was changed by somebody else")
    }
    for (const change of changes) {
      switch (change.type) {
        case "put":
          this.#values.set(toHex(change.key), change.value.slice())
          break
        case "delete":
          this.#values.delete(toHex(change.key))
          break
        default:
          change satisfies never
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve()
  }
}
