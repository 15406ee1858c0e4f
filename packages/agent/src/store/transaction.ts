import type { Bytes } from "@smpkit/codec"
import { StoreError } from "./errors.ts"
import type { Tables } from "./tables.ts"

/** What a store holds: read only. */
export interface StoreView {
  /** A copy of the record's value; `undefined` where there is none. */
  get(table: string, key: string): Bytes | undefined
  /** The number of the write that made the record what it is; 0 where there is none. It never repeats. */
  generation(table: string, key: string): number
  /** The records of a table, or those whose key begins with `scope` and a slash, in the order of their keys: a snapshot. */
  list(table: string, scope?: string): Iterable<{ readonly key: string; readonly value: Bytes }>
  /** Whether the store came back from a copy and its connections must re-synchronise before they send (security.md, Q2). */
  readonly wasRestored: boolean
}

/** One atomic update. It sees its own changes; all methods are for the time of the call only. */
export interface StoreTx extends StoreView {
  /** `expected` is the generation that the record must have, 0 for none: otherwise `StoreError STORE_CONFLICT`. */
  put(table: string, key: string, value: Uint8Array, expected?: number): void
  delete(table: string, key: string, expected?: number): void
  setRestored(restored: boolean): void
}

/** What an open store keeps in memory, and what a transaction changes at once. */
export class State implements StoreView {
  readonly tables: Tables
  generations: number
  wasRestored: boolean

  constructor(tables: Tables, generations: number, restored: boolean) {
    this.tables = tables
    this.generations = generations
    this.wasRestored = restored
  }

  get(table: string, key: string): Bytes | undefined {
    return this.tables.get(table, key)?.value.slice()
  }

  generation(table: string, key: string): number {
    return this.tables.get(table, key)?.generation ?? 0
  }

  list(table: string, scope?: string): Iterable<{ readonly key: string; readonly value: Bytes }> {
    return this.tables.keys(table, scope).flatMap((key) => {
      const value = this.get(table, key)
      return value === undefined ? [] : [{ key, value }]
    })
  }
}

/** A record that a transaction changed. */
export interface Touched {
  readonly table: string
  readonly key: string
}

/** Changes the state in place and remembers how to take it back. */
export class Transaction implements StoreTx {
  readonly touched: Touched[] = []
  readonly #state: State
  readonly #undo: (() => void)[] = []
  #open = true

  constructor(state: State) {
    this.#state = state
  }

  /** After this, methods throw. */
  end(): void {
    this.#open = false
  }

  /** Takes all changes back; those of later transactions must be taken back before. */
  undo(): void {
    for (const step of this.#undo.splice(0).reverse()) step()
    this.touched.length = 0
  }

  #use(): State {
    if (!this.#open) throw new TypeError("a store transaction was used after its end")
    return this.#state
  }

  get wasRestored(): boolean {
    return this.#use().wasRestored
  }

  get(table: string, key: string): Bytes | undefined {
    return this.#use().get(table, key)
  }

  generation(table: string, key: string): number {
    return this.#use().generation(table, key)
  }

  list(table: string, scope?: string): Iterable<{ readonly key: string; readonly value: Bytes }> {
    return this.#use().list(table, scope)
  }

  put(table: string, key: string, value: Uint8Array, expected?: number): void {
    const state = this.#use()
    this.#compare(table, key, expected)
    const before = state.tables.set(table, key, {
      value: new Uint8Array(value),
      generation: ++state.generations,
    })
    this.#undo.push(() => state.tables.set(table, key, before))
    this.touched.push({ table, key })
  }

  delete(table: string, key: string, expected?: number): void {
    const state = this.#use()
    this.#compare(table, key, expected)
    const before = state.tables.set(table, key, undefined)
    if (before === undefined) return
    this.#undo.push(() => state.tables.set(table, key, before))
    this.touched.push({ table, key })
  }

  setRestored(restored: boolean): void {
    const state = this.#use()
    const before = state.wasRestored
    state.wasRestored = restored
    this.#undo.push(() => {
      state.wasRestored = before
    })
  }

  #compare(table: string, key: string, expected: number | undefined): void {
    if (expected !== undefined && this.#state.generation(table, key) !== expected) {
      throw new StoreError("STORE_CONFLICT", "a record was changed since it was read; read it again")
    }
  }
}
