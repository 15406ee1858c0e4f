import { link, lstat, mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises"
import { basename, dirname, join, resolve } from "node:path"
import { type Bytes, toHex } from "@smpkit/codec"
import { systemRandom } from "@smpkit/crypto"
import { lockDirectory } from "../store/directory-lock.ts"
import { StoreError } from "../store/errors.ts"
import { type ExportedFile, importStore, SealedStore } from "../store/index.ts"
import { lmdbRawStore } from "../store/lmdb.ts"

/** An agent's folder and its exported store. */
export interface BackupOptions {
  readonly dir: string
  readonly file: string
  readonly passphrase: string
  readonly allowEmptyPassphrase?: boolean
}

/**
 * Writes the store of an agent that does not run as one file, sealed under the passphrase of the store and private to its owner: whole, or not at all.
 * `files` are names of small files in the folder that go with it, where they are. Throws `StoreError` `NOT_EMPTY` where the file is there already, `STORE_IN_USE`,
 * `NOT_FOUND` where there is no agent, `WRONG_PASSPHRASE`, `STORE_TAMPERED`, `STORE_FORMAT`, `STORE_FAILED`.
 */
export async function exportAgent({
  dir,
  file,
  files = [],
  ...options
}: BackupOptions & { readonly files?: readonly string[] }): Promise<void> {
  if (!(await namesIn(dir)).includes("data.mdb"))
    throw new StoreError("NOT_FOUND", `there is no agent in ${dir}: check the path`)
  await using store = await SealedStore.open(await lmdbRawStore(dir), { ...options, random: systemRandom })
  const beside: ExportedFile[] = []
  for (const name of files) {
    const content = await contentOf(join(dir, name))
    if (content !== undefined) beside.push({ name, content })
  }
  await writeExport(file, store.export({ files: beside }))
}

/**
 * Writes an export, as `Agent.exportStore` gives it, to a file that is private to its owner: whole, or not at all. Throws `StoreError` `NOT_EMPTY` where
 * the file is there already, `STORE_FAILED`.
 */
export async function writeExport(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const target = resolve(path)
  if (await exists(target)) throw isThere(path)
  // A name of its own: another export to the same place may go on in this process.
  const unfinished = `${target}.${toHex(systemRandom.bytes(6))}.unfinished`
  try {
    {
      await using file = await open(unfinished, "wx", 0o600)
      for await (const piece of pieces) await file.writeFile(piece)
      await file.sync()
    }
    await putFile(unfinished, target, path)
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined)
    throw systemFailure(error, `${path} cannot be written`)
  }
}

/** A file that is whole gets its name, unless something has that by now. */
async function putFile(whole: string, target: string, path: string): Promise<void> {
  try {
    await link(whole, target)
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw isThere(path)
    // On a disk whose files have one name each, as many sticks: only who writes at the same moment is not seen.
    if (await exists(target)) throw isThere(path)
    await rename(whole, target)
  }
  await rm(whole, { force: true })
  await synced(dirname(target))
}

function isThere(path: string): StoreError<"NOT_EMPTY"> {
  return new StoreError("NOT_EMPTY", `${path} is there already: choose another name`)
}

/** What the system refuses, as an error of the store. */
function systemFailure(error: unknown, what: string): unknown {
  if (error instanceof StoreError || !(error instanceof Error) || !("syscall" in error)) return error
  return new StoreError("STORE_FAILED", `${what}: ${error.message}`, { cause: error })
}

/**
 * Makes the folder of an agent from its exported store: whole, or not at all. `dir` must be empty or not there. What a crash leaves is a folder beside it, `dir`
 * with `.importing` at its end, which the next import removes. The agent starts send-locked: each connection re-synchronises before it sends, by itself or, where the
 * code was compared or post-quantum encryption is required, when the application calls `synchronizeRatchet`. Throws `StoreError` `NOT_EMPTY`, `NOT_FOUND`,
 * `STORE_IN_USE` while another process imports there, `EXPORT_DAMAGED`, `STORE_FORMAT`, `WRONG_PASSPHRASE`, `EMPTY_PASSPHRASE`, `STORE_FAILED`.
 */
