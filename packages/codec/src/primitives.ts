import { type Bytes, decodeUtf8, utf8 } from "./bytes.ts"
import { type Codec, mapped } from "./codec.ts"

// encoding.md, "Binary primitives".

export const u8: Codec<number> = {
  write: (w, v) => {
    w.u8(v)
  },
  read: (r) => r.u8(),
}

export const u16: Codec<number> = {
  write: (w, v) => {
    w.u16(v)
  },
  read: (r) => r.u16(),
}

export const u32: Codec<number> = {
  write: (w, v) => {
    w.u32(v)
  },
  read: (r) => r.u32(),
}

export const i64: Codec<bigint> = {
  write: (w, v) => {
    w.i64(v)
  },
  read: (r) => r.i64(),
}

/** A 64-bit count or id as a number; reading refuses what a number cannot hold exactly. */
export const safeInt64: Codec<number> = mapped(
  i64,
  (v, fail) =>
    v > BigInt(Number.MAX_SAFE_INTEGER) || v < BigInt(Number.MIN_SAFE_INTEGER)
      ? fail("number out of range")
      : Number(v),
  (v) => BigInt(v),
)

/** Whole seconds since 1970-01-01 UTC, 64 bits. */
export const systemTime: Codec<number> = safeInt64

/** One ASCII letter, `T` or `F`. */
export const bool: Codec<boolean> = {
  write: (w, v) => {
    w.u8(v ? 0x54 : 0x46)
  },
  read: (r) => {
    const byte = r.u8()
    if (byte === 0x54) return true
    return byte === 0x46 ? false : r.fail("neither T nor F")
  },
}

/** One byte as a character of Latin-1. */
export const char: Codec<string> = {
  write: (w, v) => {
    const code = v.charCodeAt(0)
    if (v.length !== 1 || code > 0xff) throw new RangeError("not one character of one byte")
    w.u8(code)
  },
  read: (r) => String.fromCharCode(r.u8()),
}

/** `str8`: one length byte, then up to 255 bytes. */
export const shortBytes: Codec<Bytes> = {
  write: (w, v) => {
    w.u8(v.length)
    w.bytes(v)
  },
  read: (r) => r.take(r.u8()),
}

/** `str16`: two length bytes, then up to 65,535 bytes. */
export const longBytes: Codec<Bytes> = {
  write: (w, v) => {
    w.u16(v.length)
    w.bytes(v)
  },
  read: (r) => r.take(r.u16()),
}

/** Everything up to the end of the enclosing unit. */
export const rest: Codec<Bytes> = {
  write: (w, v) => {
    w.bytes(v)
  },
  read: (r) => r.take(r.left),
}

/** Bytes up to the end of the unit that a reader does not look at, and a writer does not write. */
export const ignored: Codec<undefined> = {
  write: () => undefined,
  read: (r) => {
    r.skip(r.left)
  },
}

/** Exactly `length` bytes without a prefix. */
export function fixed(length: number): Codec<Bytes> {
  return {
    write: (w, v) => {
      if (v.length !== length) throw new RangeError(`${v.length} bytes where ${length} belong`)
      w.bytes(v)
    },
    read: (r) => r.take(length),
  }
}

/** `str8` of UTF-8; reading refuses invalid UTF-8. */
export const text: Codec<string> = mapped(shortBytes, (v, fail) => decodeUtf8(v) ?? fail("not UTF-8"), utf8)

/** `str8` in which each byte is one character (the "String" type of ports and error texts); writing keeps the low 8 bits of each. */
export const latin1: Codec<string> = mapped(
  shortBytes,
  (v) => String.fromCharCode(...v),
  (v) => Uint8Array.from(v, (c) => (c.codePointAt(0) ?? 0) & 0xff),
)

/** `0`, or `1` and a value. */
export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    write: (w, v) => {
      if (v === undefined) {
        w.u8(0x30)
      } else {
        w.u8(0x31)
        codec.write(w, v)
      }
    },
    read: (r) => {
      const byte = r.u8()
      if (byte === 0x30) return undefined
      return byte === 0x31 ? codec.read(r) : r.fail("neither 0 nor 1")
    },
  }
}

/** One count byte, then up to 255 values. */
export function list<T>(codec: Codec<T>): Codec<readonly T[]> {
  return {
    write: (w, v) => {
      w.u8(v.length)
      for (const item of v) codec.write(w, item)
    },
    read: (r) => Array.from({ length: r.u8() }, () => codec.read(r)),
  }
}

/** A list with at least one value. */
export function nonEmptyList<T>(codec: Codec<T>): Codec<readonly [T, ...T[]]> {
  const items = list(codec)
  return {
    write: (w, v) => {
      // A caller without types could pass an empty list; the type says it cannot be.
      if (v.length === 0) throw new RangeError("an empty list")
      items.write(w, v)
    },
    read: (r) => {
      const all = items.read(r)
      return all.length === 0 ? r.fail("an empty list") : (all as readonly [T, ...T[]])
    },
  }
}

/** Versions from `min` to `max`, both included. */
export interface VersionRange {
  readonly min: number
  readonly max: number
}

/** `u16 min`, `u16 max`; reading refuses min > max. */
export const versionRange: Codec<VersionRange> = {
  write: (w, v) => {
    w.u16(v.min)
    w.u16(v.max)
  },
  read: (r) => {
    const min = r.u16()
    const max = r.u16()
    return min > max ? r.fail("a version range that ends before it begins") : { min, max }
  },
}
