import { readdir, readFile } from "node:fs/promises"
import { join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import type { Bytes } from "@smpkit/codec"
import type { PageFiles } from "@smpkit/server/web"
import { CommandError } from "../failure.ts"

/** The page that came with this package; `npm run build -w @smpkit/web` makes it in a checkout. */
const released = fileURLToPath(new URL("../../page", import.meta.url))

/** Reads a page into memory: that of this release, or another build of it. */
export async function readPage(given: string | undefined, own: string = released): Promise<PageFiles> {
  const dir = given ?? own
  const advice =
    given === undefined
      ? "this copy of smpkit was built without its page; in a checkout, npm run build -w @smpkit/web makes it"
      : "--web-page names a folder with an index.html"
  const files = new Map<string, Bytes>()
  try {
    for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name.startsWith(".")) continue
      const path = join(entry.parentPath, entry.name)
      files.set(relative(dir, path).split(sep).join("/"), new Uint8Array(await readFile(path)))
    }
  } catch (error) {
    throw noPage(dir, advice, error)
  }
  if (!files.has("index.html")) throw noPage(dir, advice)
  return files
}

function noPage(dir: string, advice: string, cause?: unknown): CommandError {
  return new CommandError("FAILED", `there is no page in ${dir}: ${advice}`, { cause })
}