export async function importAgent({ dir, file, ...options }: BackupOptions): Promise<void> {
  const target = resolve(dir)
  await assertEmpty(target, dir)
  const source = await opened(file)
  try {
    const room = join(dirname(target), `${basename(target)}.importing`)
    await using _lock = await lockedRoom(room)
    try {
      // Whoever had the room before may have been here first.
      await assertEmpty(target, dir)
      const unfinished = join(room, "agent")
      await rm(unfinished, { recursive: true, force: true })
      const raw = await lmdbRawStore(unfinished)
      const { files } = await importStore(raw, source.createReadStream({ autoClose: false }), {
        ...options,
        random: systemRandom,
      })
      for (const { name, content } of files) await writeBeside(unfinished, name, content)
      await rm(join(unfinished, "owner"), { force: true })
      await synced(unfinished)
      await put(unfinished, target, dir)
    } finally {
      await rm(room, { recursive: true, force: true })
    }
  } catch (error) {
    throw systemFailure(error, `${dir} cannot be written`)
  } finally {
    await source.close()
  }
}

async function assertEmpty(target: string, dir: string): Promise<void> {
  if ((await namesIn(target)).length > 0)
    throw new StoreError("NOT_EMPTY", `${dir} is not empty: import into a new folder`)
}

/** A folder for one import, until that is over. What it may hold before is what an import left that was cut off: anything else is somebody's. */
async function lockedRoom(room: string): Promise<AsyncDisposable> {
  await mkdir(room, { recursive: true, mode: 0o700 })
  const names = await namesIn(room)
  const isLeft =
    names.every((name) => name === "agent" || name === "owner") &&
    (names.length === 0 || names.includes("owner"))
  if (!isLeft)
    throw new StoreError(
      "NOT_EMPTY",
      `${room} is in the way, which the import needs for itself: move it, or import into another folder`,
    )
  try {
    return await lockDirectory(room)
  } catch (error) {
    if (await exists(room)) throw error
    throw new StoreError("STORE_IN_USE", "another import to the same place has just ended", { cause: error })
  }
}

/** A folder that is whole takes the place of one that is empty or missing, in one step. */
async function put(whole: string, target: string, dir: string): Promise<void> {
  await rmdir(target).catch(() => undefined)
  try {
    await rename(whole, target)
  } catch (cause) {
    const message = `${dir} cannot be replaced, as one into which a disk is mounted: import into a new folder`
    throw new StoreError("STORE_FAILED", message, { cause })
  }
  await synced(dirname(target))
}

async function writeBeside(directory: string, name: string, content: Bytes): Promise<void> {
  // Whoever made the export had the passphrase; still, nothing goes elsewhere.
  if (basename(name) !== name || name.startsWith("."))
    throw new StoreError("EXPORT_DAMAGED", "the exported agent names a file outside its folder")
  await using file = await open(join(directory, name), "wx", 0o600)
  await file.writeFile(content)
  await file.sync()
}

async function opened(path: string): Promise<Awaited<ReturnType<typeof open>>> {
  try {
    return await open(path, "r")
  } catch (cause) {
    throw new StoreError("NOT_FOUND", `${path} cannot be read: check the path`, { cause })
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch {
    return []
  }
}

async function contentOf(path: string): Promise<Bytes | undefined> {
  try {
    await using file = await open(path, "r")
    return new Uint8Array(await file.readFile())
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined
    throw error
  }
}

/** Also of a link that leads nowhere. */
async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false
    throw systemFailure(error, `${path} cannot be written`)
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined
}

async function synced(path: string): Promise<void> {
  await using directory = await open(path, "r")
  await directory.sync()
}
