import type { Bytes } from "@smpkit/codec"

/** A record in memory. Its value is never changed in place. */
export interface Entry {
  readonly value: Bytes
  readonly generation: number
}

interface Table {
  /** In order. */
  readonly keys: string[]
  readonly entries: Map<string, Entry>
}

/** All records of an open store, decrypted, by table and in the order of their keys. */
export class Tables {
  readonly #tables = new Map<string, Table>()

  get(table: string, key: string): Entry | undefined {
    return this.#tables.get(table)?.entries.get(key)
  }

  /** Puts, or with `undefined` removes, a record, and returns what was there before. */
  set(table: string, key: string, entry: Entry | undefined): Entry | undefined {
    let t = this.#tables.get(table)
    if (t === undefined) {
      t = { keys: [], entries: new Map() }
      this.#tables.set(table, t)
    }
    const before = t.entries.get(key)
    if (entry === undefined) {
      if (before !== undefined) t.keys.splice(position(t.keys, key), 1)
      t.entries.delete(key)
    } else {
      if (before === undefined) t.keys.splice(position(t.keys, key), 0, key)
      t.entries.set(key, entry)
    }
    return before
  }

  /** The keys of a table, or those that begin with `scope` and a slash, in order. */
  keys(table: string, scope?: string): readonly string[] {
    const keys = this.#tables.get(table)?.keys ?? []
    if (scope === undefined) return keys.slice()
    // "0" is the character after "/".
    return keys.slice(position(keys, `${scope}/`), position(keys, `${scope}0`))
  }

  /** All records. */
  *all(): Iterable<readonly [table: string, key: string, entry: Entry]> {
    for (const [table, { entries }] of this.#tables) {
      for (const [key, entry] of entries) yield [table, key, entry]
    }
  }
}

/** Where `key` is, or belongs, in sorted `keys`. */
function position(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] ?? "") < key) low = middle + 1
    else high = middle
  }
  return low
}
