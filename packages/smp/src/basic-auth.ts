import { type Codec, mapped, text } from "@smpkit/codec"

// encoding.md, "Hosts and servers": printable, no white space, none of `@ : /`. Only ASCII here.
const allowed = /^[!-.0-9;-?A-~]{1,255}$/

/** Whether a text can be the password of a server address. */
export function isBasicAuth(password: string): boolean {
  return allowed.test(password)
}

/** `str8` of a password. */
export const basicAuth: Codec<string> = mapped(
  text,
  (v, fail) => (isBasicAuth(v) ? v : fail("not a password")),
  (v) => {
    if (!isBasicAuth(v)) throw new RangeError("not a password")
    return v
  },
)
