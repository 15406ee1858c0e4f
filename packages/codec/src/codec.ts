import type { Bytes } from "./bytes.ts"
import { Reader } from "./reader.ts"
import { Writer } from "./writer.ts"
import { WireError } from "./wire-error.ts"

/**
 * Both directions of one layout. `write` throws `RangeError` for a value that does not fit, `read` throws `WireError` for bytes that do not.
 * Function properties, not methods: `T` stays invariant, so a codec fits its type exactly.
 */
export interface Codec<T> {
  readonly write: (w: Writer, value: T) => void
  readonly read: (r: Reader) => T
}

/** Bytes of a value. Throws `RangeError` when a part does not fit its field. */
export function encode<T>(codec: Codec<T>, value: T): Bytes {
  const w = new Writer()
  codec.write(w, value)
  return w.take()
}

/** Value of bytes, all of which must be used. Throws `WireError`. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const r = new Reader(bytes)
  const value = codec.read(r)
  if (r.left > 0) r.fail(`${r.left} trailing bytes`)
  return value
}

/** Fields one after another, in the order in which they stand. */
export function struct<T extends object>(fields: { readonly [K in keyof T]-?: Codec<T[K]> }): Codec<T> {
  const entries = Object.entries(fields) as [keyof T & string, Codec<T[keyof T]>][]
  return {
    write: (w, v) => {
      for (const [k, c] of entries) c.write(w, v[k])
    },
    read: (r) => Object.fromEntries(entries.map(([k, c]) => [k, c.read(r)])) as T,
  }
}

/** Two values one after the other. */
export function pair<A, B>(a: Codec<A>, b: Codec<B>): Codec<readonly [A, B]> {
  return {
    write: (w, v) => {
      a.write(w, v[0])
      b.write(w, v[1])
    },
    read: (r) => [a.read(r), b.read(r)],
  }
}

/** A codec of another type through a conversion each way. `decodeValue` may throw `WireError`, or call `fail`. */
export function mapped<A, B>(
  codec: Codec<A>,
  decodeValue: (value: A, fail: (message: string) => never) => B,
  encodeValue: (value: B) => A,
): Codec<B> {
  return {
    write: (w, v) => {
      codec.write(w, encodeValue(v))
    },
    read: (r) => {
      const start = r.offset
      return decodeValue(codec.read(r), (message) => {
        throw new WireError(message, start)
      })
    },
  }
}

/** A value that takes no bytes. */
export function constant<T>(value: T): Codec<T> {
  return { write: () => undefined, read: () => value }
}

/** A codec chosen late, for layouts that contain themselves. */
export function lazy<T>(make: () => Codec<T>): Codec<T> {
  return {
    write: (w, v) => {
      make().write(w, v)
    },
    read: (r) => make().read(r),
  }
}
