import { type Bytes, toBase64Url, toHex, utf8 } from "@smpkit/codec"

const urlOf = (bytes: Bytes): string => toBase64Url(bytes, { padded: false })

/** Base64url of the bytes wherever they stand in a longer text: the letters that do not depend on their neighbours, for each of three places. */
function urlSpellings(raw: Bytes): string[] {
  return [0, 1, 2].map((shift) => {
    const text = urlOf(new Uint8Array([...new Uint8Array(shift), ...raw]))
    const end = (shift + raw.length) % 3 === 0 ? 0 : 1
    return text.slice(shift === 0 ? 0 : shift + 1, text.length - end)
  })
}

/** The spellings in which a text is found among what was seen. */
export function found(canary: string | Bytes, seen: readonly Bytes[]): string[] {
  const raw = typeof canary === "string" ? utf8(canary) : canary
  const spellings: [string, Bytes][] = [
    ["raw", raw],
    ["hex", utf8(toHex(raw))],
    ...urlSpellings(raw).map((text): [string, Bytes] => ["base64url", utf8(text)]),
  ]
  return spellings.flatMap(([name, spelling]) =>
    seen.some((bytes) =>
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(Buffer.from(spelling)),
    )
      ? [name]
      : [],
  )
}
