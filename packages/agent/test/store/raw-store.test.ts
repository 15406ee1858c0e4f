import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { memoryRawStore } from "../../src/store/index.ts"
import { lmdbRawStore } from "../../src/store/lmdb.ts"
import { ownedRawStoreSuite, rawStoreSuite } from "../suites/raw-store.ts"

let directory: string
let places = 0
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "smpkit-raw-store-"))
})
afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

function lmdbPlace(): { open: () => ReturnType<typeof lmdbRawStore> } {
  const path = join(directory, String(places++))
  return { open: () => lmdbRawStore(path) }
}

rawStoreSuite("memory", () => {
  const raw = memoryRawStore()
  return { open: () => Promise.resolve(raw) }
})
rawStoreSuite("LMDB", lmdbPlace)
ownedRawStoreSuite("LMDB", lmdbPlace)
