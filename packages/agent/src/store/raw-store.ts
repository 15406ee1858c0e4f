import type { Bytes } from "@smpkit/codec"

export interface KeyValue {
  readonly key: Bytes
  readonly value: Bytes
}

/** One change of a commit. */
export type Change =
  | { readonly type: "put"; readonly key: Bytes; readonly value: Bytes }
  | { readonly type: "delete"; readonly key: Bytes }

/** What a key must hold for a commit to happen; `undefined`: nothing. */
export interface Expectation {
  readonly key: Bytes
  readonly value: Bytes | undefined
}

/** An ordered key-value store with one writer. It holds sealed bytes only; `SealedStore` stands above it. */
export interface RawStore extends AsyncDisposable {
  /** A synchronous read of the committed state; the bytes are a copy. */
  get(key: Bytes): Bytes | undefined
  /** All pairs whose key begins with `prefix`, in the order of their keys' bytes. */
  scan(prefix: Bytes): Iterable<KeyValue>
  /**
   * All of the changes or none; resolves when they are on disk, not before. `expected` is compared in the same transaction.
   * Throws `StoreError` `STORE_CONFLICT` (nothing was changed), `STORE_FAILED` and `STORE_CLOSED`.
   */
  commit(changes: readonly Change[], expected?: Expectation): Promise<void>
  /** Frees the medium, as far as it can, of what was deleted. Not during a commit. Throws `StoreError STORE_FAILED`; the content is as before. */
  rewrite?(): Promise<void>
}

/** Whether two byte strings that are no secrets are the same. */
export function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

export function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return sameBytes(bytes.subarray(0, prefix.length), prefix)
}
