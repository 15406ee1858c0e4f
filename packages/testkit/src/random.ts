import { type Bytes, concatBytes, utf8 } from "@smpkit/codec"
import { type Random, sha256 } from "@smpkit/crypto"

/** The same bytes for the same seed, on every machine: SHA-256 of seed and counter. For tests only. */
export function seededRandom(seed: string): Random {
  const key = sha256(utf8(seed))
  let counter = 0
  let held: Bytes = new Uint8Array(0)
  return {
    bytes: (length) => {
      const parts = [held]
      for (let size = held.length; size < length; size += 32) {
        const number = new Uint8Array(8)
        new DataView(number.buffer).setBigUint64(0, BigInt(counter++))
        parts.push(sha256(key, number))
      }
      const all = concatBytes(...parts)
      held = all.slice(length)
      return all.slice(0, length)
    },
  }
}

/** Gives recorded byte strings in order. Asking for another length, or for more than there are, throws. */
export class ScriptedRandom implements Random {
  readonly #script: Bytes[]

  constructor(...script: readonly Uint8Array[]) {
    this.#script = script.map((part) => new Uint8Array(part))
  }

  /** How many byte strings nobody has asked for yet. */
  get left(): number {
    return this.#script.length
  }

  readonly bytes = (length: number): Bytes => {
    const next = this.#script.shift()
    if (next === undefined) throw new Error(`${length} random bytes after the end of the script`)
    if (next.length !== length) throw new Error(`${length} random bytes where the script has ${next.length}`)
    return next
  }
}
