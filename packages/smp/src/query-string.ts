import { type Bytes, decodeUtf8, utf8 } from "@smpkit/codec"
import { SmpError } from "./errors.ts"

// connection-links.md, "Query strings".

/** Parameters of a link; `get` throws `SmpError LINK` for one that is repeated (security.md Q9). */
export interface QueryString {
  readonly get: (name: string) => string | undefined
}

/** Writes parameters in the order given; everything but letters, digits and `- _ . ~` becomes `%XX`. */
export function formatQueryString(parameters: readonly (readonly [name: string, value: string])[]): string {
  return parameters.map(([name, value]) => `${escape(name)}=${escape(value)}`).join("&")
}

function escape(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Reads `name=value` joined by `&` or `;`. Throws `SmpError LINK` for white space, broken escapes and text that is not UTF-8. */
export function parseQueryString(text: string): QueryString {
  const values = new Map<string, { readonly value: string; readonly repeated: boolean }>()
  for (const part of text.split(/[&;]/)) {
    const equals = part.indexOf("=")
    const name = unescape(equals < 0 ? part : part.slice(0, equals))
    const value = unescape(equals < 0 ? "" : part.slice(equals + 1))
    values.set(name, { value, repeated: values.has(name) })
  }
  return {
    get: (name) => {
      const found = values.get(name)
      if (found?.repeated === true) throw new SmpError("LINK", `the parameter ${name} is repeated`)
      return found?.value
    },
  }
}

function unescape(text: string): string {
  if (!/^(?:[!-$&-~]|%[0-9a-fA-F]{2})*$/.test(text)) throw new SmpError("LINK", "a broken query string")
  return decodeUtf8(bytesOf(text.replaceAll("+", " "))) ?? fail()
}

function bytesOf(text: string): Bytes {
  const bytes: number[] = []
  for (const match of text.matchAll(/%(..)|([^%]+)/g)) {
    if (match[1] === undefined) bytes.push(...utf8(match[0]))
    else bytes.push(Number.parseInt(match[1], 16))
  }
  return Uint8Array.from(bytes)
}

function fail(): never {
  throw new SmpError("LINK", "a query string that is not UTF-8")
}
