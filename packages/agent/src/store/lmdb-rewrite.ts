import { mkdirSync, rmSync } from "node:fs"
import { open, rename } from "node:fs/promises"
import { join } from "node:path"

export const dataFile = "data.mdb"
const freshDirectory = "rewritten"
const zeros = new Uint8Array(1024 * 1024)

/** Removes what a rewriting that was interrupted left behind. */
export function removeUnfinished(directory: string): void {
  rmSync(join(directory, freshDirectory), { recursive: true, force: true })
}

/** Where a compacted copy of the data file goes. */
export function freshCopyIn(directory: string): string {
  removeUnfinished(directory)
  const fresh = join(directory, freshDirectory)
  mkdirSync(fresh, { mode: 0o700 })
  return fresh
}

/**
 * Puts the copy, which has no free pages, in the place of the data file of a database that is closed, and overwrites the old file's bytes: LMDB
 * keeps what was deleted in free pages until it needs them. A crash leaves the old file or the new one, both whole. What the medium keeps by itself is out of reach.
 */
export async function replaceByCopy(directory: string): Promise<void> {
  const fresh = join(directory, freshDirectory)
  await synced(join(fresh, dataFile))
  const old = await open(join(directory, dataFile), "r+")
  try {
    await rename(join(fresh, dataFile), join(directory, dataFile))
    await synced(directory)
    const { size } = await old.stat()
    for (let at = 0; at < size; at += zeros.length) {
      await old.write(zeros, 0, Math.min(zeros.length, size - at), at)
    }
    await old.sync()
  } finally {
    await old.close()
  }
  removeUnfinished(directory)
}

async function synced(path: string): Promise<void> {
  const file = await open(path, "r")
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
