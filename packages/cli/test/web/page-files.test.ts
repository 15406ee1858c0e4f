import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { decodeUtf8 } from "@smpkit/codec"
import { afterEach, beforeEach, expect, test } from "vitest"
import { readPage } from "../../src/web/page-files.ts"

let dir = ""
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "smpkit-page-"))
})
afterEach(() => rm(dir, { recursive: true }))

test("a page is read with its folders, and without hidden files", async () => {
  await mkdir(join(dir, "assets"))
  await writeFile(join(dir, "index.html"), "index")
  await writeFile(join(dir, "assets/a.js"), "script")
  await writeFile(join(dir, ".secret"), "secret")
  const page = await readPage(dir)
  expect([...page].map(([path, bytes]) => [path, decodeUtf8(bytes)]).sort()).toEqual([
    ["assets/a.js", "script"],
    ["index.html", "index"],
  ])
})

test("a release without its page says how to build it, another folder what belongs there", async () => {
  await expect(readPage(undefined, join(dir, "none"))).rejects.toThrow("npm run build -w @smpkit/web")
  await expect(readPage(undefined, dir)).rejects.toThrow("npm run build -w @smpkit/web")
  await expect(readPage(join(dir, "none"))).rejects.toThrow("--web-page names a folder with an index.html")
  await expect(readPage(dir)).rejects.toMatchObject({ code: "FAILED" })
})
