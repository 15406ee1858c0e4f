import { createHash } from "node:crypto"
import { promisify } from "node:util"
import { brotliCompress, constants, gzip } from "node:zlib"
import type { Bytes } from "@smpkit/codec"
import { ServerError } from "../errors.ts"

/** The files of a page by their paths relative to it, as `index.html` or `assets/main-3f2a9c1d.js`. They are served from memory: no path reaches a disk. */
export type PageFiles = ReadonlyMap<string, Bytes>

export type Encoding = "br" | "gzip" | "identity"

/** One file as it is served. */
export interface PageFile {
  readonly type: string
  /** Its name changes with its content, so that a browser may keep it for ever. */
  readonly immutable: boolean
  /** Compressed when somebody asks for it first; `identity` where that makes it no smaller. */
  variant(encoding: Encoding): Promise<Variant>
}

export interface Variant {
  readonly encoding: Encoding
  readonly body: Bytes
  /** Strong, with its quotes. */
  readonly etag: string
}

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json; charset=utf-8",
  webmanifest: "application/manifest+json; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  md: "text/markdown; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  woff2: "font/woff2",
}
// The others are compressed in themselves.
const compressible = new Set(["html", "js", "css", "json", "webmanifest", "txt", "md", "svg"])
const smallest = 1_024

/** The page's files as they are served. Throws `ServerError CONFIGURATION` when there is no index. */
export function preparePage(files: PageFiles): ReadonlyMap<string, PageFile> {
  if (!files.has("index.html"))
    throw new ServerError("CONFIGURATION", "the page has no index.html: build it again")
  return new Map([...files].map(([path, body]) => [path, preparedFile(path, body)]))
}

function preparedFile(path: string, body: Bytes): PageFile {
  const extension = /\.([a-z0-9]+)$/.exec(path)?.[1] ?? ""
  const type = types[extension] ?? "application/octet-stream"
  const hash = createHash("sha256").update(body).digest("base64url").slice(0, 22)
  const identity: Variant = { encoding: "identity", body, etag: `"${hash}"` }
  const variants = new Map<Encoding, Promise<Variant>>([["identity", Promise.resolve(identity)]])
  const mayShrink = compressible.has(extension) && body.length >= smallest
  return {
    type,
    immutable: /^assets\/.*-[\w-]{8,}\.[a-z0-9]+$/.test(path),
    variant: (encoding) => {
      const known = variants.get(mayShrink ? encoding : "identity")
      if (known !== undefined) return known
      const made = compressed(body, encoding).then((smaller) =>
        smaller.length < body.length ? { encoding, body: smaller, etag: `"${hash}-${encoding}"` } : identity,
      )
      variants.set(encoding, made)
      return made
    },
  }
}

const brotli = promisify(brotliCompress)
const zip = promisify(gzip)

async function compressed(body: Bytes, encoding: Encoding): Promise<Bytes> {
  switch (encoding) {
    case "br":
      return new Uint8Array(
        await brotli(body, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: body.length } }),
      )
    case "gzip":
      return new Uint8Array(await zip(body, { level: 9 }))
    case "identity":
      return body
    default:
      return encoding satisfies never
  }
}

/** The best encoding that an `Accept-Encoding` allows; one with the weight 0 is refused. */
export function acceptedEncoding(header: string | undefined): Encoding {
  const weights = new Map<string, number>()
  for (const part of (header ?? "").toLowerCase().split(",")) {
    const match = /^\s*([a-z*-]+)\s*(?:;\s*q\s*=\s*([\d.]{1,5})\s*)?$/.exec(part)
    if (match?.[1] !== undefined) weights.set(match[1], Number(match[2] ?? "1"))
  }
  return (["br", "gzip"] as const).find((name) => (weights.get(name) ?? 0) > 0) ?? "identity"
}
