import { type Codec, constant, type Reader } from "@smpkit/codec"

const space = 0x20

/** The layout of a tag with nothing after it, not even a space. */
export const noParameters: Codec<object> = constant({})

/** The members of a union that may have the tag `T`. */
export type WithTag<U, T extends string> = U extends { readonly type: infer X }
  ? T extends X
    ? U
    : never
  : never

/** For each tag of a union the layout of the fields behind it. */
export type Layouts<U extends { readonly type: string }> = {
  readonly [T in U["type"]]: Codec<Omit<WithTag<U, T>, "type">>
}

/**
 * A tag in ASCII, then a space and the fields where there are any (encoding.md, "Parsing discipline").
 * A tag ends at the first space or at the end of the unit and is matched exactly.
 */
export function tagged<U extends { readonly type: string }>(layouts: Layouts<U>): Codec<U> {
  const table = new Map<string, Codec<object>>(Object.entries(layouts))
  return {
    write: (w, v) => {
      const layout = table.get(v.type)
      if (layout === undefined) throw new RangeError(`an unknown tag ${v.type}`)
      for (let i = 0; i < v.type.length; i++) w.u8(v.type.charCodeAt(i))
      if (layout !== noParameters) w.u8(space)
      layout.write(w, v)
    },
    read: (r) => {
      const type = readWord(r)
      const layout = table.get(type) ?? r.fail("an unknown tag")
      if (layout !== noParameters) skipSpace(r)
      return { type, ...layout.read(r) } as U
    },
  }
}

/** Characters up to the next space or the end. */
export function readWord(r: Reader): string {
  let word = ""
  for (let next = r.peek(); next !== undefined && next !== space; next = r.peek()) {
    word += String.fromCharCode(next)
    r.skip(1)
  }
  return word
}

/** One space, which must be there. */
export function skipSpace(r: Reader): void {
  if (r.u8() !== space) r.fail("a space is missing")
}

/** One of a few words, up to the next space or the end. */
export function word<W extends string>(...words: readonly W[]): Codec<W> {
  return {
    write: (w, v) => {
      for (let i = 0; i < v.length; i++) w.u8(v.charCodeAt(i))
    },
    read: (r) => {
      const read = readWord(r)
      return words.find((one) => one === read) ?? r.fail("an unknown word")
    },
  }
}

/** Characters of the tag at the start of a unit. */
export function tagOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(space)
  return String.fromCharCode(...bytes.subarray(0, Math.min(end < 0 ? bytes.length : end, 16)))
}
