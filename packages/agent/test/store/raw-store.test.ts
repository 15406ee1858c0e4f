import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { lmdbRawStore } from "../../src/store/lmdb.ts"
import { ownedRawStoreSuite, type RawStorePlace, rawStoreSuite } from "../suites/raw-store.ts"
import { memoryPlace } from "./helpers.ts"

let directory: string
let places = 0
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "smpkit-raw-store-"))
})
afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

function lmdbPlace(): RawStorePlace {
  const path = join(directory, String(places++))
  return { open: () => lmdbRawStore(path) }
}

rawStoreSuite("memory", memoryPlace)
rawStoreSuite("LMDB", lmdbPlace)
ownedRawStoreSuite("LMDB", lmdbPlace)
